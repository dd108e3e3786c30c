// Whether a small durable write is made by the caller at once, or handed to the kernel.
//
// Handing over costs two thread switches, which on a quick disk is more than the write itself
// (measured: docs/performance.md); on a slow one the caller has better things to do meanwhile. So
// both ways are timed: while the caller's writes stay quick, it goes on making them; when they are
// not, it tries again once in kProbeEvery. On a busy machine the kernel's threads wait for a turn
// of their own: writes that are bearable are then the caller's, if handing over takes twice as
// long. Thread: whoever runs the core.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace stele {

class FlushPace {
public:
  static constexpr std::size_t kBytesMax = 64 << 10;  ///< larger ones are always handed over
  static constexpr std::chrono::nanoseconds kQuick = std::chrono::microseconds(300);
  static constexpr std::chrono::nanoseconds kBearable = std::chrono::milliseconds(2);
  static constexpr int kProbeEvery = 64;

  [[nodiscard]] static bool is_small(std::size_t bytes) { return bytes <= kBytesMax; }
  /// True: make it now, and tell how long it took. False: if it is small, tell when it is done.
  [[nodiscard]] bool is_for_caller(std::size_t bytes) {
    if (!is_small(bytes)) return false;
    if (average_ <= kQuick || (average_ <= kBearable && average_ * 2 <= handed_average_))
      return true;
    if (++handed_over_ < kProbeEvery) return false;
    handed_over_ = 0;
    return true;
  }
  void took(std::chrono::nanoseconds time) {
    // One that was very slow does not count for more than a few that were slow.
    average_ += (std::min(time, kQuick * 8) - average_) / 4;
  }
  void took_handed_over(std::chrono::nanoseconds time) {
    handed_average_ += (std::min(time, kBearable * 8) - handed_average_) / 4;
  }

private:
  std::chrono::nanoseconds average_{0};
  std::chrono::nanoseconds handed_average_{0};
  int handed_over_ = 0;
};

}  // namespace stele
