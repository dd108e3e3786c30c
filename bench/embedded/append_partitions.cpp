// Question: what does it cost to append in turn to 64 partitions instead of one? With a file and a
// flush each it would be up to 60 x; the journal is one. Target: at most 1.6 x.
#include <benchmark/benchmark.h>

#include "bench/embedded/bench_store.h"
#include "bench/embedded/latencies.h"

namespace stele::bench {
namespace {

constexpr int kRound = 128;
constexpr std::int32_t kPartitions = 64;

void BM_Append100B_InTurnTo64Partitions(benchmark::State& state) {
  const BenchFolder folder;
  BenchStore one(folder.path() + "/one");
  BenchStore many(folder.path() + "/many", kPartitions);
  const Bytes batch = make_batch(make_values(1));
  Latencies to_one;
  Latencies to_many;
  for (auto _ : state) {
    for (int i = 0; i < kRound; ++i) to_one.time([&] { one.append(batch); });
    for (int i = 0; i < kRound; ++i) to_many.time([&] { many.append(batch, i % kPartitions); });
  }
  state.counters["one_p50_us"] = to_one.us(0.5);
  state.counters["p50_us"] = to_many.us(0.5);
  state.counters["one_p99_us"] = to_one.us(0.99);
  state.counters["p99_us"] = to_many.us(0.99);
  state.counters["p50_ratio"] = to_many.us(0.5) / to_one.us(0.5);
  state.counters["total_ratio"] = to_many.total_s() / to_one.total_s();
}
BENCHMARK(BM_Append100B_InTurnTo64Partitions)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MinTime(3);

}  // namespace
}  // namespace stele::bench
