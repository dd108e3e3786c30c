// Question: how many events a second does one core fold, exactly once: 5 million events of 100 bytes
// with 100,000 keys, counted and summed by key, from a store in this process, page cache warm? And
// of that: reading alone, with nobody who listens, with two lanes, what snapshots cost.
// Targets: reading 10 million/s; folding 5 million/s; snapshots 5 % of it.
//
// Rates are per second of CPU of this process (lanes: wall clock).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/embedded/bench_folder.h"
#include "log/env/posix_env.h"
#include "log/event_store/event_store.h"
#include "log/format/batch_builder.h"
#include "projections/flow/flow_task.h"
#include "projections/fold/projection.h"
#include "projections/sources/embedded_source.h"

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

constexpr std::size_t kEvents = 5'000'000;
constexpr std::size_t kKeys = 100'000;
constexpr std::size_t kBatchEvents = 1000;
constexpr std::size_t kValueBytes = 100;
constexpr auto kNoWait = std::chrono::nanoseconds::zero();

std::string value_of(std::size_t n) {
  std::string value = R"({"amount":)" + std::to_string(n % 1000) +
                      R"(,"currency":"EUR","article":"SKU-)" + std::to_string(n % 7919) +
                      R"(","note":")";
  value.resize(kValueBytes - 2, 'x');
  return value + R"("})";
}

std::string key_of(std::size_t n) {
  char key[16];
  std::snprintf(key, sizeof key, "k%010zu", n * 2'654'435'761 % kKeys);
  return key;
}

void fill(log::Store& store) {
  const Uuid topic = must(store.create_topic({.name = "sales", .settings = {}}))->id;
  const std::vector<HeaderView> headers{{"ce_type", as_bytes("Sold")}};
  std::size_t waiting = 0;
  for (std::size_t n = 0; n < kEvents;) {
    BatchBuilder builder;
    for (std::size_t i = 0; i < kBatchEvents; ++i, ++n) {
      const std::string key = key_of(n);
      const std::string value = value_of(n);
      must(builder.add({.key = as_bytes(key),
                        .value = as_bytes(value),
                        .headers = headers,
                        .timestamp_ms = 1'700'000'000'000}));
    }
    const auto bytes = std::make_shared<const Bytes>(must(builder.finish()));
    log::AppendRequest request;
    request.batches.push_back({.to = {topic, 0}, .batch = *bytes});
    request.owner = bytes;
    ++waiting;
    store.submit(std::move(request), [&waiting](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      --waiting;
    });
    store.run_until([&] { return waiting < 8; });
  }
  store.run_until([&] { return waiting == 0; });
}

/// The store, filled once for all questions.
class Sales {
public:
  static Sales& get() {
    static Sales sales;
    return sales;
  }
  [[nodiscard]] EmbeddedSource& source() { return source_; }
  [[nodiscard]] Env& env() { return *env_; }
  [[nodiscard]] std::string new_folder() {
    return folder_.path() + "/flow-" + std::to_string(++folders_);
  }

private:
  Sales() : store_(must(log::Store::open(folder_.path() + "/data", *env_))) { fill(*store_); }

  std::unique_ptr<Env> env_ = must(make_posix_env());
  BenchFolder folder_;
  std::unique_ptr<log::Store> store_;
  log::EventStore events_{*store_};
  EmbeddedSource source_{events_};
  int folders_ = 0;
};

Projection<Tally> sales(std::string name) {
  return projection<Tally>(std::move(name)).from("sales").on<Sold>([](Tally& tally, const Sold& e) {
    ++tally.count;
    tally.sum += e.amount;
  });
}

struct Folded {
  std::size_t runs = 0;
  double commit_s = 0;
};

void fold_once(const DefinitionPtr& definition, std::uint32_t lanes, Folded& folded) {
  Sales& all = Sales::get();
  const std::string folder = all.new_folder();
  {
    const auto task = must(FlowTask::open(definition, all.source(), {InputId::store()}, all.env(),
                                          {.folder = folder, .lanes = lanes}));
    const std::chrono::nanoseconds wait = lanes > 1 ? std::chrono::seconds(1) : kNoWait;
    while (!must(task->step(wait))) {
    }
    const FlowStatus status = task->status();
    if (status.events_folded != kEvents) give_up("folded another number of events");
    folded.commit_s += std::chrono::duration<double>(status.states.commit_took).count();
    ++folded.runs;
  }
  std::filesystem::remove_all(folder);
}

void report(benchmark::State& state) {
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(kEvents),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void BM_Read(benchmark::State& state) {
  Sales& all = Sales::get();
  for (auto _ : state) {
    const auto reader = must(all.source().open({"sales"}, {InputId::store()}, {}));
    std::size_t count = 0;
    for (bool end = false; !end;) {
      const LotPtr lot = must(reader->next(kNoWait));
      for (const InputEvent& event : lot->events) {
        benchmark::DoNotOptimize(event.type.data());
        ++count;
      }
      end = lot->end;
    }
    if (count != kEvents) give_up("read another number of events");
  }
  report(state);
}
BENCHMARK(BM_Read)->Unit(benchmark::kMillisecond)->MinTime(2);

void BM_Fold_NobodyListens(benchmark::State& state) {
  const auto definition =
      projection<Tally>("others").from("sales").on_any([](Tally&, const Meta&) {}).definition();
  auto deaf = std::make_shared<Definition>(*definition);
  deaf->otherwise.reset();
  deaf->handlers = sales("x").definition()->handlers;
  deaf->handlers.front().type = "Bought";
  Folded folded;
  for (auto _ : state) fold_once(deaf, 1, folded);
  report(state);
}
BENCHMARK(BM_Fold_NobodyListens)->Unit(benchmark::kMillisecond)->MinTime(2);

void BM_Fold_CountAndSum(benchmark::State& state) {
  const DefinitionPtr definition =
      sales("sums").store(memory{.snapshot_every = UINT64_MAX}).definition();
  Folded folded;
  for (auto _ : state) fold_once(definition, 1, folded);
  report(state);
}
BENCHMARK(BM_Fold_CountAndSum)->Unit(benchmark::kMillisecond)->MinTime(4);

void BM_Fold_CountAndSum_Snapshots(benchmark::State& state) {
  const DefinitionPtr definition = sales("kept").definition();
  Folded folded;
  const auto begun = std::chrono::steady_clock::now();
  for (auto _ : state) fold_once(definition, 1, folded);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  report(state);
  state.counters["snapshots_%"] = 100 * folded.commit_s / took.count();
}
BENCHMARK(BM_Fold_CountAndSum_Snapshots)->Unit(benchmark::kMillisecond)->MinTime(4);

void BM_Fold_CountAndSum_Lanes(benchmark::State& state) {
  const DefinitionPtr definition =
      sales("lanes").store(memory{.snapshot_every = UINT64_MAX}).definition();
  Folded folded;
  for (auto _ : state) fold_once(definition, static_cast<std::uint32_t>(state.range(0)), folded);
  report(state);
}
BENCHMARK(BM_Fold_CountAndSum_Lanes)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MinTime(4);

}  // namespace
}  // namespace stele::bench
