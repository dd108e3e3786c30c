#include "bench/embedded/streams.h"

#include <cstdio>
#include <fstream>
#include <vector>

#include "bench/embedded/bench_store.h"

namespace stele::bench {

namespace {

constexpr std::size_t kBatchesUnderWay = 16;

class Filler {
public:
  Filler(log::Store& store, const StreamsPlan& plan)
      : store_(store),
        plan_(plan),
        builder_({.codec = plan.codec}),
        value_(make_values(1).front()),
        topic_(must(store.create_topic(
                        {.name = std::string(kStreamsTopic),
                         .settings = {{"stele.index", plan.indexed ? "true" : "false"}}}))
                   ->id) {}

  void add(std::uint64_t stream) {
    const std::string key = stream_key(stream);
    std::string tags;
    std::vector<HeaderView> headers{{.key = "ce_type", .value = as_bytes("OrderPlaced")}};
    if (plan_.tags) {
      tags = "own-" + std::to_string(stream) + ",group-" + std::to_string(stream % kGroups);
      headers.push_back({.key = "ce_tags", .value = as_bytes(tags)});
    }
    must(builder_.add({.key = as_bytes(key),
                       .value = as_bytes(value_),
                       .headers = headers,
                       .timestamp_ms = 1'700'000'000'000}));
    if (static_cast<std::size_t>(builder_.record_count()) == plan_.batch) submit();
  }

  void finish() {
    if (builder_.record_count() > 0) submit();
    store_.run_until([this] { return answered_ == submitted_; });
  }

private:
  void submit() {
    const auto bytes = std::make_shared<const Bytes>(must(builder_.finish()));
    ++submitted_;
    log::AppendRequest request;
    request.batches.push_back({.to = {topic_, 0}, .batch = *bytes});
    request.owner = bytes;
    store_.submit(std::move(request), [this](Result<log::AppendOutcome> outcome) {
      must(std::move(outcome));
      ++answered_;
    });
    store_.run_until([this] { return submitted_ < answered_ + kBatchesUnderWay; });
    if (submitted_ % 64 == 0) store_.maintain();
  }

  log::Store& store_;
  const StreamsPlan& plan_;
  BatchBuilder builder_;
  std::string value_;
  Uuid topic_;
  std::uint64_t submitted_ = 0;
  std::uint64_t answered_ = 0;
};

}  // namespace

std::string stream_key(std::uint64_t stream) {
  return "s-" + std::to_string(stream);
}

std::uint64_t scattered(std::uint64_t n, std::uint64_t round, std::uint64_t streams) {
  // A prime beyond any number of streams here steps through all of them.
  constexpr std::uint64_t kStep = 4'294'967'311;
  return (n * (kStep % streams) + round * 7919) % streams;
}

void fill_streams(log::Store& store, const StreamsPlan& plan) {
  Filler filler(store, plan);
  for (std::uint64_t outer = 0; outer < (plan.clustered ? plan.streams : plan.each); ++outer) {
    for (std::uint64_t inner = 0; inner < (plan.clustered ? plan.each : plan.streams); ++inner) {
      filler.add(plan.clustered ? outer : scattered(inner, outer, plan.streams));
    }
  }
  filler.finish();
}

std::uint64_t anonymous_bytes() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  std::uint64_t kilobytes = 0;
  while (rollup >> word) {
    if (word == "Anonymous:") rollup >> kilobytes;
  }
  return kilobytes << 10;
}

}  // namespace stele::bench
