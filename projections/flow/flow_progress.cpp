#include "projections/flow/flow_progress.h"

#include <algorithm>
#include <utility>

namespace stele::projections {

void FlowProgress::begin(LotPtr lot, std::int64_t first_tick) {
  const std::scoped_lock lock(mutex_);
  lot_ = std::move(lot);
  first_tick_ = first_tick;
}

void FlowProgress::end(Checkpoint checkpoint) {
  LotPtr gone;  // freed without the lock
  {
    const std::scoped_lock lock(mutex_);
    gone = std::exchange(lot_, nullptr);
    checkpoint_ = std::move(checkpoint);
  }
  moved_.notify_all();
}

void FlowProgress::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  moved_.notify_all();
}

Checkpoint FlowProgress::checkpoint() const {
  const std::scoped_lock lock(mutex_);
  return checkpoint_;
}

Checkpoint FlowProgress::at(std::int64_t last_tick) const {
  const std::scoped_lock lock(mutex_);
  Checkpoint result = checkpoint_;
  if (lot_ == nullptr || last_tick < first_tick_) return result;
  const auto index = static_cast<std::size_t>(last_tick - first_tick_);
  const std::int64_t next = place_of(lot_->input, lot_->events[index]) + 1;
  result.set(lot_->input, std::max(result.next(lot_->input), next));
  return result;
}

bool FlowProgress::wait_for(const Checkpoint& wanted, std::chrono::nanoseconds longest) const {
  std::unique_lock lock(mutex_);
  moved_.wait_for(lock, longest, [&] { return stopped_ || checkpoint_.covers(wanted); });
  return checkpoint_.covers(wanted);
}

}  // namespace stele::projections
