#include "server/core/sampled_rate.h"

#include <algorithm>
#include <numeric>

namespace stele::server {

using namespace std::chrono_literals;

void SampledRate::forget_old(std::chrono::nanoseconds now) {
  const std::int64_t number = now / window_.sample;
  const auto count = static_cast<std::int64_t>(used_.size());
  for (std::int64_t gone = std::min(number - number_, count); gone > 0; --gone) {
    used_[static_cast<std::size_t>((number - gone + 1) % count)] = 0;
  }
  number_ = std::max(number_, number);
}

void SampledRate::record(double amount, std::chrono::nanoseconds now) {
  forget_old(now);
  current() += amount;
}

void SampledRate::take_back(double amount, std::chrono::nanoseconds now) {
  forget_old(now);
  current() = std::max(current() - amount, 0.0);
}

double SampledRate::total(std::chrono::nanoseconds now) {
  forget_old(now);
  return std::accumulate(used_.begin(), used_.end(), 0.0);
}

double SampledRate::per_second(std::chrono::nanoseconds now) {
  const double under_way = std::chrono::duration<double>(now % window_.sample).count();
  const double seconds = window_.full_seconds() + under_way;
  return total(now) / std::max(seconds, std::chrono::duration<double>(window_.sample).count());
}

/// With nothing more used, `total` is within the limit once total / limit seconds have gone by.
std::chrono::nanoseconds SampledRate::excess(double limit, std::chrono::nanoseconds now) {
  constexpr double kLongest = 24 * 3600;  // seconds; a limit of almost nothing
  const double rate = per_second(now);
  if (rate <= limit) return 0ns;
  const double seconds = total(now) / rate;
  const double wait = limit > 0 ? (rate - limit) / limit * seconds : kLongest;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::min(wait, kLongest)));
}

}  // namespace stele::server
