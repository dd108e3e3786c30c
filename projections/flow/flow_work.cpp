#include "projections/flow/flow_work.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::chrono::milliseconds kLiveCommitSpacing{100};  // of SQLite, when it has caught up
constexpr std::chrono::seconds kRetrySpacing{1};              // of commits that failed
constexpr std::uint64_t kDeclinedPart =
    16;  // of snapshot_every, till a declined one is tried again
constexpr std::int64_t kLiveLagMax = 10'000;  // events; a live flow that is behind by more is none

std::vector<std::string> topics_of(const Definition& definition, bool takes_parked) {
  std::vector<std::string> topics;
  const auto add = [&](const std::string& topic) {
    if (std::ranges::find(topics, topic) == topics.end()) topics.push_back(topic);
  };
  for (const Definition* fold : folds_of(definition)) std::ranges::for_each(fold->topics, add);
  if (takes_parked) add(definition.park_topic);
  return topics;
}

std::int64_t lag(const Checkpoint& checkpoint, const Checkpoint& end) {
  std::int64_t events = 0;
  for (const InputPlace& place : end.places())
    events += std::max<std::int64_t>(0, place.next - checkpoint.next(place.input));
  return events;
}

}  // namespace

FlowWork::FlowWork(DefinitionPtr definition, Source& source, std::vector<InputId> inputs, Env& env,
                   std::unique_ptr<StateStore> states, FlowTaskOptions options)
    : definition_(std::move(definition)),
      source_(source),
      inputs_(std::move(inputs)),
      env_(env),
      lanes_(options.lanes),
      fold_(definition_, source, std::move(states), std::move(options)),
      topics_(topics_of(*definition_, fold_.takes_parked())),
      sharer_(*definition_, 1, fold_.takes_parked()) {}

Result<void> FlowWork::begin() {
  STELE_DO(fold_.restore());
  committed_ = fold_.checkpoint();
  tried_count_ = fold_.event_count();
  STELE_DO(open_reader());
  STELE_TRY(status_.end, source_.end(inputs_));
  status_.state = FlowState::kBehind;
  status_.restored_events = fold_.event_count();
  rate_.add(env_.now(), 0);
  return {};
}

// --- stepping ---

Result<bool> FlowWork::step(std::chrono::nanoseconds longest) {
  if (over_) return std::unexpected(*over_);
  STELE_DO(let_out_some());
  STELE_TRY(const bool has_lot, next_lot(bounded(longest)));
  if (has_lot) STELE_DO(fold());
  STELE_DO(fire_due());
  commit_if_due();
  tell(has_lot);
  return caught_up_;
}

Result<void> FlowWork::open_reader() {
  STELE_TRY(auto reader, source_.open(topics_, inputs_, fold_.checkpoint()));
  if (lanes_ > 1)
    ahead_ = std::make_unique<LotAhead>(std::move(reader),
                                        LotSharer(*definition_, lanes_, fold_.takes_parked()));
  else
    reader_ = std::move(reader);
  return {};
}

void FlowWork::close_reader() {
  ahead_.reset();
  reader_.reset();
}

// False: there is none yet.
Result<bool> FlowWork::next_lot(std::chrono::nanoseconds longest) {
  if (reader_ == nullptr && ahead_ == nullptr) STELE_DO(open_reader());
  if (ahead_ != nullptr) {
    auto taken = ahead_->take(work_, longest);
    if (!taken) close_reader();
    return taken;
  }
  work_.lot.reset();  // its memory can be that of the next one
  auto lot = reader_->next(longest);
  if (!lot) {
    close_reader();
    return std::unexpected(std::move(lot).error());
  }
  sharer_.share(*std::move(lot), work_);
  return true;
}

std::chrono::nanoseconds FlowWork::bounded(std::chrono::nanoseconds longest) {
  const auto due_ms = fold_.next_due_ms();
  if (!due_ms) return longest;
  const std::int64_t wall_ms = env_.wall_us() / kUsPerMs;
  if (*due_ms <= wall_ms) return std::chrono::nanoseconds::zero();
  const std::int64_t left_ms = *due_ms - wall_ms;  // a timer may be set for the end of time
  const auto longest_ms = std::chrono::ceil<std::chrono::milliseconds>(longest);
  return left_ms > longest_ms.count()
             ? longest
             : std::min<std::chrono::nanoseconds>(longest, std::chrono::milliseconds(left_ms));
}

Result<void> FlowWork::fold() {
  if (auto folded = fold_.fold(work_); !folded) {
    lost_ = true;
    return std::unexpected(stopped(std::move(folded).error()));
  }
  const auto events = work_.lot->events;
  if (!events.empty()) last_recorded_us_ = events.back().recorded_us;
  caught_up_ = work_.lot->end;
  if (fold_.stop()) return std::unexpected(stop_here(*fold_.stop()));
  return let_out_some();
}

// What waits may wait on while there is room.
Result<void> FlowWork::let_out_some() {
  auto out = fold_.let_out();
  if (out || (may_pass(out.error().code) && !fold_.is_full())) return {};
  return std::unexpected(on_out_error(std::move(out).error()));
}

Result<void> FlowWork::fire_due() {
  const std::int64_t wall_ms = env_.wall_us() / kUsPerMs;
  // What was recorded before a timer was due has its say first: it may cancel it.
  const std::int64_t now_ms =
      caught_up_ ? wall_ms : std::min(wall_ms, last_recorded_us_ / kUsPerMs);
  const auto due_ms = fold_.next_due_ms();
  if (!due_ms || *due_ms > now_ms) return {};
  is_changed_ = true;
  caught_up_ = false;  // what is fired may be the flow's own to fold
  auto fired = fold_.fire_due(now_ms);
  if (fired || (may_pass(fired.error().code) && !fold_.is_full())) return {};
  return std::unexpected(on_out_error(std::move(fired).error()));
}

// What will never leave stops the flow; it is still there after a restart.
Error FlowWork::on_out_error(Error error) {
  if (may_pass(error.code)) return error;
  static_cast<void>(commit_now(true));
  return stopped(std::move(error));
}

// --- commits ---

bool FlowWork::is_due() {
  const std::uint64_t events = fold_.event_count() - tried_count_;
  const std::chrono::nanoseconds now = env_.now();
  if (events == 0 || now < not_before_) return false;
  if (const auto* memory = std::get_if<MemoryStore>(&definition_->store)) {
    const std::uint64_t every =
        is_declined_ ? memory->snapshot_every / kDeclinedPart : memory->snapshot_every;
    return events >= every;
  }
  const std::uint64_t every = std::get<SqliteStore>(definition_->store).commit_every;
  return events >= every || (caught_up_ && now - committed_at_ >= kLiveCommitSpacing);
}

// One that fails leaves what is on the disk as it is: the flow goes on, and tries again.
void FlowWork::commit_if_due() {
  if (!is_due()) return;
  const auto done = commit_now(false);
  if (done) return;
  not_before_ = env_.now() + kRetrySpacing;
  env_.report(Severity::kWarn,
              fmt::format("projection_commit_failed projection={} version={} {}", definition_->name,
                          definition_->version, done.error().text()));
}

Result<void> FlowWork::commit_now(bool force) {
  const std::uint64_t snapshots = fold_.states().stats().snapshot_count;
  tried_count_ = fold_.event_count();
  STELE_DO(fold_.commit(force));
  is_declined_ = !force && fold_.states().stats().snapshot_count == snapshots;
  committed_at_ = env_.now();
  if (is_declined_) return {};
  committed_ = fold_.checkpoint();
  is_changed_ = false;
  return {};
}

Result<void> FlowWork::let_out() {
  if (lost_) return {};
  is_changed_ = true;
  return fold_.let_out();
}

Result<void> FlowWork::commit() {
  if (lost_) return fail(Code::kClosed, "projection {}: {}", definition_->name, over_->detail);
  if (committed_ == fold_.checkpoint() && !is_changed_) return {};
  return commit_now(true);
}

// --- stopping ---

// The states are as they were before the event, and durable, so that a restart is there at once.
Error FlowWork::stop_here(FlowStop stop) {
  close_reader();
  if (stop.dirty) {
    if (auto rebuilt = rebuild(stop.at); !rebuilt) {
      lost_ = true;
      Error error = std::move(rebuilt).error();
      error.detail = fmt::format("{}; and the states before it could not be rebuilt: {}",
                                 stop.because, error.detail);
      return stopped(std::move(error));
    }
  }
  static_cast<void>(fold_.let_out());
  if (auto done = commit(); !done)
    env_.report(Severity::kWarn,
                fmt::format("projection_commit_failed projection={} version={} {}",
                            definition_->name, definition_->version, done.error().text()));
  return stopped({Code::kInvalid, stop.because});
}

Result<void> FlowWork::rebuild(const Checkpoint& target) {
  const std::unique_lock lock(rebuild_mutex_);
  STELE_DO(fold_.restore());
  STELE_TRY(const auto reader, source_.open(topics_, inputs_, fold_.checkpoint()));
  while (!fold_.checkpoint().covers(target)) {
    STELE_TRY(LotPtr lot, reader->next(std::chrono::nanoseconds::zero()));
    const bool is_end = lot->end && lot->events.empty();
    const std::int64_t limit = target.next(lot->input);
    sharer_.share(std::move(lot), work_);
    STELE_DO(fold_.fold(work_, limit));
    if (fold_.stop())
      return fail(Code::kInvalid, "the handlers are not deterministic: now {}",
                  fold_.stop()->because);
    if (fold_.is_full()) STELE_DO(fold_.let_out());
    if (is_end && !fold_.checkpoint().covers(target))
      return fail(Code::kOutOfRange, "the source ends before the event");
  }
  fold_.rebuilt();
  return {};
}

Error FlowWork::stopped(Error error) {
  over_ = error;
  close_reader();
  {
    const std::scoped_lock lock(status_mutex_);
    status_.state = FlowState::kStopped;
    status_.stopped_because = error.detail;
  }
  fold_.progress().stop();
  return error;
}

// --- for others ---

void FlowWork::set_effects_from(std::optional<Checkpoint> from) {
  fold_.set_effects_from(std::move(from));
}

Result<Checkpoint> FlowWork::read(ByteView key,
                                  const std::function<void(const void* state)>& visit) const {
  for (;;) {
    const std::shared_lock lock(rebuild_mutex_);
    if (lost_)
      return fail(Code::kClosed, "projection {}: its states are lost, open it again",
                  definition_->name);
    std::optional<Checkpoint> at;
    STELE_DO(fold_.states().read(0, Key(key), [&](const void* state, std::int64_t last_tick) {
      if (fold_.is_torn()) return;
      at = fold_.progress().at(last_tick);
      visit(state);
    }));
    if (at) return *std::move(at);
    std::this_thread::yield();  // who folds is about to rebuild
  }
}

Checkpoint FlowWork::checkpoint() const {
  return fold_.progress().checkpoint();
}

bool FlowWork::wait_for(const Checkpoint& wanted, std::chrono::nanoseconds longest) const {
  return fold_.progress().wait_for(wanted, longest);
}

void FlowWork::tell(bool folded) {
  const std::uint64_t count = status_.events_folded + (folded ? work_.lot->events.size() : 0);
  rate_.add(env_.now(), count);
  const std::int64_t wall_us = env_.wall_us();
  const std::scoped_lock lock(status_mutex_);
  status_.events_folded = count;
  status_.events_per_second = rate_.per_second(env_.now(), count);
  if (folded) status_.end.set(work_.lot->input, work_.lot->input_end);
  const bool is_live = caught_up_ || (status_.state == FlowState::kLive &&
                                      lag(fold_.checkpoint(), status_.end) <= kLiveLagMax);
  status_.state = is_live ? FlowState::kLive : FlowState::kBehind;
  constexpr double kUsPerSecond = 1e6;
  status_.lag_seconds =
      is_live || last_recorded_us_ == 0
          ? 0
          : static_cast<double>(std::max<std::int64_t>(0, wall_us - last_recorded_us_)) /
                kUsPerSecond;
}

FlowStatus FlowWork::status() const {
  FlowStatus status;
  {
    const std::scoped_lock lock(status_mutex_);
    status = status_;
  }
  status.checkpoint = checkpoint();
  status.lag_events = lag(status.checkpoint, status.end);
  status.poison_count = fold_.poison_count();
  status.states = fold_.states().stats();
  return status;
}

std::vector<PoisonRecord> FlowWork::poisons() const {
  return fold_.poisons();
}

Result<std::size_t> FlowWork::redrive() {
  return fold_.redrive();
}

}  // namespace stele::projections
