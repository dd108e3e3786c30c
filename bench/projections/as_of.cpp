// Question: what does the state of a key as of a moment cost, in a store of 10 million events whose
// 10,000 keys have about 1,000 events each, scattered over batches of at most 16 KiB, with a
// snapshot every half million events, page cache warm?
// Target: p99 at most 1 ms.
//
// Arguments: a folder; it is filled the first time (about 1.5 GB).
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "bench/embedded/bench_folder.h"
#include "bench/embedded/latencies.h"
#include "log/env/posix_env.h"
#include "log/format/batch_builder.h"
#include "projections/engine/engine.h"
#include "projections/sources/embedded_source.h"
#include "projections/state/past_states.h"

namespace stele::bench {

struct Sold {
  std::int64_t amount = 0;
};
struct Tally {
  std::int64_t count = 0;
  std::int64_t sum = 0;
};

}  // namespace stele::bench

template <>
struct stele::projections::event_traits<stele::bench::Sold> : json_event<"Sold"> {};

namespace stele::bench {
namespace {

using namespace projections;

constexpr std::int64_t kEvents = 10'000'000;
constexpr std::uint64_t kKeys = 10'000;
constexpr std::size_t kBatchBytesMax = 16 << 10;
constexpr std::int64_t kFirstMs = 1'700'000'000'000;
constexpr std::int64_t kLateMsMax = 5'000;
constexpr int kQuestions = 1000;
constexpr std::uint64_t kSnapshotEvery = 500'000;
constexpr std::size_t kBatchesUnderWay = 64;

/// SplitMix64.
class Draw {
public:
  std::uint64_t below(std::uint64_t limit) {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return (mixed ^ (mixed >> 31)) % limit;
  }

private:
  std::uint64_t state_ = 20131;
};

std::string key_of(std::uint64_t n) {
  return "account-" + std::to_string(n);
}

Result<Bytes> next_batch(std::int64_t& n, Draw& draw) {
  const std::vector<HeaderView> headers{{"ce_type", as_bytes("Sold")}};
  BatchBuilder builder;
  for (; n < kEvents && builder.batch_bytes() < kBatchBytesMax - 256; ++n) {
    const std::string key = key_of(draw.below(kKeys));
    const std::string value = R"({"amount":)" + std::to_string(n % 1000) + R"(,"currency":"EUR"})";
    STELE_DO(builder.add(
        {.key = as_bytes(key),
         .value = as_bytes(value),
         .headers = headers,
         .timestamp_ms = kFirstMs + n - static_cast<std::int64_t>(draw.below(kLateMsMax))}));
  }
  return builder.finish();
}

void fill(log::Store& store) {
  const Uuid topic = must(store.create_topic({.name = "sales", .settings = {}}))->id;
  Draw draw;
  std::size_t submitted = 0;
  std::size_t answered = 0;
  for (std::int64_t n = 0; n < kEvents;) {
    const auto batch = std::make_shared<const Bytes>(must(next_batch(n, draw)));
    log::AppendRequest request;
    request.batches.push_back({.to = {topic, 0}, .batch = *batch});
    request.owner = batch;
    ++submitted;
    store.submit(std::move(request), [&answered](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      ++answered;
    });
    store.run_until([&] { return submitted < answered + kBatchesUnderWay; });
    if (submitted % 64 == 0) store.maintain();
  }
  store.run_until([&] { return submitted == answered; });
}

Projection<Tally> tallies() {
  return projection<Tally>("tallies")
      .from("sales")
      .on<Sold>([](Tally& t, const Sold& e) {
        ++t.count;
        t.sum += e.amount;
      })
      .store(memory{.snapshot_every = kSnapshotEvery, .keep = 32});
}

/// A moment of one kind, drawn.
struct Axis {
  const char* name;
  Moment (*draw)(Draw& draw);
};

constexpr Axis kAxes[] = {
    {"version",
     [](Draw& draw) {
       return Moment{AtVersion{Version(static_cast<std::int64_t>(draw.below(800)))}};
     }},
    {"position",
     [](Draw& draw) {
       return Moment{AtPosition{Position(static_cast<std::int64_t>(draw.below(kEvents)))}};
     }},
    {"event time, any",
     [](Draw& draw) {
       return Moment{AtEventTime{kFirstMs + static_cast<std::int64_t>(draw.below(kEvents))}};
     }},
    {"event time, last tenth",
     [](Draw& draw) {
       return Moment{AtEventTime{kFirstMs + kEvents - 1 -
                                 static_cast<std::int64_t>(draw.below(kEvents / 10))}};
     }},
};

/// CPU of this thread: what an answer costs, whoever else is on the machine.
double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Taken {
  Latencies wall;
  Latencies cpu;
  template <class Operation>
  void time(const Operation& operation) {
    const double began = cpu_s();
    wall.time(operation);
    cpu.add(cpu_s() - began);
  }
};

void report(const char* how, const char* axis, const Taken& taken, std::uint64_t folded) {
  std::printf("%-9s %-30s p50 %7.1f us  p99 %7.1f us  (CPU %7.1f, %7.1f)  %5.1f events folded\n",
              how, axis, taken.wall.us(0.5), taken.wall.us(0.99), taken.cpu.us(0.5),
              taken.cpu.us(0.99), static_cast<double>(folded) / taken.wall.count());
}

void ask_all(Source& source, const View<Tally>& view,
             const std::vector<std::shared_ptr<const PastStates>>& snapshots) {
  const Past past{.definition = tallies().definition(),
                  .source = &source,
                  .inputs = {InputId::store()},
                  .snapshots = snapshots};
  for (const Axis& axis : kAxes) {
    Draw draw;
    Taken in_view;
    Taken taken;
    std::uint64_t folded = 0;
    for (int i = 0; i < kQuestions; ++i) {
      const std::string key = key_of(draw.below(kKeys));
      const Moment moment = axis.draw(draw);
      taken.time([&] { folded += must(state_at(past, as_bytes(key), moment)).events_folded; });
      // Another key: nothing that was just read is of use.
      const std::string other = key_of(draw.below(kKeys));
      const Moment then = axis.draw(draw);
      in_view.time([&] { must(view.get(other, then)); });
    }
    report("state_at", axis.name, taken, folded);
    report("View::get", axis.name, in_view, folded);
  }
}

void run(const std::string& folder) {
  auto store = must(log::Store::open(folder + "/store"));
  if (!store->find_topic("sales")) fill(*store);
  // A cache of decoded batches that is small beside the store: answers come from the page cache.
  log::EventStore events(*store, {.batch_cache_bytes_max = 8 << 20});
  EmbeddedSource source(events);
  auto engine = must(Engine::open(source, {.folder = folder + "/views"}));
  const View<Tally> view = must(engine->add(tallies()));
  must(engine->catch_up(progress_on(stderr)));
  const auto env = must(make_posix_env());
  std::vector<std::shared_ptr<const PastStates>> snapshots;
  for (auto& snapshot : must(list_past(*env, folder + "/views/tallies/v1/all")))
    snapshots.push_back(std::move(snapshot));
  std::printf("%zu snapshots\n", snapshots.size());
  for (int i = 0; i < 2; ++i) ask_all(source, view, snapshots);
  snapshots.clear();
  must(engine->close());
  must(store->close());
}

}  // namespace
}  // namespace stele::bench

int main(int argument_count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: bench_as_of FOLDER\n");
    return 2;
  }
  stele::bench::run(arguments[1]);
  return 0;
}
