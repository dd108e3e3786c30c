// Between gRPC's thread and the event loop, on which the store's core runs: one wake-up of the loop
// for everything that was submitted meanwhile, and one flush of a stream for all of its answers of
// a turn.
//
//   poller: submit, submit, … ─► wake() ─────► loop: turn { store poll ─► answers ─► flush() … }
//
// Threads: any, but for end_turn(), which is the loop's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/core/event_loop.h"

namespace stele::rpc {

/// What has answers to send at the end of a turn.
class Flushable {
public:
  Flushable() = default;
  Flushable(const Flushable&) = delete;
  Flushable& operator=(const Flushable&) = delete;
  virtual ~Flushable() = default;
  virtual void flush() = 0;
};

class LoopGate {
public:
  /// `loop` outlives it. Adds a hook, which must come behind the store driver's.
  explicit LoopGate(server::EventLoop& loop);

  /// The loop's next turn comes soon.
  void wake();
  /// flush() is called at the end of the turn.
  void flush_later(std::shared_ptr<Flushable> what);
  /// Runs `task` on the loop's thread.
  void post(std::function<void()> task) { loop_.post(std::move(task)); }

private:
  std::chrono::nanoseconds end_turn();

  server::EventLoop& loop_;
  std::atomic<bool> woken_{false};
  std::atomic<std::thread::id> loop_thread_{};
  std::mutex mutex_;
  std::vector<std::shared_ptr<Flushable>> waiting_;
  std::vector<std::shared_ptr<Flushable>> flushing_;  ///< the loop's; keeps its memory
};

}  // namespace stele::rpc
