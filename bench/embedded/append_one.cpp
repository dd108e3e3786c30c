// Question: what does one durable append of 100 B cost a caller who waits for it, beside raw
// write + fdatasync of the same bytes? Target: p50 at most 0.9 x.
#include "bench/embedded/against_raw.h"
#include "bench/embedded/bench_store.h"

namespace stele::bench {
namespace {

constexpr int kRound = 100;

// Whole record batches, as a service or a client library has them in hand.
void BM_Append100B_OneBatch(benchmark::State& state) {
  const BenchFolder folder;
  RawFile raw_file(folder.path() + "/raw");
  BenchStore ours(folder.path() + "/store");
  const Bytes batch = make_batch(make_values(1));
  Latencies raw;
  Latencies own;
  for (auto _ : state) {
    for (int i = 0; i < kRound; ++i) raw.time([&] { raw_file.append(batch); });
    for (int i = 0; i < kRound; ++i) own.time([&] { ours.append(batch); });
  }
  report_against_raw(state, raw, 1, own, 1);
}
BENCHMARK(BM_Append100B_OneBatch)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);

// The convenience form: an event with key and type in, its batch made on the way.
void BM_Append100B_OneEvent(benchmark::State& state) {
  const BenchFolder folder;
  RawFile raw_file(folder.path() + "/raw");
  BenchStore ours(folder.path() + "/store");
  const std::vector<std::string> values = make_values(1);
  const Bytes batch = make_batch(values);
  const log::Event event{.key = "order-17", .type = "OrderPlaced", .value = values[0]};
  Latencies raw;
  Latencies own;
  for (auto _ : state) {
    for (int i = 0; i < kRound; ++i) raw.time([&] { raw_file.append(batch); });
    for (int i = 0; i < kRound; ++i) own.time([&] { must(ours.store().append("events", event)); });
  }
  report_against_raw(state, raw, 1, own, 1);
}
BENCHMARK(BM_Append100B_OneEvent)->Unit(benchmark::kMillisecond)->UseRealTime()->MinTime(3);

}  // namespace
}  // namespace stele::bench
