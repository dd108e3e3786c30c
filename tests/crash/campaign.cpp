#include "tests/crash/campaign.h"

#include <algorithm>

#include "log/base/checksum.h"
#include "tests/crash/oracle.h"

namespace stele::crash {
namespace {

constexpr unsigned kNestedPercent = 12;
constexpr unsigned kRestartPercent = 25;
constexpr int kTriesMax = 12;  // draws in a row that gave nothing new
constexpr std::uint64_t kRoundsMax = 40;

// Nothing that a mere crash leaves may look like damage.
std::string alarm_in(const SimEnv& env) {
  for (const SimReport& report : env.reports()) {
    if (report.severity == Severity::kError) return "reported: " + report.line;
  }
  return {};
}

}  // namespace

Campaign::Campaign(const Workload& workload, const CampaignOptions& options)
    : workload_(workload), options_(options), random_(options.seed * 7919 + 17) {}

std::string Campaign::run() {
  if (std::string broken = prepare(); !broken.empty()) return broken;
  for (std::uint64_t round = 0; round < kRoundsMax && counts_.distinct < options_.count; ++round) {
    const std::uint64_t seed = options_.seed + round;
    for (std::uint64_t change = 0; change <= counts_.changes; ++change) {
      if (options_.change >= 0 && change != static_cast<std::uint64_t>(options_.change)) continue;
      std::string broken;
      const Crashed crashed = crash_at(change, seed, broken);
      const std::uint64_t left = options_.count - std::min(counts_.distinct, options_.count);
      if (broken.empty()) broken = judge_states(crashed, left / (counts_.changes + 1 - change) + 1);
      if (!broken.empty())
        return "workload " + workload_.name + ", STELE_SEED=" + std::to_string(seed) +
               " STELE_CHANGE=" + std::to_string(change) + ", " + broken;
      if (crashed.finished || counts_.distinct >= options_.count) break;
    }
  }
  return {};
}

std::string Campaign::prepare() {
  if (workload_.prepare) {
    // A store id of its own for each workload: no image of one is counted for another.
    const std::uint64_t store_seed = mix_seed(options_.seed, checksum(as_bytes(workload_.name), 0));
    SimEnv env({}, {.seed = store_seed});
    Driver driver(env, base_history_, workload_.options);
    if (const auto opened = driver.open(); !opened) return "not made: " + opened.error().text();
    workload_.prepare(driver);
    driver.settle();
    driver.kill();
    base_disk_ = env.disk().killed();
  }
  std::string broken;
  SimEnv env(base_disk_, {.seed = options_.seed});
  History history = base_history_;
  Driver driver(env, history, workload_.options);
  if (const auto opened = driver.open(); !opened) return "not opened: " + opened.error().text();
  workload_.run(driver);
  driver.settle();
  driver.look();
  counts_.changes = env.change_count();
  if (!driver.broken().empty()) return "undisturbed: " + driver.broken();
  return alarm_in(env);
}

Campaign::Crashed Campaign::crash_at(std::uint64_t change, std::uint64_t seed,
                                     std::string& broken) {
  Crashed crashed{.disk = {}, .history = base_history_};
  SimEnv env(base_disk_, {.seed = seed});
  env.crash_after(change);
  Driver driver(env, crashed.history, workload_.options);
  if (driver.open()) {
    workload_.run(driver);
    driver.settle();
    crashed.finished = !env.crashed();
    driver.kill();
  }
  broken = driver.broken();
  if (!env.crashed() && broken.empty() && !crashed.finished) broken = "not opened, without a crash";
  crashed.disk = env.disk();
  return crashed;
}

std::string Campaign::judge_states(const Crashed& crashed, std::uint64_t quota) {
  const SimDisk killed = crashed.disk.killed();
  ++counts_.killed;
  if (std::string broken = judge_disk(killed, crashed.history, false); !broken.empty())
    return "killed: " + broken;
  if (std::string broken = judge_nested(killed, crashed.history); !broken.empty())
    return "killed, " + broken;
  const CrashStates states(crashed.disk);
  int tries = 0;
  for (std::uint64_t drawn = 0; quota > 0 && tries < kTriesMax; ++drawn) {
    const bool canonical = drawn < 2 || drawn % 2 == 0;
    const std::uint64_t number = drawn < 2 ? drawn
                                           : (canonical ? random_.below(states.canonical_count())
                                                        : random_.draw() % 1000000);
    const SimDisk disk = canonical ? states.canonical(number) : states.random(number);
    if (!images_.insert(disk.image_hash()).second) {
      ++tries;
      continue;
    }
    tries = 0;
    --quota;
    ++counts_.distinct;
    const std::string name = (canonical ? "canonical " : "random ") + std::to_string(number) + ": ";
    if (std::string broken = judge_disk(disk, crashed.history, random_.chance(kRestartPercent));
        !broken.empty())
      return name + broken;
    if (!random_.chance(kNestedPercent)) continue;
    if (std::string broken = judge_nested(disk, crashed.history); !broken.empty())
      return name + broken;
  }
  return {};
}

// Appends, retries and a reservation after a recovery: they go on where the log ends.
void Campaign::probe(Driver& driver) {
  std::vector<std::pair<std::int64_t, Place>> producers;
  History& history = driver.history();
  for (std::size_t i = 0; i < history.asked.size(); ++i) {
    for (const Batch& batch : history.asked[i].batches) {
      if (batch.producer >= 0 && driver.store().find_topic(*history.topics[batch.place.topic].id))
        producers.emplace_back(batch.producer, batch.place);
    }
  }
  for (std::size_t i = 0; i < 2 && i < producers.size(); ++i) {
    const auto& [producer, place] = producers[producers.size() - 1 - i];
    driver.retry(producer, place);
    driver.retry(producer, place, 1);
    driver.produce(producer, place);
    driver.retry(producer, place);
  }
  for (std::size_t topic = 0; topic < history.topics.size(); ++topic) {
    const auto& id = history.topics[topic].id;
    if (id && driver.alive() && driver.store().find_topic(*id) != nullptr)
      driver.append({topic, 0}, 1, 90);
  }
  driver.reserve(2);
  if (driver.compacts()) driver.compact();
}

std::string Campaign::judge_disk(const SimDisk& disk, History history, bool restart) {
  SimEnv env(disk, {.seed = random_.draw()});
  Driver driver(env, history, workload_.options);
  if (const auto opened = driver.open(); !opened) return "not opened: " + opened.error().text();
  if (const auto judged = judge(driver.store(), history, random_.draw()); !judged)
    return judged.error().text();
  if (restart) {
    probe(driver);
    driver.reopen();
    ++counts_.restarted;
    if (!driver.broken().empty()) return "after recovery: " + driver.broken();
    if (driver.store().stats().recovered_entries != 0) return "a clean stop left something";
    if (const auto judged = judge(driver.store(), history, random_.draw()); !judged)
      return "stopped and opened again: " + judged.error().text();
  }
  return alarm_in(env);
}

std::string Campaign::judge_nested(const SimDisk& disk, History history) {
  SimEnv env(disk, {.seed = random_.draw()});
  const std::uint64_t change = random_.below(40);
  env.crash_after(change);
  Driver driver(env, history, workload_.options);
  ++counts_.nested;
  const std::string name = "crashed again at change " + std::to_string(change);
  if (driver.open()) {
    if (const auto judged = judge(driver.store(), history, random_.draw());
        !judged && !env.crashed())
      return name + ": " + judged.error().text();
    probe(driver);
    probe(driver);
    driver.kill();
  }
  if (!driver.broken().empty()) return name + ": " + driver.broken();
  const CrashStates states(env.disk());
  const std::uint64_t number = random_.below(states.canonical_count());
  const bool canonical = random_.chance(60);
  const SimDisk after =
      canonical ? states.canonical(number) : states.random(random_.draw() % 1000000);
  std::string broken = judge_disk(after, std::move(history), false);
  return broken.empty()
             ? broken
             : name + (canonical ? ", canonical " + std::to_string(number) : ", random") + ": " +
                   broken;
}

}  // namespace stele::crash
