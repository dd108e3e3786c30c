#include "log/event_store/batch_cache.h"

namespace stele::log {

DecodedBatchPtr BatchCache::find(Position position) {
  const std::scoped_lock lock(mutex_);
  auto found = by_first_.upper_bound(position);
  if (found == by_first_.begin()) return nullptr;
  --found;
  const Uses::iterator use = found->second;
  if (!(*use)->covers(position)) return nullptr;
  uses_.splice(uses_.begin(), uses_, use);
  return *use;
}

void BatchCache::put(DecodedBatchPtr batch) {
  const std::size_t bytes = batch->memory_bytes();
  if (bytes > bytes_max_) return;
  // Freed behind the lock: a batch may be large.
  Uses gone;
  const std::scoped_lock lock(mutex_);
  const auto [place, is_new] = by_first_.try_emplace(batch->first());
  if (!is_new) return;
  uses_.push_front(std::move(batch));
  place->second = uses_.begin();
  bytes_ += bytes;
  while (bytes_ > bytes_max_) {
    const DecodedBatch& oldest = *uses_.back();
    bytes_ -= oldest.memory_bytes();
    by_first_.erase(oldest.first());
    gone.splice(gone.begin(), uses_, std::prev(uses_.end()));
  }
}

void BatchCache::clear() {
  Uses gone;
  const std::scoped_lock lock(mutex_);
  by_first_.clear();
  gone.swap(uses_);
  bytes_ = 0;
}

std::size_t BatchCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace stele::log
