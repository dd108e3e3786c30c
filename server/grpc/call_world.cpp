#include "server/grpc/call_world.h"

#include <vector>

namespace stele::rpc {

bool LongCalls::add(LongCall& call, std::weak_ptr<LongCall> held, std::atomic<std::int64_t>& count,
                    std::size_t max) {
  const std::lock_guard lock(mutex_);
  if (closed_ || count.load() >= static_cast<std::int64_t>(max)) return false;
  count.fetch_add(1);
  calls_.emplace(&call, std::move(held));
  return true;
}

void LongCalls::remove(LongCall& call, std::atomic<std::int64_t>& count) {
  const std::lock_guard lock(mutex_);
  if (calls_.erase(&call) > 0) count.fetch_sub(1);
}

void LongCalls::for_each(const std::function<void(LongCall&)>& visit) {
  std::vector<std::shared_ptr<LongCall>> all;
  {
    const std::lock_guard lock(mutex_);
    all.reserve(calls_.size());
    for (const auto& [call, held] : calls_) {
      if (auto kept = held.lock()) all.push_back(std::move(kept));
    }
  }
  for (const auto& call : all) visit(*call);
}

void LongCalls::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace stele::rpc
