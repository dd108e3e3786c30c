// Question: how long after a kill -9, or a clean stop, does a large store answer again? A plain
// driver: each step is a process of its own.
//   bench_open fill FOLDER GB PARTITIONS     fills the store, then dies as by kill -9
//   bench_open open FOLDER [close]           opens it, reads one record of every 100th partition,
//                                            prints a JSON line; then dies, or closes
// Target for 10 GB in 1,000 partitions: 1 s to the first answer after a kill, 0.3 s after a close.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bench/embedded/bench_store.h"
#include "bench/embedded/latencies.h"

namespace stele::bench {
namespace {

constexpr std::size_t kBatchEvents = 1000;
constexpr std::size_t kInFlight = 16;

[[noreturn]] void die() {
  std::fflush(stdout);
  std::raise(SIGKILL);
  std::abort();
}

[[noreturn]] void fill(const std::string& folder, std::uint64_t bytes, std::int32_t partitions) {
  BenchStore made(folder, partitions);
  const Bytes batch = make_batch(make_values(kBatchEvents));
  const std::uint64_t count = bytes / batch.size();
  std::uint64_t answered = 0;
  for (std::uint64_t submitted = 0; submitted < count; ++submitted) {
    const auto to = static_cast<std::int32_t>(submitted % static_cast<std::uint64_t>(partitions));
    made.store().submit(made.request(batch, to), [&](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      ++answered;
    });
    made.store().run_until([&] { return submitted < answered + kInFlight; });
  }
  made.store().run_until([&] { return answered == count; });
  const log::StoreStats stats = made.store().stats();
  std::printf("{\"filled_bytes\":%lld,\"journal_bytes\":%llu,\"journal_used_bytes\":%llu}\n",
              static_cast<long long>(stats.log_bytes),
              static_cast<unsigned long long>(stats.journal_bytes),
              static_cast<unsigned long long>(stats.journal_used_bytes));
  die();
}

void open(const std::string& folder, bool close) {
  Latencies opening;
  Latencies first;
  Latencies answers;
  std::unique_ptr<log::Store> store;
  opening.time([&] { store = must(log::Store::open(folder, {.create = false})); });
  const log::TopicPtr topic = store->find_topic("events");
  Bytes buffer(1 << 20);
  for (std::int32_t i = 0; i < topic->partition_count; i += 100) {
    (i == 0 ? first : answers).time([&] {
      must(store->read({topic->id, i}, must(store->ends({topic->id, i})).end.next(-1), buffer));
    });
  }
  const log::StoreStats stats = store->stats();
  std::printf(
      "{\"open_ms\":%.1f,\"first_answer_ms\":%.1f,\"later_answers_p50_us\":%.1f,"
      "\"log_bytes\":%lld,\"replayed_entries\":%lld}\n",
      opening.us(1) / 1e3, (opening.us(1) + first.us(1)) / 1e3, answers.us(0.5),
      static_cast<long long>(stats.log_bytes), static_cast<long long>(stats.recovered_entries));
  if (!close) die();
  must(store->close());
}

int run(int count, char** arguments) {
  const std::string_view step = count > 2 ? arguments[1] : "";
  if (step == "fill" && count == 5) {
    fill(arguments[2], std::strtoull(arguments[3], nullptr, 10) * 1'000'000'000,
         std::atoi(arguments[4]));
  }
  if (step == "open") {
    open(arguments[2], count > 3 && std::strcmp(arguments[3], "close") == 0);
    return 0;
  }
  std::fprintf(stderr, "bench_open fill FOLDER GB PARTITIONS | open FOLDER [close]\n");
  return 2;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(count, arguments);
}
