#include "server/grpc/loop_gate.h"

#include <utility>

namespace stele::rpc {

LoopGate::LoopGate(server::EventLoop& loop) : loop_(loop) {
  loop.add_hook([this] { return end_turn(); });
}

void LoopGate::wake() {
  if (woken_.exchange(true)) return;
  loop_.post([this] { woken_.store(false); });
}

void LoopGate::flush_later(std::shared_ptr<Flushable> what) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(what));
  }
  // Answers come from the store's poll, in the turn whose end is yet to come.
  if (std::this_thread::get_id() != loop_thread_.load(std::memory_order_relaxed)) wake();
}

std::chrono::nanoseconds LoopGate::end_turn() {
  loop_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    flushing_.swap(waiting_);
  }
  for (const auto& what : flushing_) what->flush();
  flushing_.clear();
  return std::chrono::nanoseconds::max();
}

}  // namespace stele::rpc
