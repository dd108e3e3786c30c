// What a bench that runs ours and raw write+fdatasync in turn reports: the ratio is the figure.
#pragma once

#include <benchmark/benchmark.h>

#include "bench/embedded/latencies.h"

namespace stele::bench {

/// `events` in one operation of each.
inline void report_against_raw(benchmark::State& state, const Latencies& raw, double raw_events,
                               const Latencies& ours, double our_events) {
  const double raw_rate = raw.count() * raw_events / raw.total_s();
  const double our_rate = ours.count() * our_events / ours.total_s();
  state.counters["raw_p50_us"] = raw.us(0.5);
  state.counters["p50_us"] = ours.us(0.5);
  state.counters["p50_ratio"] = ours.us(0.5) / raw.us(0.5);
  state.counters["raw_p99_us"] = raw.us(0.99);
  state.counters["p99_us"] = ours.us(0.99);
  state.counters["raw_events/s"] = raw_rate;
  state.counters["events/s"] = our_rate;
  state.counters["rate_ratio"] = our_rate / raw_rate;
}

}  // namespace stele::bench
