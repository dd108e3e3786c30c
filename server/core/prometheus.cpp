#include "server/core/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>

namespace stele::server {

namespace {
constexpr std::int64_t kFirstBoundNs = 62'500;
}

void LatencyHistogram::add(std::chrono::nanoseconds duration) {
  const std::int64_t ns = std::max<std::int64_t>(duration.count(), 0);
  const auto ratio = static_cast<std::uint64_t>((ns + kFirstBoundNs - 1) / kFirstBoundNs);
  const auto bucket = ratio <= 1 ? 0U : static_cast<unsigned>(std::bit_width(ratio - 1));
  ++buckets_[std::min<std::size_t>(bucket, kBucketCount)];
  ++count_;
  sum_ns_ += ns;
}

std::int64_t LatencyHistogram::at_most(std::size_t bucket) const {
  std::int64_t total = 0;
  for (std::size_t i = 0; i <= bucket; ++i) total += buckets_[i];
  return total;
}

double LatencyHistogram::bound_seconds(std::size_t bucket) {
  return static_cast<double>(kFirstBoundNs << bucket) * 1e-9;
}

std::string label(std::string_view key, std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return fmt::format("{}=\"{}\"", key, escaped);
}

PrometheusText& PrometheusText::head(std::string_view name, std::string_view help,
                                     std::string_view type) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  return *this;
}

PrometheusText& PrometheusText::counter(std::string_view name, std::string_view help) {
  return head(name, help, "counter");
}
PrometheusText& PrometheusText::gauge(std::string_view name, std::string_view help) {
  return head(name, help, "gauge");
}
PrometheusText& PrometheusText::histogram(std::string_view name, std::string_view help) {
  return head(name, help, "histogram");
}

PrometheusText& PrometheusText::sample(std::string_view labels, std::int64_t value) {
  if (labels.empty()) {
    fmt::format_to(std::back_inserter(text_), "{} {}\n", name_, value);
  } else {
    fmt::format_to(std::back_inserter(text_), "{}{{{}}} {}\n", name_, labels, value);
  }
  return *this;
}

PrometheusText& PrometheusText::sample(std::string_view labels, double value) {
  if (labels.empty()) {
    fmt::format_to(std::back_inserter(text_), "{} {:.9g}\n", name_, value);
  } else {
    fmt::format_to(std::back_inserter(text_), "{}{{{}}} {:.9g}\n", name_, labels, value);
  }
  return *this;
}

PrometheusText& PrometheusText::buckets(std::string_view labels,
                                        const LatencyHistogram& histogram) {
  const std::string_view comma = labels.empty() ? "" : ",";
  for (std::size_t i = 0; i < LatencyHistogram::kBucketCount; ++i) {
    fmt::format_to(std::back_inserter(text_), "{}_bucket{{{}{}le=\"{:.9g}\"}} {}\n", name_, labels,
                   comma, LatencyHistogram::bound_seconds(i), histogram.at_most(i));
  }
  fmt::format_to(std::back_inserter(text_), "{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name_, labels,
                 comma, histogram.count());
  const std::string braced = labels.empty() ? "" : fmt::format("{{{}}}", labels);
  fmt::format_to(std::back_inserter(text_), "{}_sum{} {:.9g}\n{}_count{} {}\n", name_, braced,
                 histogram.sum_seconds(), name_, braced, histogram.count());
  return *this;
}

}  // namespace stele::server
