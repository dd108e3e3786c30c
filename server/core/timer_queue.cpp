#include "server/core/timer_queue.h"

namespace stele::server {

TimerQueue::Id TimerQueue::add(Time when, Task task) {
  const Id id{when, ++last_number_};
  tasks_.emplace(id, std::move(task));
  return id;
}

void TimerQueue::cancel(Id id) {
  tasks_.erase(id);
}

void TimerQueue::run_due(Time now) {
  const std::uint64_t last = last_number_;  // what a task adds waits for the next turn
  while (!tasks_.empty() && tasks_.begin()->first.when <= now) {
    auto due = tasks_.begin();
    while (due != tasks_.end() && due->first.when <= now && due->first.number > last) ++due;
    if (due == tasks_.end() || due->first.when > now) return;
    Task task = std::move(due->second);
    tasks_.erase(due);
    task();
  }
}

std::optional<TimerQueue::Time> TimerQueue::next() const {
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.when;
}

}  // namespace stele::server
