#include "server/kafka/fetch_waits.h"

#include <utility>

namespace stele::kafka {

FetchWaits::FetchWaits(const log::Store& store, server::TimerQueue& timers, FetchIndex& index,
                       FetchSessionCache& sessions, Metrics& metrics, Limits limits)
    : store_(store),
      timers_(timers),
      index_(index),
      sessions_(sessions),
      metrics_(metrics),
      limits_(limits) {}
FetchWaits::~FetchWaits() = default;

void FetchWaits::add(std::unique_ptr<FetchCall> owned, std::chrono::nanoseconds now) {
  FetchCall& call = *owned;
  const std::size_t targets = target_count_ + call.slots.size();
  if (waits_.size() >= limits_.calls_max || targets > limits_.targets_max) {
    return call.finish(sessions_, now);
  }
  target_count_ = targets;
  call.waiting_since = now;
  call.session->waiting = &call;
  for (const FetchSlot slot : call.slots) call.session->await(slot);
  call.timer = timers_.add(call.deadline, [this, &call] {
    call.expired = true;
    wake(call);
  });
  if (!call.moved.empty()) starved_.push_back(&call);
  waits_.emplace(&call, std::move(owned));
}

void FetchWaits::wake(FetchCall& call) {
  if (!std::exchange(call.woken, true)) woken_.push_back(&call);
}

void FetchWaits::advanced(const TopicPartition& partition) {
  index_.take(partition, [this](const FetchIndex::Place& place) {
    place.session->moved(place.slot);
    FetchCall* call = place.session->waiting;
    if (call == nullptr) return;
    call->moved.push_back(place.slot);
    wake(*call);
  });
}

void FetchWaits::run(std::chrono::nanoseconds now) {
  for (FetchCall* call : std::exchange(starved_, {})) wake(*call);
  for (FetchCall* call : std::exchange(woken_, {})) {
    call->woken = false;
    const std::size_t targets_before = call->slots.size();
    const bool is_over = call->expired || call->request.reply->abandoned();
    if (!is_over && !call->look_again(store_)) starved_.push_back(call);
    target_count_ += call->slots.size() - targets_before;
    if (is_over || call->is_enough()) finish(*call, now);
  }
}

void FetchWaits::refuse(FetchCall& call, std::chrono::nanoseconds now) {
  call.refused = true;
  finish(call, now);
}

void FetchWaits::finish(FetchCall& call, std::chrono::nanoseconds now) {
  timers_.cancel(call.timer);
  std::erase(starved_, &call);
  std::erase(woken_, &call);
  call.session->waiting = nullptr;
  target_count_ -= call.slots.size();
  const auto owned = std::move(waits_.extract(&call).mapped());
  metrics_.fetch_wait.add(now - call.waiting_since);
  call.finish(sessions_, now);
}

void FetchWaits::finish_all(std::chrono::nanoseconds now) {
  woken_.clear();
  while (!waits_.empty()) finish(*waits_.begin()->second, now);
}

}  // namespace stele::kafka
