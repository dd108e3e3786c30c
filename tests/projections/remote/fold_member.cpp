// One of several instances that share a fold over a Kafka cluster: started, killed and started again
// by tests/e2e/projections_remote.py. Events are numbers, each key's from 0 on without gaps; a state
// is the key's last number, and how many events did not follow the one before.
//
//   fold_member share BROKERS TOPIC FOLDER GROUP STRATEGY    folds its share until stdin ends; lines:
//       "task p3 restored 12000"   a partition was taken over, with so many events out of a snapshot
//       "live 3 LAG"               now and then: partitions held, events that are left
//   fold_member dump BROKERS TOPIC FOLDER      folds all there is; "key count wrong" for every key
#include <poll.h>

#include <charconv>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "log/env/posix_env.h"
#include "projections/engine/engine.h"
#include "projections/remote/assignments.h"
#include "projections/remote/kafka_source.h"

namespace stele::projections {

struct Tally {
  std::int64_t count = 0;
  std::int64_t wrong = 0;  ///< events that did not follow the one before
};

namespace {

using namespace std::chrono_literals;

constexpr auto kSessionTimeout = 3s;
constexpr auto kTellEvery = 100ms;

auto tallies(const std::string& topic) {
  return projection<Tally>("tallies")
      .from(topic)
      .on_any([](Tally& tally, const Meta& meta) {
        const std::string_view text = as_text(meta.data.value());
        std::int64_t number = -1;
        std::from_chars(text.data(), text.data() + text.size(), number);
        tally.wrong += number == tally.count ? 0 : 1;
        ++tally.count;
      })
      .store(memory{.snapshot_every = 1'000, .keep = 2});
}

int fail_with(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

bool stdin_ended() {
  pollfd waiting{.fd = 0, .events = POLLIN, .revents = 0};
  char line = 0;
  return ::poll(&waiting, 1, static_cast<int>(kTellEvery / 1ms)) > 0 &&
         std::fread(&line, 1, 1, stdin) == 0;
}

/// Says what was taken over since the last call.
void tell(const EngineStatus& status, std::set<std::string>& told) {
  std::set<std::string> held;
  std::int64_t lag = 0;
  for (const TaskStatus& task : status) {
    held.insert(task.task);
    lag += task.flow.lag_events;
    if (!told.contains(task.task))
      std::printf("task %s restored %llu\n", task.task.c_str(),
                  static_cast<unsigned long long>(task.flow.restored_events));
    if (!task.error.empty()) std::printf("error %s\n", task.error.c_str());
  }
  told = std::move(held);
  std::printf("live %zu %lld\n", told.size(), static_cast<long long>(lag));
  std::fflush(stdout);
}

Result<void> share(Source& source, const KafkaOptions& kafka, const std::string& topic,
                   const std::string& folder, const std::string& group, std::string_view strategy) {
  GroupOptions options{.kafka = kafka, .group = group, .topics = {topic}};
  options.strategy = strategy == "range"        ? GroupStrategy::kRange
                     : strategy == "roundrobin" ? GroupStrategy::kRoundRobin
                                                : GroupStrategy::kCooperativeSticky;
  options.session_timeout = kSessionTimeout;
  STELE_TRY(const auto assignment, group_assignment(std::move(options)));
  EngineOptions engine_options{.folder = folder};
  engine_options.assignment = assignment.get();
  STELE_TRY(const auto engine, Engine::open(source, std::move(engine_options)));
  STELE_TRY(const auto view, engine->add(tallies(topic)));
  STELE_DO(engine->start());
  std::set<std::string> told;
  while (!stdin_ended()) tell(engine->status(), told);
  tell(engine->status(), told);
  return engine->close();
}

Result<void> dump(Source& source, const std::string& topic, const std::string& folder) {
  EngineOptions options{.folder = folder};
  STELE_TRY(const auto engine, Engine::open(source, std::move(options)));
  STELE_TRY(const auto view, engine->add(tallies(topic)));
  std::set<std::string> told;
  tell(engine->status(), told);
  STELE_DO(engine->catch_up());
  STELE_TRY(const Checkpoint all, view.for_each([](std::string_view key, const Tally& tally) {
    std::printf("key %.*s %lld %lld\n", static_cast<int>(key.size()), key.data(),
                static_cast<long long>(tally.count), static_cast<long long>(tally.wrong));
  }));
  static_cast<void>(all);
  return engine->close();
}

int run(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if ((mode != "share" || argc != 7) && (mode != "dump" || argc != 5)) {
    std::fputs(
        "fold_member share BROKERS TOPIC FOLDER GROUP STRATEGY | dump BROKERS TOPIC FOLDER\n",
        stderr);
    return 2;
  }
  const auto env = make_posix_env();
  if (!env) return fail_with(env.error());
  const KafkaOptions kafka{.brokers = argv[2]};
  const auto source = open_kafka_source(kafka, **env);
  if (!source) return fail_with(source.error());
  const auto done = mode == "share" ? share(**source, kafka, argv[3], argv[4], argv[5], argv[6])
                                    : dump(**source, argv[3], argv[4]);
  return done ? 0 : fail_with(done.error());
}

}  // namespace
}  // namespace stele::projections

int main(int argc, char** argv) {
  return stele::projections::run(argc, argv);
}
