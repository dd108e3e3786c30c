// What TermIndexImpl does off the core: cuts and merges, one at a time. A merge runs in pieces, and
// a cut that becomes due goes before its next piece.
#include <fmt/format.h>

#include <algorithm>

#include "log/base/check.h"
#include "log/index/term_index_impl.h"

namespace stele::log {
namespace {

// So many positions at most wait in the tail, however few terms they have: what is not in a run is
// read again at the next start.
constexpr std::int64_t kTailPositionsMax = 4 << 20;
constexpr std::chrono::seconds kRetryAfter{1};
constexpr std::chrono::milliseconds kWaitStep{1};
// Settling reads all runs: it waits for a quiet moment, and then takes a fifth of a core at most.
constexpr std::chrono::seconds kQuietBeforeSettling{1};
constexpr int kSettlingPause = 4;
constexpr std::chrono::minutes kSettlingAgainAfter{1};

}  // namespace

Position TermIndexImpl::tail_end() const {
  return std::max(told_end_, published_.tail->end());
}

void TermIndexImpl::upkeep(Position durable, Position ids_wanted_from) {
  durable_ = std::max(durable_, durable);
  ids_wanted_from_ = std::max(ids_wanted_from_, ids_wanted_from);
  start_next();
}

void TermIndexImpl::start_next() {
  if (job_ != nullptr || stopped_ || flushing_) return;
  look_for_damage();
  const TermTail& tail = *published_.tail;
  const bool full = tail.used_bytes() > options_.tail_bytes_max ||
                    distance(tail.from(), tail_end()) > kTailPositionsMax;
  if (published_.frozen == nullptr && full) freeze();
  if (env_.now() < retry_at_) return;
  if (can_cut()) return start_cut();
  if (merge_ != nullptr) return continue_merge();
  if (!superseded_.empty()) return remove_superseded();
  // Settling makes one of all small runs: the merges on the way to it need not be.
  if (may_settle()) {
    pool_->release();
    if (const auto pick = pick_settling(*published_.chain)) return start_merge(*pick, true);
  }
  if (const auto pick = pick_merge(*published_.chain, options_.merge_count))
    start_merge(*pick, false);
}

bool TermIndexImpl::may_settle() {
  const auto now = env_.now();
  if (told_end_ != seen_end_) {
    seen_end_ = told_end_;
    moved_at_ = now;
  }
  return now - moved_at_ >= kQuietBeforeSettling && now >= settle_at_;
}

void TermIndexImpl::freeze() {
  const Position end = tail_end();
  if (end == published_.tail->from()) return;
  auto fresh = std::make_shared<TermTail>(end, options_.tail_bytes_max,
                                          published_.tail->term_count(), pool_);
  const std::unique_lock lock(*lock_);
  published_.frozen = std::exchange(published_.tail, std::move(fresh));
  published_.frozen_to = end;
}

TailCut TermIndexImpl::planned_cut() const {
  return {.tail = published_.frozen,
          .range = {.from = published_.frozen->from(), .to = published_.frozen_to},
          .older = *published_.chain};
}

void TermIndexImpl::start(JobKind kind, JobWork work) {
  job_ = std::make_shared<Job>();
  job_->kind = kind;
  env_.offload_background(
      [job = job_, work = std::move(work)]() mutable -> Result<void> {
        job->result = work(*job);
        job->finished.store(true, std::memory_order_release);
        return {};
      },
      [this, job = job_, alive = std::weak_ptr(alive_)](Result<void> done) {
        if (alive.expired() || job_ != job) return;
        if (!job->finished.load(std::memory_order_acquire)) job->result = std::move(done);
        finish(job);
      });
}

void TermIndexImpl::start_cut() {
  start(JobKind::kCut,
        [&env = env_, folder = folder_, store = store_, hasher = hasher_, heads = heads_,
         cut = planned_cut()](Job& job) -> Result<void> {
          STELE_TRY(job.made, cut_tail(env, folder, store, hasher, cut, *heads, job.stop));
          return {};
        });
}

void TermIndexImpl::start_merge(const MergePick& pick, bool settling) {
  RunMerge::Plan plan{.ids_wanted_from = ids_wanted_from_};
  for (std::size_t i = settling ? 0 : pick.first; i < pick.first + pick.count; ++i)
    (i < pick.first ? plan.older : plan.inputs).push_back((*published_.chain)[i].run);
  settling_since_ = settling ? env_.now() : std::chrono::nanoseconds(0);
  merge_ = std::make_shared<RunMerge>(env_, folder_, store_, hasher_, std::move(plan));
  continue_merge();
}

void TermIndexImpl::continue_merge() {
  start(JobKind::kMerge,
        [&env = env_, folder = folder_, store = store_, merge = merge_](Job& job) -> Result<void> {
          const auto step = [&]() -> Result<void> {
            STELE_TRY(const bool done, merge->step(job.stop));
            if (!done) return {};
            STELE_TRY(RunPtr run, Run::open(env, folder, merge->range(), store));
            STELE_TRY(job.made, load_filter(std::move(run)));
            return {};
          };
          auto result = step();
          if (!result || job.stop.load()) merge->discard();
          return result;
        });
}

// Whoever still reads them has them open.
void TermIndexImpl::remove_superseded() {
  start(JobKind::kRemoval,
        [&env = env_, paths = std::exchange(superseded_, {})](Job& job) -> Result<void> {
          job.not_removed = paths;
          for (; !job.not_removed.empty(); job.not_removed.pop_back())
            STELE_DO(env.remove(job.not_removed.back()));
          return {};
        });
}

// A damaged run is still served where it is whole; its name goes, so that the next start reads the
// log again from where it began.
void TermIndexImpl::look_for_damage() {
  for (const ChainedRun& one : *published_.chain) {
    if (!one.run->damaged() || std::ranges::find(damaged_, one.run) != damaged_.end()) continue;
    damaged_.push_back(one.run);
    superseded_.push_back(one.run->path());
    const std::string line =
        fmt::format("index_run_damaged file={} rebuilt=at_next_start", one.run->path());
    env_.report(Severity::kError, line);
    const std::scoped_lock lock(failure_mutex_);
    damage_ = line;
  }
}

void TermIndexImpl::finish(const std::shared_ptr<Job>& job) {
  job_.reset();
  superseded_.insert(superseded_.end(), job->not_removed.begin(), job->not_removed.end());
  if (!job->result) {
    failed(job->kind, job->result.error());
    if (job->kind == JobKind::kMerge) merge_.reset();
  } else if (job->made && job->kind == JobKind::kCut) {
    publish_cut(*std::move(job->made));
  } else if (job->made) {
    publish_merge(*std::move(job->made));
  } else if (job->kind == JobKind::kRemoval) {
    succeeded();
  }
  if (stopped_) merge_.reset();
  start_next();
}

void TermIndexImpl::publish_cut(ChainedRun made) {
  RunChain chain = *published_.chain;
  chain.push_back(std::move(made));
  publish(std::move(chain), true);
  ++cuts_;
}

void TermIndexImpl::publish_merge(ChainedRun made) {
  RunChain chain = *published_.chain;
  const std::vector<RunPtr>& inputs = merge_->inputs();
  auto first = std::ranges::find(chain, inputs.front(), &ChainedRun::run);
  const auto count = static_cast<std::ptrdiff_t>(inputs.size());
  STELE_CHECK(chain.end() - first >= count && (first + count - 1)->run == inputs.back());
  // A single input has the name of what was made of it.
  for (const RunPtr& input : inputs) {
    if (input->range() != made.run->range()) superseded_.push_back(input->path());
  }
  *first = std::move(made);
  chain.erase(first + 1, first + count);
  merge_.reset();
  const auto now = env_.now();
  if (settling_since_.count() > 0) settle_at_ = now + (now - settling_since_) * kSettlingPause;
  publish(std::move(chain), false);
  ++merges_;
}

void TermIndexImpl::publish(RunChain chain, bool is_cut) {
  bound_filters(chain);
  auto fresh = std::make_shared<const RunChain>(std::move(chain));
  std::shared_ptr<const TermTail> old_tail;  // freed behind the lock
  {
    const std::unique_lock lock(*lock_);
    std::swap(published_.chain, fresh);
    if (is_cut) old_tail = std::exchange(published_.frozen, nullptr);
  }
  succeeded();
}

void TermIndexImpl::succeeded() {
  const std::scoped_lock lock(failure_mutex_);
  last_failure_.clear();
}

void TermIndexImpl::failed(JobKind kind, const Error& error) {
  if (error.code == Code::kCancelled) return;
  const std::string_view what = kind == JobKind::kCut     ? "cut"
                                : kind == JobKind::kMerge ? "merge"
                                                          : "removal";
  retry_at_ = env_.now() + kRetryAfter;
  if (kind == JobKind::kMerge && settling_since_.count() > 0)
    settle_at_ = env_.now() + kSettlingAgainAfter;
  const std::scoped_lock lock(failure_mutex_);
  if (last_failure_.empty()) {
    env_.report(Severity::kWarn, fmt::format("index_{}_failed error=\"{}\"", what, error.text()));
  }
  last_failure_ = fmt::format("{}: {}", what, error.text());
}

Result<void> TermIndexImpl::flush(Position durable) {
  durable_ = std::max(durable_, durable);
  flushing_ = true;
  while (job_ != nullptr) {
    if (job_->finished.load(std::memory_order_acquire)) {
      finish(std::shared_ptr(job_));
    } else {
      env_.wait(kWaitStep);
    }
  }
  flushing_ = false;
  // What waits to be cut already, and what has come since.
  for (int i = 0; i < 2; ++i) {
    if (published_.frozen == nullptr && tail_end() <= durable_) freeze();
    if (!can_cut()) break;
    const std::atomic<bool> never = false;
    auto made = cut_tail(env_, folder_, store_, hasher_, planned_cut(), *heads_, never);
    if (!made) {
      failed(JobKind::kCut, made.error());
      return std::unexpected(std::move(made).error());
    }
    publish_cut(*std::move(made));
  }
  return {};
}

void TermIndexImpl::stop() {
  stopped_ = true;
  if (job_ != nullptr) {
    job_->stop.store(true);
  } else {
    merge_.reset();
  }
}

}  // namespace stele::log
