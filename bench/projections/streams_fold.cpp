// Our side of the comparison with Kafka Streams (streams.py): count and sum by key, of the number
// behind "customer": in each event, as bench/peers/kafka/streams/Fold.java does it.
//
//   streams_fold kafka BROKERS TOPIC EVENTS FOLDER        folds out of a Kafka cluster
//   streams_fold copy  BROKERS TOPIC STORE                the same events into a store
//   streams_fold store STORE TOPIC EVENTS FOLDER          folds out of the store, in process
//
// Prints a JSON line: the fold (CPU of the whole process, closing and its snapshot included), then
// a restart until everything is served again, then reads of random keys on one thread.
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/embedded/bench_folder.h"
#include "log/env/posix_env.h"
#include "log/event_store/event_store.h"
#include "log/format/batch_builder.h"
#include "projections/engine/engine.h"
#include "projections/remote/kafka_source.h"
#include "projections/sources/embedded_source.h"

namespace stele::bench {

struct Sum {
  std::int64_t count = 0;
  std::int64_t sum = 0;
};

namespace {

using namespace projections;
using Clock = std::chrono::steady_clock;

constexpr std::int32_t kPartitions = 6;
constexpr auto kReadFor = std::chrono::seconds(2);

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::int64_t customer_of(std::string_view data) {
  static constexpr std::string_view kTag = "\"customer\":";
  const std::size_t at = data.find(kTag);
  std::int64_t number = 0;
  if (at != std::string_view::npos)
    std::from_chars(data.data() + at + kTag.size(), data.data() + data.size(), number);
  return number;
}

auto sums(const std::string& topic) {
  return projection<Sum>("sums").from(topic).on_any([](Sum& sum, const Meta& meta) {
    ++sum.count;
    sum.sum += customer_of(as_text(meta.data.value()));
  });
}

struct Figures {
  double fold_s = 0;
  double close_s = 0;
  double cpu_s = 0;
  double restart_s = 0;
  double restart_cpu_s = 0;
  double reads_s = 0;
  std::int64_t count_sum = 0;
  std::size_t keys = 0;
};

using OpenSource = std::function<std::unique_ptr<Source>()>;

struct Work {
  std::unique_ptr<Source> source;
  std::unique_ptr<Engine> engine;
  View<Sum> view;
};

/// Everything there is, folded or restored.
Work caught_up(const OpenSource& open_source, const std::string& topic, const std::string& folder) {
  std::unique_ptr<Source> source = open_source();
  EngineOptions options{.folder = folder};
  std::unique_ptr<Engine> engine = must(Engine::open(*source, std::move(options)));
  View<Sum> view = must(engine->add(sums(topic)));
  must(engine->catch_up());
  return {std::move(source), std::move(engine), std::move(view)};
}

double reads_per_second(const View<Sum>& view, const std::vector<std::string>& keys) {
  std::mt19937_64 random(1);
  std::size_t reads = 0;
  std::size_t found = 0;
  const auto began = Clock::now();
  while (Clock::now() - began < kReadFor) {
    for (int i = 0; i < 1000; ++i, ++reads)
      found += must(view.get(keys[random() % keys.size()])).state.has_value() ? 1 : 0;
  }
  if (found != reads) give_up("a key has no state");
  return static_cast<double>(reads) / seconds_since(began);
}

Figures measure(const OpenSource& open_source, const std::string& topic,
                const std::string& folder) {
  std::filesystem::remove_all(folder);
  Figures figures;
  const double cpu_began = cpu_seconds();
  const auto began = Clock::now();
  {
    const Work work = caught_up(open_source, topic, folder);
    figures.fold_s = seconds_since(began);
    must(work.engine->close());
    figures.close_s = seconds_since(began) - figures.fold_s;
    figures.cpu_s = cpu_seconds() - cpu_began;
  }
  const double cpu_before = cpu_seconds();
  const auto restarted = Clock::now();
  const Work work = caught_up(open_source, topic, folder);
  figures.restart_s = seconds_since(restarted);
  figures.restart_cpu_s = cpu_seconds() - cpu_before;
  std::vector<std::string> keys;
  must(work.view.for_each([&](std::string_view key, const Sum& sum) {
    keys.emplace_back(key);
    figures.count_sum += sum.count;
  }));
  figures.keys = keys.size();
  figures.reads_s = reads_per_second(work.view, keys);
  must(work.engine->close());
  return figures;
}

void print(const char* store, const Figures& f, std::int64_t events) {
  if (f.count_sum != events)
    give_up("folded " + std::to_string(f.count_sum) + " events, not " + std::to_string(events));
  const auto n = static_cast<double>(events);
  std::printf(
      "{\"store\":\"%s\",\"events\":%lld,\"keys\":%zu,\"fold_s\":%.3f,\"close_s\":%.3f,"
      "\"events_s\":%.0f,\"app_cpu_s_per_m\":%.4f,\"restart_to_serving_s\":%.3f,"
      "\"restart_cpu_s\":%.3f,\"queries_s\":%.0f}\n",
      store, static_cast<long long>(events), f.keys, f.fold_s, f.close_s, n / f.fold_s,
      f.cpu_s / n * 1e6, f.restart_s, f.restart_cpu_s, f.reads_s);
}

void fold_kafka(Env& env, const std::string& brokers, const std::string& topic, std::int64_t events,
                const std::string& folder) {
  const auto open = [&] { return must(open_kafka_source({.brokers = brokers}, env)); };
  print("librdkafka", measure(open, topic, folder), events);
}

void fold_store(const std::string& store_folder, const std::string& topic, std::int64_t events,
                const std::string& folder) {
  const auto store = must(log::Store::open(store_folder));
  log::EventStore event_store(*store);
  const auto open = [&]() -> std::unique_ptr<Source> {
    return std::make_unique<EmbeddedSource>(event_store);
  };
  print("in process", measure(open, topic, folder), events);
  must(store->close());
}

/// The lots of each partition as batches of the same partition.
void copy(Env& env, const std::string& brokers, const std::string& topic,
          const std::string& store_folder) {
  std::filesystem::remove_all(store_folder);
  const auto store = must(log::Store::open(store_folder));
  const auto id = must(store->create_topic({.name = topic, .partition_count = kPartitions}))->id;
  const auto source = must(open_kafka_source({.brokers = brokers, .lot_events_max = 1000}, env));
  const auto inputs = must(source->inputs({topic}));
  const auto reader = must(source->open({topic}, inputs, {}));
  for (LotPtr lot; lot == nullptr || !lot->end;) {
    lot = must(reader->next(std::chrono::seconds(10)));
    if (lot->events.empty()) continue;
    BatchBuilder batch;
    for (const InputEvent& event : lot->events)
      must(batch.add({.key = event.stream, .value = event.data, .timestamp_ms = event.time_ms}));
    const Bytes bytes = must(batch.finish());
    must(store->append(log::AppendRequest{
        .batches = {{.to = {id, lot->input.partition}, .batch = bytes}}, .owner = nullptr}));
  }
  must(store->close());
}

int run(const std::vector<std::string>& words) {
  const auto env = must(make_posix_env());
  if (words.size() == 5 && words[0] == "kafka") {
    fold_kafka(*env, words[1], words[2], std::stoll(words[3]), words[4]);
  } else if (words.size() == 4 && words[0] == "copy") {
    copy(*env, words[1], words[2], words[3]);
  } else if (words.size() == 5 && words[0] == "store") {
    fold_store(words[1], words[2], std::stoll(words[3]), words[4]);
  } else {
    give_up(
        "streams_fold kafka BROKERS TOPIC EVENTS FOLDER | copy BROKERS TOPIC STORE | "
        "store STORE TOPIC EVENTS FOLDER");
  }
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int argc, char** argv) {
  return stele::bench::run({argv + 1, argv + argc});
}
