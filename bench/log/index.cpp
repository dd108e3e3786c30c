// Questions: what does the index cost an append, with millions of live streams; how many bytes an
// event; what does a head cost that is hot, new or cold? Targets: 100 ns a term, 25 B a scattered
// and 10 B a clustered event, no block read for a hot or new term, one for a cold one.
//
// STELE_INDEX_STREAMS (default 1,000,000) sets how many streams the last two have.
#include <benchmark/benchmark.h>

#include <ctime>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include "bench/embedded/bench_folder.h"
#include "log/env/posix_env.h"
#include "log/index/term_index.h"

namespace stele::bench {
namespace {

using log::BatchTerms;
using log::TermIndex;
using log::TermKind;

constexpr std::int32_t kRecordsPerBatch = 100;
const Uuid kTopic = Uuid::from_random(1, 2);

class Draw {
public:
  std::uint64_t below(std::uint64_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % n;
  }

private:
  std::uint64_t state_ = 42;
};

std::string key_of(std::uint64_t stream) {
  char key[17];
  std::snprintf(key, sizeof key, "customer%08llx", static_cast<unsigned long long>(stream));
  return key;
}

std::int64_t index_streams() {
  const char* text = std::getenv("STELE_INDEX_STREAMS");
  return text == nullptr ? 1'000'000 : std::atoll(text);
}

/// An index in a folder of its own, told of batches of one record a stream.
class BenchIndex {
public:
  BenchIndex() : env_(must(make_posix_env())) {
    index_ = must(TermIndex::open(*env_, folder_.path() + "/index", Uuid::from_random(3, 4), {}));
  }
  ~BenchIndex() { settle(); }

  [[nodiscard]] TermIndex& index() { return *index_; }
  template <class StreamOf>
  [[nodiscard]] BatchTerms batch(StreamOf stream_of) const {
    BatchTerms terms(index_->hasher(), kTopic);
    for (std::int32_t i = 0; i < kRecordsPerBatch; ++i)
      terms.add(i, TermKind::kStream, as_bytes(key_of(stream_of())));
    return terms;
  }
  void add(const BatchTerms& terms) {
    index_->add(terms, end_, 0);
    end_ = end_.next(kRecordsPerBatch);
    index_->advance(end_);
  }
  void upkeep() {
    index_->upkeep(end_, {});
    env_->poll();
    while (index_->overloaded())
      env_->wait(std::chrono::milliseconds(10)), index_->upkeep(end_, {});
  }
  void settle() {
    do {
      index_->upkeep(end_, {});
      env_->wait(std::chrono::milliseconds(1));
    } while (index_->running());
  }
  /// Everything is in runs, merged as far as it is due.
  void flush() {
    settle();
    must(index_->flush(end_));
    settle();
  }
  /// So many events, each of a random stream of `streams`.
  void scatter(std::int64_t events, std::uint64_t streams) {
    for (std::int64_t i = 0; i < events; i += kRecordsPerBatch) {
      add(batch([&] { return draw_.below(streams); }));
      upkeep();
    }
  }

private:
  BenchFolder folder_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<TermIndex> index_;
  Position end_;
  Draw draw_;
};

/// Processor time, so that other work on the machine does not count.
std::int64_t cpu_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::int64_t elapsed_ns(std::chrono::steady_clock::time_point since) {
  return (std::chrono::steady_clock::now() - since).count();
}

void BM_AddStreamTerm_LiveStreams(benchmark::State& state) {
  const auto streams = static_cast<std::uint64_t>(state.range(0));
  BenchIndex bench;
  for (std::uint64_t next = 0; next < streams;) {
    bench.add(bench.batch([&] { return next++; }));
    bench.upkeep();
  }
  Draw draw;
  constexpr int kBatches = 1000;
  std::int64_t adding_ns = 0;
  std::int64_t making_ns = 0;
  std::int64_t terms = 0;
  const std::int64_t all_begun = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (auto _ : state) {
    for (int i = 0; i < kBatches; ++i) {
      const std::int64_t begun = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
      const BatchTerms batch = bench.batch([&] { return draw.below(streams); });
      const std::int64_t made = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
      bench.add(batch);
      bench.upkeep();
      making_ns += made - begun;
      adding_ns += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - made;
    }
    terms += kBatches * kRecordsPerBatch;
  }
  const std::int64_t all_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - all_begun;
  const auto per_term = [&](std::int64_t ns) {
    return static_cast<double>(ns) / static_cast<double>(terms);
  };
  state.counters["gather_ns"] = per_term(making_ns);
  state.counters["add_ns"] = per_term(adding_ns);
  state.counters["cuts_merges_ns"] = per_term(all_ns - adding_ns - making_ns);
  state.counters["cuts"] = static_cast<double>(bench.index().stats().cuts);
}
BENCHMARK(BM_AddStreamTerm_LiveStreams)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Arg(5'000'000)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Iterations(20);

void report_sizes(benchmark::State& state, BenchIndex& bench, std::int64_t events) {
  const auto stats = bench.index().stats();
  state.counters["bytes_per_event"] =
      static_cast<double>(stats.run_bytes) / static_cast<double>(events);
  state.counters["runs"] = static_cast<double>(stats.run_count);
  state.counters["merges"] = static_cast<double>(stats.merges);
}

void BM_Head_FiveScatteredEventsAStream(benchmark::State& state) {
  const std::int64_t streams = index_streams();
  BenchIndex bench;
  bench.scatter(streams * 5, static_cast<std::uint64_t>(streams));
  bench.flush();
  report_sizes(state, bench, streams * 5);
  Draw draw;
  constexpr int kHeads = 20'000;
  const TermIndex& index = bench.index();
  const auto measure = [&](const char* name, auto stream_of) {
    const std::int64_t reads = index.stats().block_reads;
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < kHeads; ++i) {
      const log::Term term = index.hasher().stream(kTopic, as_bytes(key_of(stream_of(i))));
      benchmark::DoNotOptimize(must(index.head(term.view())));
    }
    state.counters[std::string(name) + "_ns"] = static_cast<double>(elapsed_ns(begun)) / kHeads;
    state.counters[std::string(name) + "_blocks"] =
        static_cast<double>(index.stats().block_reads - reads) / kHeads;
  };
  for (auto _ : state) {
    std::vector<std::uint64_t> asked(kHeads);
    for (auto& one : asked) one = draw.below(static_cast<std::uint64_t>(streams));
    measure("cold", [&](int i) { return asked[static_cast<std::size_t>(i)]; });
    measure("hot", [&](int i) { return asked[static_cast<std::size_t>(i)]; });
    measure("new", [&](int i) { return static_cast<std::uint64_t>(streams + i); });
  }
}
BENCHMARK(BM_Head_FiveScatteredEventsAStream)->Unit(benchmark::kMillisecond)->Iterations(1);

void BM_Bytes_HundredClusteredEventsAStream(benchmark::State& state) {
  const std::int64_t streams = index_streams() / 20;
  for (auto _ : state) {
    BenchIndex bench;
    for (std::int64_t stream = 0; stream < streams; ++stream) {
      bench.add(bench.batch([&] { return static_cast<std::uint64_t>(stream); }));
      bench.upkeep();
    }
    bench.flush();
    report_sizes(state, bench, streams * kRecordsPerBatch);
  }
}
BENCHMARK(BM_Bytes_HundredClusteredEventsAStream)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace stele::bench
