// The Prometheus text format, and the histogram that goes with it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace stele::server {

/// Counts durations in buckets of doubling width: 62.5 µs, 125 µs, … 32 s, more.
class LatencyHistogram {
public:
  static constexpr std::size_t kBucketCount = 20;

  void add(std::chrono::nanoseconds duration);
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] double sum_seconds() const { return static_cast<double>(sum_ns_) * 1e-9; }
  /// How many were at most bound_seconds(bucket).
  [[nodiscard]] std::int64_t at_most(std::size_t bucket) const;
  [[nodiscard]] static double bound_seconds(std::size_t bucket);

private:
  std::array<std::int64_t, kBucketCount + 1> buckets_{};
  std::int64_t count_ = 0;
  std::int64_t sum_ns_ = 0;
};

/// key="value", the value escaped.
[[nodiscard]] std::string label(std::string_view key, std::string_view value);

/// One metric after the other: its head, then its samples.
class PrometheusText {
public:
  PrometheusText& counter(std::string_view name, std::string_view help);
  PrometheusText& gauge(std::string_view name, std::string_view help);
  PrometheusText& histogram(std::string_view name, std::string_view help);
  PrometheusText& sample(std::string_view labels, std::int64_t value);
  PrometheusText& sample(std::string_view labels, double value);
  PrometheusText& buckets(std::string_view labels, const LatencyHistogram& histogram);
  [[nodiscard]] std::string take() { return std::move(text_); }

private:
  PrometheusText& head(std::string_view name, std::string_view help, std::string_view type);
  std::string name_;
  std::string text_;
};

}  // namespace stele::server
