// Questions about a store with millions of streams. A plain driver: each step is a process of its
// own and prints a JSON line.
//   bench_streams fill FOLDER STREAMS EACH [BATCH] [lz4] [clustered] [tags] [plain]
//       index bytes an event, anonymous memory, events/s, CPU an event, and then until the index
//       has settled; plain: a topic without an index, for the difference
//   bench_streams heads FOLDER STREAMS     opened, settled, page cache dropped: appends with an
//   expected version to
//       new, hot and cold streams; blocks of the index read for each, and how long they took
//   bench_streams conditions FOLDER STREAMS   of a store with tags: a plain append, and one with a
//   condition
//       on two tags, in turn
//   bench_streams read FOLDER STREAMS      whole streams, one at a time, from page cache
// Targets: docs/performance.md.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string_view>
#include <thread>

#include "bench/embedded/bench_folder.h"
#include "bench/embedded/latencies.h"
#include "bench/embedded/streams.h"
#include "log/event_store/event_store.h"

namespace stele::bench {
namespace {

constexpr int kTurns = 2000;
constexpr int kReads = 5000;
constexpr std::chrono::seconds kQuiet{2};

log::EventAppend append_to(const std::string& stream, log::ExpectedVersion expected) {
  const std::string topic(kStreamsTopic);
  const ByteView data = as_bytes(R"({"total":12,"currency":"EUR"})");
  log::NewEvent event;
  event.stream = stream;
  event.type = "OrderPlaced";
  event.data = Bytes(data.begin(), data.end());
  log::EventAppend append;
  append.events.push_back({topic, std::move(event)});
  append.expectations.push_back({{topic, stream}, expected});
  return append;
}

std::unique_ptr<log::Store> open_store(const char* folder, Latencies& opening) {
  std::unique_ptr<log::Store> store;
  opening.time([&] { store = must(log::Store::open(folder, {.create = false})); });
  return store;
}

void must_append(log::EventStore& events, log::EventAppend append) {
  const log::EventAppendResult result = events.append(std::move(append));
  if (!result) give_up(result.error().error.text());
}

// CPU of all threads so far.
double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Until the index has nothing left to do, as it does while nothing is appended.
void settle(log::Store& store) {
  const auto since = std::chrono::steady_clock::now();
  const auto quiet = [&] {
    return std::chrono::steady_clock::now() - since > kQuiet &&
           store.index().stats().unsettled_terms == 0;
  };
  while (!quiet()) {
    store.maintain();
    store.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void fill(const char* folder, const StreamsPlan& plan) {
  const auto store = must(log::Store::open(folder));
  Latencies filling;
  filling.time([&] { fill_streams(*store, plan); });
  const std::uint64_t anonymous = anonymous_bytes();
  const double fill_cpu_s = cpu_s();
  const log::TermIndexStats filled = store->index().stats();
  Latencies settling;
  settling.time([&] { settle(*store); });
  const double settle_cpu_s = cpu_s() - fill_cpu_s;
  must(store->close());
  const auto opened = must(log::Store::open(folder, {.create = false}));
  const log::TermIndexStats index = opened->index().stats();
  const double events = static_cast<double>(plan.streams) * static_cast<double>(plan.each);
  std::printf(
      "{\"events\":%.0f,\"events_s\":%.0f,\"cpu_ns_event\":%.0f,\"settle_s\":%.1f,"
      "\"settle_cpu_ns_event\":%.0f,\"index_bytes_event\":%.2f,\"index_files_filled\":%lld,"
      "\"index_files\":%lld,\"anonymous_mb\":%.1f,\"indexed_to\":%lld,\"merges\":%lld}\n",
      events, events / filling.total_s(), fill_cpu_s * 1e9 / events, settling.total_s(),
      settle_cpu_s * 1e9 / events, static_cast<double>(index.run_bytes) / events,
      static_cast<long long>(filled.run_count), static_cast<long long>(index.run_count),
      static_cast<double>(anonymous) / (1 << 20), static_cast<long long>(index.indexed_to.raw()),
      static_cast<long long>(filled.merges));
  must(opened->close());
}

// How long appends took, and how many blocks of the index were read for one.
template <class Make>
void print_appends(const char* name, log::EventStore& events, Make&& make) {
  Latencies times;
  const std::int64_t reads = events.store().index().stats().block_reads;
  for (int turn = 0; turn < kTurns; ++turn) {
    times.time([&] { must_append(events, make(turn)); });
  }
  const std::int64_t more = events.store().index().stats().block_reads - reads;
  std::printf("\"%s_blocks\":%.4f,\"%s_p50_us\":%.1f,\"%s_p99_us\":%.1f,", name,
              static_cast<double>(more) / kTurns, name, times.us(0.5), name, times.us(0.99));
}

void heads(const char* folder, std::uint64_t streams) {
  drop_page_cache(folder);
  Latencies opening;
  const auto store = open_store(folder, opening);
  const std::uint64_t opened_anonymous = anonymous_bytes();
  settle(*store);  // what the stop before cut last
  drop_page_cache(folder);
  log::EventStore events(*store);
  std::mt19937_64 random(1);
  const std::string run = std::to_string(store->end().raw());
  std::printf("{\"open_s\":%.3f,\"opened_anonymous_mb\":%.1f,", opening.total_s(),
              static_cast<double>(opened_anonymous) / (1 << 20));
  print_appends("new", events, [&](int turn) {
    return append_to("new-" + run + "-" + std::to_string(turn), log::ExpectedVersion::no_stream());
  });
  print_appends("hot", events, [&](int turn) {
    const std::string name = "hot-" + run + "-" + std::to_string(turn % 64);
    return append_to(name, turn < 64 ? log::ExpectedVersion::no_stream()
                                     : log::ExpectedVersion::exact(Version(turn / 64 - 1)));
  });
  print_appends("cold", events, [&](int) {
    return append_to(stream_key(random() % streams), log::ExpectedVersion::exists());
  });
  const log::TermIndexStats index = store->index().stats();
  std::printf("\"index_files\":%lld,\"index_mb\":%.1f,\"anonymous_mb\":%.1f}\n",
              static_cast<long long>(index.run_count),
              static_cast<double>(index.run_bytes) / (1 << 20),
              static_cast<double>(anonymous_bytes()) / (1 << 20));
  must(store->close());
}

void conditions(const char* folder, std::uint64_t streams) {
  Latencies opening;
  const auto store = open_store(folder, opening);
  log::EventStore events(*store);
  std::mt19937_64 random(2);
  Latencies plain;
  Latencies guarded;
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::uint64_t stream = random() % streams;
    log::EventAppend one = append_to(stream_key(stream), log::ExpectedVersion::any());
    one.expectations.clear();
    log::EventAppend two = one;
    // A decision was made on everything up to now: both tags have events, none is newer.
    log::AppendCondition condition;
    condition.fail_if_events_match.items.push_back(
        {.types = {},
         .tags = {"own-" + std::to_string(stream), "group-" + std::to_string(stream % kGroups)},
         .topics = {}});
    two.conditions.push_back(std::move(condition));
    const auto append_plain = [&] { plain.time([&] { must_append(events, std::move(one)); }); };
    // Whoever comes second finds the core and the caches warm: they take turns.
    if (turn % 2 == 0) append_plain();
    two.conditions.front().after = store->end().next(-1);
    guarded.time([&] { must_append(events, std::move(two)); });
    if (turn % 2 != 0) append_plain();
  }
  std::printf(
      "{\"plain_p50_us\":%.1f,\"plain_p99_us\":%.1f,\"condition_p50_us\":%.1f,"
      "\"condition_p99_us\":%.1f}\n",
      plain.us(0.5), plain.us(0.99), guarded.us(0.5), guarded.us(0.99));
  must(store->close());
}

void read(const char* folder, std::uint64_t streams) {
  Latencies opening;
  const auto store = open_store(folder, opening);
  const log::EventStore events(*store);
  read_every_file(folder);
  std::mt19937_64 random(3);
  Latencies times;
  std::size_t count = 0;
  for (int turn = 0; turn < kReads; ++turn) {
    const log::ReadRequest request{
        .select = log::StreamSelection{std::string(kStreamsTopic), stream_key(random() % streams)}};
    times.time([&] { count += must(events.read(request)).events.size(); });
  }
  std::printf(
      "{\"reads\":%d,\"events_each\":%.1f,\"read_p50_us\":%.1f,\"read_p99_us\":%.1f,"
      "\"log_mb\":%lld}\n",
      kReads, static_cast<double>(count) / kReads, times.us(0.5), times.us(0.99),
      static_cast<long long>(store->stats().log_bytes >> 20));
  must(store->close());
}

StreamsPlan plan_of(int count, char** arguments) {
  StreamsPlan plan{.streams = std::strtoull(arguments[3], nullptr, 10),
                   .each = std::strtoull(arguments[4], nullptr, 10)};
  for (int i = 5; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (word == "lz4") {
      plan.codec = Codec::kLz4;
    } else if (word == "clustered") {
      plan.clustered = true;
    } else if (word == "tags") {
      plan.tags = true;
    } else if (word == "plain") {
      plan.indexed = false;
    } else {
      plan.batch = std::strtoull(arguments[i], nullptr, 10);
    }
  }
  return plan;
}

int run(int count, char** arguments) {
  const std::string_view step = count > 3 ? arguments[1] : "";
  const std::uint64_t streams = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 0;
  if (step == "fill" && count > 4) {
    fill(arguments[2], plan_of(count, arguments));
  } else if (step == "heads") {
    heads(arguments[2], streams);
  } else if (step == "conditions") {
    conditions(arguments[2], streams);
  } else if (step == "read") {
    read(arguments[2], streams);
  } else {
    std::fprintf(stderr, "bench_streams fill|heads|conditions|read FOLDER STREAMS …\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(count, arguments);
}
