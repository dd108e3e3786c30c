// Whether a small durable write is made by the caller at once, or handed to the kernel.
//
// Handing over costs two thread switches, which on a quick disk is more than the write itself
// (measured: docs/performance.md); on a slow one the caller has better things to do meanwhile. So
// the writes that the caller makes are timed: while they stay quick, it goes on making them; when
// they are not, it tries again once in kProbeEvery. Thread: whoever runs the core.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace stele {

class FlushPace {
public:
  static constexpr std::size_t kBytesMax = 64 << 10;  ///< larger ones are always handed over
  static constexpr std::chrono::nanoseconds kQuick = std::chrono::microseconds(300);
  static constexpr int kProbeEvery = 64;

  /// True: make it now, and tell how long it took.
  [[nodiscard]] bool is_for_caller(std::size_t bytes) {
    if (bytes > kBytesMax) return false;
    if (average_ <= kQuick) return true;
    if (++handed_over_ < kProbeEvery) return false;
    handed_over_ = 0;
    return true;
  }
  void took(std::chrono::nanoseconds time) {
    // One that was very slow does not count for more than a few that were slow.
    average_ += (std::min(time, kQuick * 8) - average_) / 4;
  }

private:
  std::chrono::nanoseconds average_{0};
  int handed_over_ = 0;
};

}  // namespace stele
