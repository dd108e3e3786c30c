// Events a second over the last seconds. Thread: its owner's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace stele::projections {

class FlowRate {
public:
  /// `count`: events so far, at `now`.
  void add(std::chrono::nanoseconds now, std::uint64_t count) {
    if (used_ > 0 && now - newest().at < kSpacing) return;
    samples_[next_] = {now, count};
    next_ = (next_ + 1) % kSampleCount;
    if (used_ < kSampleCount) ++used_;
  }
  [[nodiscard]] double per_second(std::chrono::nanoseconds now, std::uint64_t count) const {
    if (used_ == 0) return 0;
    const Sample& oldest = samples_[used_ < kSampleCount ? 0 : next_];
    const std::chrono::duration<double> length = now - oldest.at;
    return length.count() > 0 ? static_cast<double>(count - oldest.count) / length.count() : 0;
  }

private:
  static constexpr std::chrono::milliseconds kSpacing{250};
  static constexpr std::size_t kSampleCount = 16;  // 4 s
  struct Sample {
    std::chrono::nanoseconds at{0};
    std::uint64_t count = 0;
  };
  [[nodiscard]] const Sample& newest() const {
    return samples_[(next_ + kSampleCount - 1) % kSampleCount];
  }

  std::array<Sample, kSampleCount> samples_{};
  std::size_t next_ = 0;
  std::size_t used_ = 0;
};

}  // namespace stele::projections
