// How much was used in a sliding window, and how long to wait until that is within a limit: Kafka's
// measure for quotas (quota.window.num samples of quota.window.size.seconds).
//
//   |  s  |  s  |  …  |  s  | und       rate = all of them / (the full ones + what has gone by of
//                                       the one under way)
//
// A rate that has just begun is measured over the whole window all the same, so that a burst may
// use what the window allows at once. Thread: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stele::server {

class SampledRate {
public:
  struct Window {
    std::size_t sample_count = 11;
    std::chrono::nanoseconds sample = std::chrono::seconds(1);

    /// What a limit of 1 a second allows at once.
    [[nodiscard]] double full_seconds() const {
      return static_cast<double>(sample_count - 1) * std::chrono::duration<double>(sample).count();
    }
  };

  explicit SampledRate(const Window& window) : window_(window), used_(window.sample_count) {}

  void record(double amount, std::chrono::nanoseconds now);
  /// Takes back what was just recorded.
  void take_back(double amount, std::chrono::nanoseconds now);
  [[nodiscard]] double per_second(std::chrono::nanoseconds now);
  /// How long nothing may be used until the rate is down to `limit`; 0 if it is.
  [[nodiscard]] std::chrono::nanoseconds excess(double limit, std::chrono::nanoseconds now);
  /// All that is in the window.
  [[nodiscard]] double total(std::chrono::nanoseconds now);

private:
  void forget_old(std::chrono::nanoseconds now);
  [[nodiscard]] double& current() {
    return used_[static_cast<std::size_t>(number_) % used_.size()];
  }

  Window window_;
  std::vector<double> used_;  ///< by sample number, in a ring
  std::int64_t number_ = 0;   ///< of the sample under way
};

}  // namespace stele::server
