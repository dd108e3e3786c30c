#include "server/kafka/fetch_waits.h"

#include <algorithm>
#include <utility>

#include "server/kafka/wire/fetch.h"

namespace stele::kafka {

struct FetchWaits::Wait {
  std::unique_ptr<FetchCall> call;
  std::chrono::nanoseconds since{0};
  server::TimerQueue::Id timer;
  std::vector<std::size_t> moved;  ///< targets to read on
  bool woken = false;
  bool expired = false;
};

namespace {

FetchResponsePartition answer_of(const FetchTarget& target, std::int32_t partition) {
  FetchResponsePartition answered;
  answered.partition = partition;
  answered.error_code = target.error;
  answered.high_watermark = target.ends.end.raw();
  answered.last_stable_offset = target.ends.end.raw();
  answered.log_start_offset = target.ends.log_start.raw();
  answered.records.pieces = target.pieces;
  return answered;
}

}  // namespace

void FetchCall::finish(std::chrono::nanoseconds now) {
  FetchResponse response;
  std::size_t at = 0;
  for (Topic& topic : topics) {
    FetchResponseTopic& answered = response.topics.emplace_back();
    answered.name = std::move(topic.name);
    answered.topic_id = topic.id;
    answered.partitions.reserve(topic.target_count);
    for (std::size_t end = at + topic.target_count; at < end; ++at) {
      const FetchTarget& target = read.targets()[at];
      request.metrics->count_error(ApiKey::kFetch, target.error);
      answered.partitions.push_back(answer_of(target, partitions[at]));
    }
  }
  request.metrics->records_fetched_bytes += static_cast<std::int64_t>(read.bytes());
  answer(request, response, now, read.take_buffers());
}

FetchWaits::FetchWaits(server::TimerQueue& timers, Metrics& metrics)
    : timers_(timers), metrics_(metrics) {}
FetchWaits::~FetchWaits() = default;

void FetchWaits::add(std::unique_ptr<FetchCall> call, std::chrono::nanoseconds now) {
  auto owned = std::make_unique<Wait>();
  Wait& wait = *owned;
  wait.call = std::move(call);
  wait.since = now;
  const auto& targets = wait.call->read.targets();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    by_partition_[targets[i].id].push_back({&wait, i});
  }
  wait.timer = timers_.add(wait.call->deadline, [this, &wait] {
    wait.expired = true;
    wake(wait);
  });
  if (wait.call->read.starved()) starved_.push_back(&wait);
  waits_.emplace(&wait, std::move(owned));
}

void FetchWaits::wake(Wait& wait) {
  if (!std::exchange(wait.woken, true)) woken_.push_back(&wait);
}

void FetchWaits::advanced(const TopicPartition& partition) {
  const auto at = by_partition_.find(partition);
  if (at == by_partition_.end()) return;
  for (const Place& place : at->second) {
    auto& moved = place.wait->moved;
    if (std::ranges::find(moved, place.target) == moved.end()) moved.push_back(place.target);
    wake(*place.wait);
  }
}

void FetchWaits::read_on(Wait& wait) {
  bool starved = false;
  for (const std::size_t target : std::exchange(wait.moved, {})) {
    wait.call->read.read(target);
    if (!wait.call->read.starved()) continue;
    starved = true;
    wait.moved.push_back(target);
  }
  if (starved) starved_.push_back(&wait);
}

void FetchWaits::run(std::chrono::nanoseconds now) {
  for (Wait* wait : std::exchange(starved_, {})) wake(*wait);
  for (Wait* wait : std::exchange(woken_, {})) {
    wait->woken = false;
    if (!wait->expired && !wait->call->request.reply->abandoned()) read_on(*wait);
    const bool done =
        wait->expired || wait->call->is_enough() || wait->call->request.reply->abandoned();
    if (done) finish(*wait, now);
  }
}

void FetchWaits::finish(Wait& wait, std::chrono::nanoseconds now) {
  timers_.cancel(wait.timer);
  for (const FetchTarget& target : wait.call->read.targets()) {
    const auto at = by_partition_.find(target.id);
    if (at == by_partition_.end()) continue;
    std::erase_if(at->second, [&wait](const Place& place) { return place.wait == &wait; });
    if (at->second.empty()) by_partition_.erase(at);
  }
  std::erase(starved_, &wait);
  const auto owned = std::move(waits_.extract(&wait).mapped());
  metrics_.fetch_wait.add(now - wait.since);
  wait.call->finish(now);
}

void FetchWaits::finish_all(std::chrono::nanoseconds now) {
  woken_.clear();
  while (!waits_.empty()) finish(*waits_.begin()->second, now);
}

}  // namespace stele::kafka
