#include "tests/crash/stream_campaign.h"

namespace stele::crash {
namespace {

constexpr std::uint64_t kSteps = 96;
constexpr std::uint64_t kStepsAfter = 12;
constexpr unsigned kNestedPercent = 15;
constexpr std::uint64_t kRecoveryChanges = 60;

void live(StreamLife& life, std::uint64_t first, std::uint64_t steps) {
  for (std::uint64_t i = first; i < first + steps; ++i) {
    life.step(i);
    if (i % 40 == 39) life.reopen();
  }
}

}  // namespace

std::string StreamCampaign::run() {
  if (std::string broken = undisturbed(); !broken.empty()) return "undisturbed: " + broken;
  for (std::uint64_t change = 0; change < counts_.changes; ++change) {
    if (options_.change >= 0 && change != static_cast<std::uint64_t>(options_.change)) continue;
    // As many of each change as it takes, spread over all of them.
    const std::uint64_t due = options_.count * (change + 1) / counts_.changes;
    if (options_.change < 0 && counts_.disks >= due) continue;
    const std::uint64_t quota = options_.change < 0 ? due - counts_.disks : 20;
    if (std::string broken = crash_at(change, quota); !broken.empty())
      return "STELE_SEED=" + std::to_string(options_.seed) +
             " STELE_CHANGE=" + std::to_string(change) + ", " + broken;
  }
  return {};
}

std::string StreamCampaign::undisturbed() {
  SimEnv env({}, {.seed = options_.seed});
  StreamHistory history;
  StreamLife life(env, history);
  if (const auto opened = life.open(); !opened) return opened.error().text();
  life.create();
  live(life, 0, kSteps);
  if (!life.broken().empty()) return life.broken();
  counts_.scavenged = life.scavenged();
  counts_.tombstoned = life.tombstoned();
  life.kill();
  counts_.changes = env.change_count();
  return judge_streams(env.disk().killed(), history);
}

std::string StreamCampaign::crash_at(std::uint64_t change, std::uint64_t quota) {
  SimEnv made({}, {.seed = options_.seed});
  StreamHistory history;
  {
    // The topics are there before anything crashes.
    StreamLife life(made, history);
    if (const auto opened = life.open(); !opened) return opened.error().text();
    life.create();
    life.reopen();
  }
  SimEnv env(made.disk().killed(), {.seed = options_.seed + 1});
  env.crash_after(change);
  StreamLife life(env, history);
  if (life.open()) live(life, 0, kSteps);
  if (!life.broken().empty()) return life.broken();
  life.kill();
  std::string broken;
  const auto judge = [&](const SimDisk& disk, const std::string& name) {
    if (!broken.empty() || !images_.insert(disk.image_hash()).second) return;
    ++counts_.disks;
    broken = judge_streams(disk, history);
    if (broken.empty() && random_.chance(kNestedPercent)) broken = judge_nested(disk, history);
    if (!broken.empty()) broken = name + ": " + broken;
  };
  judge(env.disk().killed(), "killed");
  if (quota > 1) CrashStates(env.disk()).each(quota - 1, random_.draw(), judge);
  return broken;
}

// Crashes while it recovers or soon after, and is judged by what the second life was told.
std::string StreamCampaign::judge_nested(const SimDisk& disk, StreamHistory history) {
  ++counts_.nested;
  SimEnv env(disk, {.seed = random_.draw()});
  env.crash_after(random_.below(kRecoveryChanges));
  StreamLife life(env, history);
  if (life.open()) {
    const std::string broken = life.judge();
    if (!broken.empty() && !env.crashed()) return "opened again: " + broken;
    if (env.crashed()) return {};
    live(life, random_.below(24), kStepsAfter);
    if (!life.broken().empty()) return "lived on: " + life.broken();
  }
  life.kill();
  const std::string broken = judge_streams(CrashStates(env.disk()).random(random_.draw()), history);
  return broken.empty() ? broken : "crashed again: " + broken;
}

}  // namespace stele::crash
