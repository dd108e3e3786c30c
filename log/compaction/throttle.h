// Keeps background work to a rate, and ends it when it is no longer wanted.
// Threads: took() from the one that works; cancel() from any.
#pragma once

#include <atomic>

#include "log/env/env.h"

namespace stele::log {

class Throttle {
public:
  /// 0 bytes a second: no limit. `env` outlives it.
  Throttle(Env& env, std::uint64_t bytes_per_second)
      : env_(env), bytes_per_second_(bytes_per_second), began_(env.now()) {}

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  /// So many bytes were read or written: sleeps if that was too fast. kCancelled.
  Result<void> took(std::uint64_t bytes);

private:
  Env& env_;
  std::uint64_t bytes_per_second_;
  std::chrono::nanoseconds began_;
  std::uint64_t bytes_ = 0;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace stele::log
