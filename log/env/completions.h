// What has finished off the core and waits for the core to run its `done`. One eventfd tells about
// all of it: helper threads write to it, io_uring's kernel side too.
//
// Threads: push(), signal() and wake() from any; the rest from whoever runs the core.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <vector>

#include "log/env/env.h"
#include "log/env/posix_file.h"

namespace stele {

class Completions {
public:
  explicit Completions(Descriptor event) : event_(std::move(event)) {}

  /// From another thread: queues `done` and makes the eventfd readable.
  void push(Done done, Result<void> result);
  /// From the core itself: the eventfd is told only if an event loop watches it.
  void push_from_core(Done done, Result<void> result);
  /// Makes block() return, now or the next time.
  void wake();

  /// Runs what has finished so far (not what those add); returns how many.
  std::size_t run();
  /// Waits until the eventfd is readable, at most `longest`. Returns at once after a wake() that no
  /// block() has seen.
  void block(std::chrono::nanoseconds longest);
  /// Makes the eventfd unreadable. What has finished is looked for after that, never before.
  void drain();

  /// The eventfd, from now on for an event loop: poll() drains it then.
  [[nodiscard]] int watch();
  [[nodiscard]] bool watched() const { return watched_.load(std::memory_order_relaxed); }
  [[nodiscard]] int event_fd() const { return event_.raw(); }

private:
  struct Finished {
    Done done;
    Result<void> result;
  };
  void signal();

  Descriptor event_;
  std::mutex mutex_;
  std::vector<Finished> finished_;  // guarded by mutex_
  std::atomic<bool> woken_{false};
  std::atomic<bool> watched_{false};
};

}  // namespace stele
