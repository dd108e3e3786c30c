// Questions: what does one update of a state cost, hot and with a million keys; how many bytes a key
// takes; how long a snapshot of a million keys and the restart from it; how many reads of single
// keys one core answers while another folds? Keys of 11 bytes, states of 16.
// Targets: 60 ns hot; 1.5 x 27 + 32 = 72 bytes; under 1 s; 1,000,000 reads/s.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/embedded/bench_folder.h"
#include "log/env/posix_env.h"
#include "projections/state/memory_store.h"
#include "projections/state/sqlite_store.h"

namespace stele::bench {
namespace {

using namespace projections;

constexpr std::int64_t kMillion = 1'000'000;

struct Tally {
  std::uint64_t count = 0;
  std::int64_t sum = 0;
};

Definition tallies() {
  Definition definition;
  definition.name = "tallies";
  definition.topics = {"orders"};
  StateType& type = definition.state;
  type = {.size = sizeof(Tally), .align = alignof(Tally), .trivial = true};
  type.construct = [](void* at) { new (at) Tally; };
  type.destroy = [](void*) {};
  type.move = [](void* to, void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.copy = [](void* to, const void* from) { std::memcpy(to, from, sizeof(Tally)); };
  type.encode = [](const void* state, Bytes& to) {
    const auto* bytes = static_cast<const std::byte*>(state);
    to.insert(to.end(), bytes, bytes + sizeof(Tally));
  };
  type.decode = [](ByteView bytes, void* at) -> Result<void> {
    if (bytes.size() != sizeof(Tally)) return std::unexpected(Error{Code::kCorrupt, "size"});
    std::memcpy(at, bytes.data(), sizeof(Tally));
    return {};
  };
  type.shape = "count u64, sum i64";
  return definition;
}

const Definition kTallies = tallies();

/// As they stand in events: one behind the other.
using Keys = std::vector<std::array<char, 12>>;

std::array<char, 12> key_of(std::int64_t number) {
  std::array<char, 12> key;
  std::snprintf(key.data(), key.size(), "acc-%07d", static_cast<int>(number % 10'000'000));
  return key;
}

Keys keys(std::int64_t count) {
  Keys made;
  for (std::int64_t i = 0; i < count; ++i) made.push_back(key_of(i));
  return made;
}

class Draw {
public:
  std::size_t below(std::size_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state_ >> 33) % n);
  }

private:
  std::uint64_t state_ = 42;
};

/// Four times as many draws as keys, so that they come back as seldom as they do in a log.
Keys drawn(std::int64_t key_count) {
  Draw draw;
  Keys made;
  for (std::int64_t i = 0; i < 4 * key_count; ++i) {
    const std::size_t number = draw.below(static_cast<std::size_t>(key_count));
    made.push_back(key_of(static_cast<std::int64_t>(number)));
  }
  return made;
}

Key bytes_of(const std::array<char, 12>& text) {
  return Key(as_bytes(std::string_view(text.data(), text.size() - 1)));
}

void update(StateStore& store, const std::array<char, 12>& text, std::int64_t place) {
  const Key key = bytes_of(text);
  auto* tally = static_cast<Tally*>(must(store.open(0, key, false)));
  tally->count += 1;
  tally->sum += place;
  store.close(0, key, Verdict::kKeep, place);
}

Mark mark(std::uint64_t event_count) {
  return {.checkpoint = Checkpoint::of_store(static_cast<std::int64_t>(event_count)),
          .event_count = event_count};
}

/// A store in a folder of its own.
class BenchStates {
public:
  explicit BenchStates(bool sqlite) : env_(must(make_posix_env())), sqlite_(sqlite) { open(); }

  void open() {
    store_.reset();
    const std::string folder = folder_.path() + "/flow";
    store_ = must(sqlite_ ? open_sqlite_store(*env_, folder, {&kTallies}, SqliteStore{})
                          : open_memory_store(*env_, folder, {&kTallies}, MemoryStore{}));
    static_cast<void>(must(store_->restore()));
  }
  void fill(const Keys& with) {
    for (const auto& key : with) update(*store_, key, events_++);
  }
  [[nodiscard]] StateStore& store() { return *store_; }
  [[nodiscard]] std::int64_t next_event() { return events_++; }
  void commit(bool force) {
    must(store_->commit(mark(static_cast<std::uint64_t>(events_)), force));
  }

private:
  BenchFolder folder_;
  std::unique_ptr<Env> env_;
  bool sqlite_;
  std::int64_t events_ = 0;
  std::unique_ptr<StateStore> store_;
};

void BM_UpdateInMemory(benchmark::State& state) {
  const auto all = keys(state.range(0));
  BenchStates states(false);
  states.fill(all);
  const Keys draws = drawn(state.range(0));
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    update(states.store(), draws[next], states.next_event());
    if (++next == draws.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_key"] =
      static_cast<double>(states.store().stats().memory_bytes) / static_cast<double>(all.size());
}
BENCHMARK(BM_UpdateInMemory)->Arg(1'000)->Arg(100'000)->Arg(kMillion);

/// Commits as a flow does: after every thousand events, if it is time.
void BM_UpdateInSqlite(benchmark::State& state) {
  const auto all = keys(state.range(0));
  BenchStates states(true);
  states.fill(all);
  states.commit(true);
  Draw draw;
  for ([[maybe_unused]] auto _ : state) {
    const std::int64_t event = states.next_event();
    update(states.store(), all[draw.below(all.size())], event);
    if (event % 1000 == 0) states.commit(false);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_UpdateInSqlite)->Arg(100'000)->Arg(kMillion)->Iterations(500'000);

void BM_Snapshot(benchmark::State& state) {
  const auto all = keys(state.range(0));
  BenchStates states(false);
  states.fill(all);
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    static_cast<void>(states.next_event());
    state.ResumeTiming();
    states.commit(true);
  }
  state.counters["file_bytes_per_key"] =
      static_cast<double>(states.store().stats().snapshot_bytes) / static_cast<double>(all.size());
}
BENCHMARK(BM_Snapshot)->Arg(kMillion)->Unit(benchmark::kMillisecond)->Iterations(5)->UseRealTime();

void BM_Restart(benchmark::State& state) {
  const auto all = keys(state.range(0));
  BenchStates states(false);
  states.fill(all);
  states.commit(true);
  for ([[maybe_unused]] auto _ : state) states.open();
}
BENCHMARK(BM_Restart)->Arg(kMillion)->Unit(benchmark::kMillisecond)->Iterations(5)->UseRealTime();

/// Copies of single states, while another thread folds as fast as it can.
void BM_ReadBesideAFold(benchmark::State& state) {
  const auto all = keys(state.range(0));
  BenchStates states(false);
  states.fill(all);
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> folded = 0;
  std::thread folder([&] {
    Draw draw;
    while (!stop.load(std::memory_order_relaxed)) {
      update(states.store(), all[draw.below(all.size())], states.next_event());
      folded.fetch_add(1, std::memory_order_relaxed);
    }
  });
  Draw draw;
  Tally copy;
  for ([[maybe_unused]] auto _ : state) {
    must(states.store().read(
        0, bytes_of(all[draw.below(all.size())]),
        [&](const void* at, std::int64_t) { copy = *static_cast<const Tally*>(at); }));
    benchmark::DoNotOptimize(copy);
  }
  stop = true;
  folder.join();
  state.SetItemsProcessed(state.iterations());
  state.counters["folded"] =
      benchmark::Counter(static_cast<double>(folded.load()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_ReadBesideAFold)->Arg(100'000)->Arg(kMillion)->UseRealTime();

}  // namespace
}  // namespace stele::bench
