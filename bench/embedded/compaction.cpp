// Question: how fast is a partition compacted, and what do appends beside it pay? A plain driver:
//   bench_compaction GB KEYS [VALUE_BYTES] [none|lz4|zstd]
// fills one partition with records of random keys, then compacts it while single events are
// appended to another topic. MB/s and CPU s/GB are of the bytes that were dirty.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>
#include <thread>

#include "bench/embedded/bench_store.h"
#include "bench/embedded/latencies.h"
#include "log/format/batch_builder.h"

namespace stele::bench {
namespace {

constexpr std::size_t kBatchRecords = 200;
constexpr std::size_t kInFlight = 16;
constexpr int kQuietAppends = 500;
constexpr auto kBetweenAppends = std::chrono::milliseconds(4);
constexpr std::int64_t kSegmentBytes = 256 << 20;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

struct Plan {
  std::uint64_t bytes = 1'000'000'000;
  std::uint64_t keys = 1'000'000;
  std::size_t value_bytes = 100;
  Codec codec = Codec::kNone;
};

void fill(log::Store& store, const Uuid& topic, const Plan& plan) {
  std::mt19937_64 random(7);
  BatchBuilder builder({.codec = plan.codec});
  std::string value(plan.value_bytes, 'v');
  std::uint64_t submitted = 0;
  std::uint64_t answered = 0;
  for (std::uint64_t bytes = 0; bytes < plan.bytes;) {
    for (std::size_t i = 0; i < kBatchRecords; ++i) {
      const std::string key = "key-" + std::to_string(random() % plan.keys);
      for (std::size_t at = 0; at + 8 <= value.size(); at += 16)
        store_le(reinterpret_cast<std::byte*>(value.data()) + at, random());
      must(builder.add({.key = as_bytes(key),
                        .value = as_bytes(value),
                        .headers = {},
                        .timestamp_ms = 1'700'000'000'000}));
    }
    auto batch = std::make_shared<const Bytes>(must(builder.finish()));
    bytes += batch->size();
    ++submitted;
    log::AppendRequest request{.batches = {{.to = {topic, 0},
                                            .batch = *batch,
                                            .min_timestamp_ms = 1'700'000'000'000,
                                            .max_timestamp_ms = 1'700'000'000'000}},
                               .owner = batch};
    store.submit(std::move(request), [&](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      ++answered;
    });
    store.run_until([&] { return submitted < answered + kInFlight; });
  }
  store.run_until([&] { return answered == submitted; });
}

void append_one(log::Store& store, Latencies& latencies) {
  latencies.time([&] {
    must(store.append("beside", log::Event{.key = "k", .type = "T", .value = "0123456789"}));
  });
}

void run(const Plan& plan) {
  const BenchFolder folder;
  log::StoreOptions options{.journal_bytes_min = 64 << 20,
                            .compaction_interval = std::chrono::hours(1000)};
  Latencies quiet;
  {
    auto store = must(log::Store::open(folder.path(), options));
    const auto topic =
        must(store->create_topic({.name = "compacted",
                                  .settings = {{"cleanup.policy", "compact"},
                                               {"segment.bytes", std::to_string(kSegmentBytes)}}}));
    must(store->create_topic({.name = "beside"}));
    fill(*store, topic->id, plan);
    must(store->close());
  }
  drop_page_cache(folder.path());
  options.compaction_interval = std::chrono::nanoseconds(0);
  auto store = must(log::Store::open(folder.path(), options));
  for (int i = 0; i < kQuietAppends; ++i) {
    append_one(*store, quiet);
    std::this_thread::sleep_for(kBetweenAppends);
  }
  const std::int64_t before = store->stats().log_bytes;
  const double cpu = cpu_seconds();
  Latencies wall;
  Latencies beside;
  std::int64_t runs = -1;
  wall.time([&] {
    store->maintain();
    while (store->stats().compaction_dirty_ratio_max > 0 || runs < 0) {
      for (int i = 0; i < 10; ++i) {
        append_one(*store, beside);
        std::this_thread::sleep_for(kBetweenAppends);
      }
      store->maintain();
      runs = store->stats().compactions;
    }
  });
  const log::StoreStats stats = store->stats();
  const double seconds = wall.total_s();
  const double megabytes = static_cast<double>(before) / 1e6;
  std::printf(
      "{\"dirty_mb\":%.0f,\"left_mb\":%.0f,\"removed_records\":%lld,\"runs\":%lld,"
      "\"read_mb\":%.0f,\"written_mb\":%.0f,\"seconds\":%.2f,\"mb_per_s\":%.1f,"
      "\"cpu_s_per_gb\":%.2f,\"append_quiet_p99_us\":%.0f,\"append_beside_p50_us\":%.0f,"
      "\"append_beside_p99_us\":%.0f,\"failures\":\"%s\"}\n",
      megabytes, static_cast<double>(stats.log_bytes) / 1e6,
      static_cast<long long>(stats.compaction_removed_records),
      static_cast<long long>(stats.compactions),
      static_cast<double>(stats.compaction_read_bytes) / 1e6,
      static_cast<double>(stats.compaction_written_bytes) / 1e6, seconds, megabytes / seconds,
      (cpu_seconds() - cpu) / megabytes * 1e3, quiet.us(0.99), beside.us(0.5), beside.us(0.99),
      stats.compaction_last_failure.c_str());
  must(store->close());
}

int main_of(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "bench_compaction GB KEYS [VALUE_BYTES] [none|lz4|zstd]\n");
    return 2;
  }
  Plan plan;
  plan.bytes = static_cast<std::uint64_t>(std::strtod(arguments[1], nullptr) * 1e9);
  plan.keys = std::strtoull(arguments[2], nullptr, 10);
  if (count > 3) plan.value_bytes = std::strtoull(arguments[3], nullptr, 10);
  const std::string_view codec = count > 4 ? arguments[4] : "none";
  if (codec == "lz4") plan.codec = Codec::kLz4;
  if (codec == "zstd") plan.codec = Codec::kZstd;
  run(plan);
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::main_of(count, arguments);
}
