// Question: how fast does one core read everything back, checksums verified, giving key, type and
// value of each event of 100 B? Target: at least 15 million events/s from page cache; from the
// device at the device's own rate.
#include <benchmark/benchmark.h>

#include "bench/embedded/bench_store.h"
#include "bench/embedded/latencies.h"
#include "log/format/record_batch.h"
#include "log/format/records.h"

namespace stele::bench {
namespace {

constexpr std::size_t kBatchEvents = 1000;
constexpr std::size_t kBatches = 4000;
constexpr std::size_t kReadBytes = 512 << 10;

/// A closed and reopened store of kBatches x kBatchEvents events.
class Filled {
public:
  Filled() {
    {
      BenchStore made(folder_.path());
      const std::vector<std::string> values = make_values(kBatchEvents);
      std::vector<std::string> keys;
      for (std::size_t i = 0; i < kBatchEvents; ++i) keys.push_back("order-" + std::to_string(i));
      std::vector<log::Event> events;
      for (std::size_t i = 0; i < kBatchEvents; ++i)
        events.push_back({.key = keys[i], .type = "OrderPlaced", .value = values[i]});
      for (std::size_t i = 0; i < kBatches; ++i) must(made.store().append("events", events));
      must(made.store().close());
    }
    store_ = must(log::Store::open(folder_.path()));
    partition_ = {store_->find_topic("events")->id, 0};
  }

  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  [[nodiscard]] const log::Store& store() const { return *store_; }
  [[nodiscard]] const TopicPartition& partition() const { return partition_; }

private:
  BenchFolder folder_;
  std::unique_ptr<log::Store> store_;
  TopicPartition partition_;
};

struct Seen {
  std::size_t events = 0;
  std::size_t bytes = 0;  ///< of keys, types and values
};

void fold_batch(ByteView batch, Seen& seen) {
  const BatchHeader header = must(parse_batch_header(batch));
  RecordReader records(header, batch.subspan(kBatchHeaderBytes));
  while (records.next()) {
    const RecordView& record = records.record();
    HeaderReader headers(record.headers);
    while (headers.next()) {
      if (headers.header().key != "ce_type") continue;
      seen.bytes += headers.header().value->size();
      benchmark::DoNotOptimize(headers.header().value->data());
    }
    seen.bytes += record.key->size() + record.value->size();
    benchmark::DoNotOptimize(record.key->data());
    benchmark::DoNotOptimize(record.value->data());
    ++seen.events;
  }
  must(records.finish());
}

// One partition, offset by offset.
Seen replay_partition(const Filled& filled, ByteSpan buffer) {
  Seen seen;
  const Offset end = must(filled.store().ends(filled.partition())).end;
  for (Offset at(0); at < end;) {
    const log::ReadOutcome read = must(filled.store().read(filled.partition(), at, buffer));
    for (ByteView left = buffer.first(read.bytes); !left.empty();) {
      const auto bytes = static_cast<std::size_t>(must(parse_batch_header(left)).batch_bytes);
      fold_batch(left.first(bytes), seen);
      left = left.subspan(bytes);
    }
    at = read.next;
  }
  return seen;
}

// Everything in the store's total order.
Seen replay_store(const Filled& filled) {
  Seen seen;
  for (Position at(1); at < filled.store().end();) {  // 0: the topic's creation
    const log::OrderedRead read = must(filled.store().read_all(at, kReadBytes));
    for (const log::OrderedBatch& one : read.batches) fold_batch(one.batch, seen);
    at = read.next;
  }
  return seen;
}

void report(benchmark::State& state, const Seen& seen) {
  if (seen.events != kBatchEvents * kBatches) give_up("replay met another number of events");
  const auto count = static_cast<double>(seen.events);
  state.counters["events/s"] =
      benchmark::Counter(count, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/s"] = benchmark::Counter(static_cast<double>(seen.bytes),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// Rates are per second of this thread's CPU: nothing waits here.
void BM_Replay100B_Partition_PageCache(benchmark::State& state) {
  const Filled filled;
  Bytes buffer(kReadBytes);
  Seen seen = replay_partition(filled, buffer);
  for (auto _ : state) seen = replay_partition(filled, buffer);
  report(state, seen);
}
BENCHMARK(BM_Replay100B_Partition_PageCache)->Unit(benchmark::kMillisecond)->MinTime(2);

void BM_Replay100B_TotalOrder_PageCache(benchmark::State& state) {
  const Filled filled;
  Seen seen = replay_store(filled);
  for (auto _ : state) seen = replay_store(filled);
  report(state, seen);
}
BENCHMARK(BM_Replay100B_TotalOrder_PageCache)->Unit(benchmark::kMillisecond)->MinTime(2);

// Page cache dropped before each pass; beside it plain preads of 1 MiB of the same files, dropped
// too.
void BM_Replay100B_TotalOrder_Cold(benchmark::State& state) {
  const Filled filled;
  Latencies raw;
  Latencies own;
  Seen seen;
  std::uint64_t file_bytes = 0;
  for (auto _ : state) {
    drop_page_cache(filled.folder());
    raw.time([&] { file_bytes = read_every_file(filled.folder()); });
    drop_page_cache(filled.folder());
    own.time([&] { seen = replay_store(filled); });
  }
  if (seen.events != kBatchEvents * kBatches) give_up("replay met another number of events");
  const double raw_rate = static_cast<double>(file_bytes) * raw.count() / raw.total_s();
  state.counters["raw_MB/s"] = raw_rate / 1e6;
  const double events_rate = static_cast<double>(seen.events) * own.count() / own.total_s();
  state.counters["events/s"] = events_rate;
  state.counters["MB/s"] =
      events_rate * static_cast<double>(seen.bytes) / static_cast<double>(seen.events) / 1e6;
}
BENCHMARK(BM_Replay100B_TotalOrder_Cold)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace stele::bench
