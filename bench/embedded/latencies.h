// Durations of single operations, for percentiles. Thread: its owner's.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace stele::bench {

class Latencies {
public:
  /// Runs `operation` and keeps how long it took.
  template <class Operation>
  void time(Operation&& operation) {
    const auto began = std::chrono::steady_clock::now();
    operation();
    seconds_.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }

  void add(double seconds) { seconds_.push_back(seconds); }
  void add(const Latencies& other) {
    seconds_.insert(seconds_.end(), other.seconds_.begin(), other.seconds_.end());
  }

  [[nodiscard]] double total_s() const {
    double total = 0;
    for (double one : seconds_) total += one;
    return total;
  }
  [[nodiscard]] double count() const { return static_cast<double>(seconds_.size()); }
  /// Microseconds that `part` (0 to 1) of the operations did not exceed; 0 without operations.
  [[nodiscard]] double us(double part) const {
    if (seconds_.empty()) return 0;
    std::vector<double> sorted = seconds_;
    std::ranges::sort(sorted);
    const auto at = static_cast<std::size_t>(part * count());
    return sorted[std::min(at, sorted.size() - 1)] * 1e6;
  }

private:
  std::vector<double> seconds_;
};

}  // namespace stele::bench
