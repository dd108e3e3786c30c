// The lock of one shard: held for one handler or one copy, so whoever finds it held looks again a
// few times before it gives up its turn. Thread: any.
#pragma once

#include <atomic>
#include <thread>

namespace stele::projections {

class ShardLock {
public:
  void lock() {
    while (held_.exchange(true, std::memory_order_acquire)) wait();
  }
  void unlock() { held_.store(false, std::memory_order_release); }

private:
  static constexpr int kLooksMax = 64;

  void wait() const {
    for (int looks = 0; held_.load(std::memory_order_relaxed); ++looks) {
      if (looks < kLooksMax) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::atomic<bool> held_{false};
};

/// Held until the end of the block.
class ShardHold {
public:
  explicit ShardHold(ShardLock& lock) : lock_(lock) { lock_.lock(); }
  ShardHold(const ShardHold&) = delete;
  ShardHold& operator=(const ShardHold&) = delete;
  ~ShardHold() { lock_.unlock(); }

private:
  ShardLock& lock_;
};

}  // namespace stele::projections
