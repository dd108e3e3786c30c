// Question: how much of the raw rate is left when batches of 1,000 x 100 B are appended one after
// the other, each durable? Every byte is written twice (journal, segment) and checked. Target: at
// least 50 % of raw write + fdatasync of the same batches.
#include "bench/embedded/against_raw.h"
#include "bench/embedded/bench_store.h"

namespace stele::bench {
namespace {

constexpr std::size_t kBatchEvents = 1000;
constexpr int kRound = 50;

void BM_AppendBatch1000x100B(benchmark::State& state) {
  const BenchFolder folder;
  RawFile raw_file(folder.path() + "/raw");
  BenchStore ours(folder.path() + "/store");
  const Bytes batch = make_batch(make_values(kBatchEvents));
  Latencies raw;
  Latencies own;
  for (auto _ : state) {
    for (int i = 0; i < kRound; ++i) raw.time([&] { raw_file.append(batch); });
    for (int i = 0; i < kRound; ++i) own.time([&] { ours.append(batch); });
  }
  report_against_raw(state, raw, kBatchEvents, own, kBatchEvents);
}
BENCHMARK(BM_AppendBatch1000x100B)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(4);

// The same with the making of the batch from events (key, type, value) inside the clock.
void BM_AppendEvents1000x100B(benchmark::State& state) {
  const BenchFolder folder;
  RawFile raw_file(folder.path() + "/raw");
  BenchStore ours(folder.path() + "/store");
  const std::vector<std::string> values = make_values(kBatchEvents);
  const Bytes batch = make_batch(values);
  std::vector<log::Event> events;
  for (const std::string& value : values)
    events.push_back({.key = "order-17", .type = "OrderPlaced", .value = value});
  Latencies raw;
  Latencies own;
  for (auto _ : state) {
    for (int i = 0; i < kRound; ++i) raw.time([&] { raw_file.append(batch); });
    for (int i = 0; i < kRound; ++i) own.time([&] { must(ours.store().append("events", events)); });
  }
  report_against_raw(state, raw, kBatchEvents, own, kBatchEvents);
}
BENCHMARK(BM_AppendEvents1000x100B)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(4);

}  // namespace
}  // namespace stele::bench
