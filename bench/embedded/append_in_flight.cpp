// Question: what does group commit give a caller who keeps 64 appends of 100 B under way, beside
// raw write + fdatasync one at a time? Target: at least 30 x the rate.
#include "bench/embedded/against_raw.h"
#include "bench/embedded/bench_store.h"

namespace stele::bench {
namespace {

constexpr std::size_t kInFlight = 64;
constexpr std::size_t kOursRound = 6400;
constexpr int kRawRound = 100;

// Keeps kInFlight appends under way until `count` are answered, in turn to `partition_count`
// partitions.
void append_many(BenchStore& ours, ByteView batch, std::size_t count,
                 std::int32_t partition_count) {
  std::size_t submitted = 0;
  std::size_t answered = 0;
  std::function<void()> submit_one = [&] {
    const auto to =
        static_cast<std::int32_t>(submitted % static_cast<std::size_t>(partition_count));
    ++submitted;
    ours.store().submit(ours.request(batch, to), [&](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      ++answered;
      if (submitted < count) submit_one();
    });
  };
  while (submitted < kInFlight) submit_one();
  ours.store().run_until([&] { return answered == count; });
}

void BM_Append100B_64InFlight(benchmark::State& state) {
  const auto partition_count = static_cast<std::int32_t>(state.range(0));
  const BenchFolder folder;
  RawFile raw_file(folder.path() + "/raw");
  BenchStore ours(folder.path() + "/store", partition_count);
  const Bytes batch = make_batch(make_values(1));
  Latencies raw;
  Latencies own;
  for (auto _ : state) {
    raw.time([&] {
      for (int i = 0; i < kRawRound; ++i) raw_file.append(batch);
    });
    own.time([&] { append_many(ours, batch, kOursRound, partition_count); });
  }
  report_against_raw(state, raw, kRawRound, own, kOursRound);
}
BENCHMARK(BM_Append100B_64InFlight)
    ->ArgName("partitions")
    ->Arg(1)
    ->Arg(64)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MinTime(3);

}  // namespace
}  // namespace stele::bench
