#include "projections/flow/flow_fold.h"

#include <algorithm>
#include <utility>

#include "log/base/fail.h"
#include "projections/flow/parking.h"
#include "projections/flow/redrive.h"

namespace stele::projections {
namespace {

// Fewer are folded sooner than another thread wakes up.
constexpr std::size_t kTogetherMin = 256;
constexpr std::size_t kParkingsMax = 10'000;
// How many events ahead memory is asked for: a read of memory takes as long as a few of them.
constexpr std::size_t kSlotAhead = 12;
constexpr std::size_t kEntryAhead = 6;

bool has_effects(const Definition& definition) {
  return definition.has_effects || !definition.publish_topic.empty();
}

}  // namespace

FlowFold::FlowFold(DefinitionPtr definition, Source& source, std::unique_ptr<StateStore> states,
                   FlowTaskOptions options)
    : definition_(std::move(definition)),
      source_(source),
      states_(std::move(states)),
      options_(std::move(options)),
      takes_parked_(definition_->poison == PoisonPolicy::kPark && source.events() != nullptr),
      outbox_(definition_->name),
      changes_(definition_->publish_topic.empty()
                   ? std::nullopt
                   : std::optional<ChangePublisher>(std::in_place, definition_, outbox_)),
      has_effects_(has_effects(*definition_)),
      router_(*definition_),
      solo_({*definition_, *states_, definition_->has_effects ? &outbox_ : nullptr,
             changes_ ? &*changes_ : nullptr, torn_},
            0, 1),
      poisons_(options_.poison_max) {
  if (options_.lanes == 1) return;
  const FolderParts parts{*definition_, *states_, nullptr, nullptr, torn_};
  for (std::uint32_t lane = 0; lane < options_.lanes; ++lane)
    lane_folders_.emplace_back(parts, lane, options_.lanes);
  lane_notes_.resize(options_.lanes);
  pool_ = std::make_unique<LanePool>(options_.lanes);
}

// --- what is kept ---

Result<void> FlowFold::restore() {
  STELE_TRY(auto mark, states_->restore());
  if (!mark) mark.emplace();
  checkpoint_ = std::move(mark->checkpoint);
  event_count_ = mark->event_count;
  event_time_ms_max_ = mark->event_time_ms_max;
  recorded_us_max_ = mark->recorded_us_max;
  stop_.reset();
  parkings_.clear();
  STELE_DO(take_extras(mark->extras));
  progress_.end(checkpoint_);
  return {};
}

Result<void> FlowFold::take_extras(ByteView extras) {
  const std::scoped_lock lock(poison_mutex_);
  poisons_ = PoisonLog(options_.poison_max);
  Bytes nothing;
  Outbox(definition_->name).encode(nothing);
  ByteView empty = nothing;
  STELE_DO(outbox_.decode(empty));
  if (extras.empty()) return {};
  STELE_DO(poisons_.decode(extras));
  STELE_DO(outbox_.decode(extras));
  if (extras.empty()) return {};
  return fail(Code::kCorrupt, "{} bytes are left behind poison records and timers", extras.size());
}

Mark FlowFold::mark() const {
  Mark mark{.checkpoint = checkpoint_,
            .event_count = event_count_,
            .event_time_ms_max = event_time_ms_max_,
            .recorded_us_max = recorded_us_max_,
            .extras = {}};
  poisons_.encode(mark.extras);
  outbox_.encode(mark.extras);
  return mark;
}

Result<void> FlowFold::commit(bool force) {
  STELE_DO(park());
  return states_->commit(mark(), force);
}

std::vector<PoisonRecord> FlowFold::poisons() const {
  const std::scoped_lock lock(poison_mutex_);
  return poisons_.records();
}

std::size_t FlowFold::poison_count() const {
  const std::scoped_lock lock(poison_mutex_);
  return poisons_.size();
}

// --- folding ---

Result<void> FlowFold::fold(const LotWork& work, std::int64_t limit) {
  const Lot& lot = *work.lot;
  const auto below = [&](const EventWork& one) {
    return place_of(lot.input, lot.events[one.index]) < limit;
  };
  stop_.reset();
  progress_.begin(work.lot, tick_);
  if (pool_ != nullptr && limit == INT64_MAX) {
    STELE_DO(fold_in_lanes(work));
  } else {
    const auto end = std::ranges::partition_point(work.events, below);
    STELE_DO(fold_alone(work, 0, static_cast<std::size_t>(end - work.events.begin())));
  }
  tick_ += static_cast<std::int64_t>(lot.events.size());
  const std::int64_t next = stop_ ? stop_->at.next(lot.input) : std::min(lot.next, limit);
  count(work, next);
  if (stop_ && stop_->dirty) torn_.store(true);
  progress_.end(checkpoint_);
  return {};
}

// The events below `next` are in.
void FlowFold::count(const LotWork& work, std::int64_t next) {
  const Lot& lot = *work.lot;
  const auto below = [&](const InputEvent& event) { return place_of(lot.input, event) < next; };
  const auto end = std::ranges::partition_point(lot.events, below);
  const auto number = static_cast<std::uint32_t>(end - lot.events.begin());
  event_count_ += number;
  if (number == lot.events.size()) {
    event_time_ms_max_ = std::max(event_time_ms_max_, work.event_time_ms_max);
    recorded_us_max_ = std::max(recorded_us_max_, work.recorded_us_max);
  } else {
    for (const EventWork& one : work.events) {
      if (one.index >= number) break;
      event_time_ms_max_ = std::max(event_time_ms_max_, lot.events[one.index].time_ms);
      recorded_us_max_ = std::max(recorded_us_max_, lot.events[one.index].recorded_us);
    }
  }
  checkpoint_.set(lot.input, std::max(checkpoint_.next(lot.input), next));
}

Result<void> FlowFold::fold_alone(const LotWork& work, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to && !stop_; ++i) {
    prefetch(work, i, to);
    STELE_DO(fold_event(work, work.events[i]));
  }
  return {};
}

void FlowFold::prefetch(const LotWork& work, std::size_t at, std::size_t end,
                        std::uint32_t lane) const {
  const auto ask = [&](std::size_t ahead, bool is_near) {
    if (ahead >= end) return;
    const EventWork& one = work.events[ahead];
    if (one.hash != 0 && (lane == kAnyLane || one.lane == lane))
      states_->prefetch(0, one.hash, is_near);
  };
  ask(at + kSlotAhead, false);
  ask(at + kEntryAhead, true);
}

Result<void> FlowFold::fold_event(const LotWork& work, const EventWork& one) {
  if (one.route == nullptr) [[unlikely]]
    return fold_redriven(work, one);
  const InputEvent& event = work.lot->events[one.index];
  STELE_TRY(const bool is_good, fold_one(work, event, *one.route, one));
  if (!is_good) pass_over(work, one.index, event, solo_.error(), solo_.is_dirty());
  return {};
}

// False: it is poison.
Result<bool> FlowFold::fold_one(const LotWork& work, const InputEvent& event, const Route& route,
                                const EventWork& one) {
  const InputId& input = work.lot->input;
  if (has_effects_)
    outbox_.begin(event, is_muted(input, place_of(input, work.lot->events[one.index])));
  const auto hash = one.hash != 0 ? std::optional(one.hash) : std::nullopt;
  const Folding folding = solo_.fold(event, route, tick_ + one.index, hash);
  if (folding == Folding::kFolded) [[likely]]
    return true;
  if (has_effects_) outbox_.discard();
  if (folding == Folding::kBroken) return std::unexpected(solo_.error());
  return false;
}

// An event of the park topic: parked copies are passed over, redriven ones folded once.
Result<void> FlowFold::fold_redriven(const LotWork& work, const EventWork& one) {
  const auto redriven = RedrivenEvent::read(work.lot->events[one.index], definition_->name);
  if (!redriven || !poisons_.holds(redriven->origin())) return {};
  const InputEvent original = redriven->original();
  router_.begin_lot();
  const Route* route = router_.find(original.topic, original.type);
  if (route != nullptr) {
    STELE_TRY(const bool is_good, fold_one(work, original, *route, one));
    if (!is_good) {
      pass_over(work, one.index, original, solo_.error(), solo_.is_dirty());
      return {};
    }
  }
  const std::scoped_lock lock(poison_mutex_);
  poisons_.take_off(redriven->origin());
  return {};
}

bool FlowFold::is_muted(const InputId& input, std::int64_t place) const {
  return !options_.effects_from || place < options_.effects_from->next(input);
}

void FlowFold::set_effects_from(std::optional<Checkpoint> from) {
  options_.effects_from = std::move(from);
}

// --- poison ---

void FlowFold::pass_over(const LotWork& work, std::uint32_t index, const InputEvent& event,
                         const Error& reason, bool dirty) {
  if (definition_->poison == PoisonPolicy::kStop)
    return stop_at(work, index, fmt::format("{}: {}", event_place(event), reason.detail), dirty);
  const std::string origin = origin_of(event);
  const bool is_known = poisons_.holds(origin);
  if (!is_known && poisons_.full())
    return stop_at(work, index,
                   fmt::format("{}: {} (no more than {} poison events are recorded)",
                               event_place(event), reason.detail, options_.poison_max),
                   dirty);
  const bool is_parked = definition_->poison == PoisonPolicy::kPark;
  if (is_parked && !is_known)
    parkings_.push_back({origin, parked_copy(*definition_, event, origin, reason.detail)});
  const InputId& input = work.lot->input;
  const std::scoped_lock lock(poison_mutex_);
  poisons_.add(origin, {.input = input,
                        .place = place_of(input, work.lot->events[index]),
                        .event = event_place(event),
                        .reason = reason.detail,
                        .parked = is_parked});
}

void FlowFold::stop_at(const LotWork& work, std::uint32_t index, std::string because, bool dirty) {
  const InputId& input = work.lot->input;
  Checkpoint at = checkpoint_;
  at.set(input, place_of(input, work.lot->events[index]));
  stop_ = FlowStop{.because = std::move(because), .at = std::move(at), .dirty = dirty};
}

// --- lanes ---

Result<void> FlowFold::fold_in_lanes(const LotWork& work) {
  const std::size_t count = work.events.size();
  for (std::size_t from = 0; from < count && !stop_;) {
    std::size_t to = from;
    while (to < count && work.events[to].lane != EventWork::kAlone) ++to;
    STELE_DO(fold_together(work, from, to));
    if (to < count && !stop_) STELE_DO(fold_alone(work, to, to + 1));
    from = to + 1;
  }
  return {};
}

Result<void> FlowFold::fold_together(const LotWork& work, std::size_t from, std::size_t to) {
  if (to - from < kTogetherMin) return fold_alone(work, from, to);
  stop_index_.store(UINT32_MAX, std::memory_order_relaxed);
  pool_->run([&](std::uint32_t lane) { fold_lane(work, from, to, lane); });
  std::vector<std::pair<std::uint32_t, Error>> poisons;
  for (LaneNotes& notes : lane_notes_) {
    if (notes.broken) return std::unexpected(*std::exchange(notes.broken, std::nullopt));
    std::ranges::move(notes.poisons, std::back_inserter(poisons));
    notes.poisons.clear();
  }
  std::ranges::sort(poisons, {}, [](const auto& poison) { return poison.first; });
  for (const auto& [index, reason] : poisons) {
    // Others may have gone past it.
    if (!stop_) pass_over(work, index, work.lot->events[index], reason, true);
  }
  return {};
}

void FlowFold::fold_lane(const LotWork& work, std::size_t from, std::size_t to,
                         std::uint32_t lane) {
  EventFolder& folder = lane_folders_[lane];
  LaneNotes& notes = lane_notes_[lane];
  const bool stops = definition_->poison == PoisonPolicy::kStop;
  for (std::size_t i = from; i < to; ++i) {
    const EventWork& one = work.events[i];
    prefetch(work, i, to, lane);
    if (one.lane != lane) continue;
    if (one.index > stop_index_.load(std::memory_order_relaxed)) return;
    const auto hash = one.hash != 0 ? std::optional(one.hash) : std::nullopt;
    const Folding folding =
        folder.fold(work.lot->events[one.index], *one.route, tick_ + one.index, hash);
    if (folding == Folding::kFolded) [[likely]]
      continue;
    if (folding == Folding::kBroken) {
      notes.broken = folder.error();
      return;
    }
    notes.poisons.emplace_back(one.index, folder.error());
    if (!stops) continue;
    std::uint32_t first = stop_index_.load(std::memory_order_relaxed);
    while (one.index < first && !stop_index_.compare_exchange_weak(first, one.index)) {
    }
    return;
  }
}

Result<std::size_t> FlowFold::redrive() {
  if (!takes_parked_)
    return fail(Code::kUnsupported,
                "projection {} parks nothing that can be redriven: its policy is another, or its "
                "source is no store",
                definition_->name);
  STELE_DO(park());
  const auto is_recorded = [this](const std::string& origin) { return poisons_.holds(origin); };
  return append_again(*source_.events(), source_, *definition_, is_recorded);
}

// --- what goes out ---

Result<void> FlowFold::let_out() {
  STELE_DO(park());
  if (!options_.effects_from) return {};
  return outbox_.flush(source_);
}

Result<void> FlowFold::fire_due(std::int64_t now_ms) {
  if (!options_.effects_from || !checkpoint_.covers(*options_.effects_from)) return {};
  STELE_TRY([[maybe_unused]] const std::size_t fired, outbox_.fire_due(now_ms, source_));
  return {};
}

std::optional<std::int64_t> FlowFold::next_due_ms() const {
  // Not from within a history whose effects are muted, either.
  const auto& from = options_.effects_from;
  return from && checkpoint().covers(*from) ? outbox_.next_due_ms() : std::nullopt;
}

bool FlowFold::is_full() const {
  return outbox_.full() || parkings_.size() >= kParkingsMax;
}

Result<void> FlowFold::park() {
  if (parkings_.empty()) return {};
  std::vector<log::TopicEvent> copies;
  for (const Parking& parking : parkings_) copies.push_back(parking.copy);
  auto appended = source_.append(std::move(copies));
  const auto is_refused = [](const Error& error) {
    return error.code == Code::kInvalid || error.code == Code::kTooLarge;
  };
  if (!appended && !is_refused(appended.error())) return appended;
  // One of them cannot be parked as it is: the others can.
  for (const Parking& parking : parkings_) {
    if (appended) break;
    auto one = source_.append({parking.copy});
    if (one) continue;
    if (!is_refused(one.error())) return one;
    const std::scoped_lock lock(poison_mutex_);
    poisons_.not_parked(parking.origin, one.error().text());
  }
  parkings_.clear();
  return {};
}

}  // namespace stele::projections
