// Power loss, kill -9 and failing calls at every place of a life that takes snapshots: the next
// start finds states and mark of one commit, not older than the last that was answered.
// STELE_SEED replays, STELE_COUNT sets how many disks of each crash are looked at.
#include <cstdlib>

#include "projections/state/memory_store.h"
#include "tests/projections/state/state_life.h"
#include "tests/support/crash_states.h"
#include "tests/support/sim_env.h"

namespace stele::projections {
namespace {

// Two of the folders are new to the disk.
constexpr const char* kFolder = "/data/flows/tallies";
constexpr MemoryStore kOptions{.snapshot_every = 1, .keep = 2};

std::uint64_t states_per_crash() {
  const char* text = std::getenv("STELE_COUNT");
  return text == nullptr ? 12 : std::strtoull(text, nullptr, 10);
}

/// What a life knows of its commits.
struct Told {
  std::vector<Moment> tried{{}};  ///< as if an empty state had been committed first
  std::size_t answered = 0;       ///< the last that commit() answered for
};

/// Starts twice; in between all is dropped that was not committed.
Told live(SimEnv& env, const LifeFolds& folds, std::uint64_t seed) {
  Told told;
  StateLife life(seed, 60);
  for (int start = 0; start < 2; ++start) {
    auto store = open_memory_store(env, kFolder, folds.all(), kOptions);
    if (!store) return told;
    const auto restored = (*store)->restore();
    if (!restored) return told;
    for (const Moment& moment : told.tried) {
      if (moment.mark == restored->value_or(Mark{})) life.go_back(moment);
    }
    for (int i = 0; i < 4; ++i) {
      EXPECT_TRUE(life.live(**store, 25).has_value()) << "the disk is not asked";
      told.tried.push_back(life.now());
      if ((*store)->commit(life.now().mark, true).has_value())
        told.answered = told.tried.size() - 1;
    }
  }
  return told;
}

SimDisk empty_disk() {
  SimEnv env;
  EXPECT_TRUE(env.make_folder("/data").has_value());
  EXPECT_TRUE(env.sync_folder("/").has_value());
  return env.disk().killed();
}

/// Another start on `disk`, and one more snapshot.
void expect_recovers(const SimDisk& disk, const Told& told, const LifeFolds& folds) {
  SimEnv env(disk);
  auto store = open_memory_store(env, kFolder, folds.all(), kOptions);
  ASSERT_TRUE(store.has_value()) << store.error().text();
  const auto restored = (*store)->restore();
  ASSERT_TRUE(restored.has_value()) << restored.error().text();
  const Mark mark = restored->value_or(Mark{});
  ASSERT_GE(mark.event_count, told.tried[told.answered].mark.event_count) << "a commit is gone";
  // Lives that failed may have tried one count twice, with other states.
  const Contents found = contents_of(**store);
  const bool known = std::ranges::any_of(told.tried, [&](const Moment& moment) {
    return moment.mark == mark && moment.contents == found;
  });
  ASSERT_TRUE(known) << "states of no commit, at " << mark.event_count << " events";
  EXPECT_TRUE((*store)->stats().passed_over.empty()) << "half a snapshot has its name";
  StateLife life(99, 60);
  life.go_back({.mark = mark, .contents = found});
  ASSERT_TRUE(life.live(**store, 10).has_value());
  ASSERT_TRUE((*store)->commit(life.now().mark, true).has_value());
  for (const FolderEntry& entry : env.list(kFolder).value())
    EXPECT_TRUE(entry.name == "LOCK" || entry.name.ends_with(".snap")) << entry.name;
}

TEST(SnapshotCrash, EveryDiskThatACrashLeavesHasTheLastCommit) {
  const std::uint64_t seed = seed_or(1);
  const LifeFolds folds;
  std::uint64_t changes = 0;
  {
    SimEnv env(empty_disk(), {.seed = seed});
    const Told told = live(env, folds, seed);
    ASSERT_EQ(told.answered, 8u);
    changes = env.change_count();
  }
  for (std::uint64_t n = 0; n < changes; ++n) {
    SCOPED_TRACE("crash after change " + std::to_string(n));
    SimEnv env(empty_disk(), {.seed = seed});
    env.crash_after(n);
    const Told told = live(env, folds, seed);
    expect_recovers(env.disk().killed(), told, folds);
    CrashStates(env.disk())
        .each(states_per_crash(), n, [&](const SimDisk& state, const std::string& name) {
          SCOPED_TRACE(name);
          expect_recovers(state, told, folds);
        });
    if (testing::Test::HasFailure()) return;
  }
}

struct Effect {
  const char* name;
  SimEffect effect;
  bool sticky;
};

// Every call fails once, or from then on; the disk behind it is sound, and power fails at the end.
TEST(SnapshotCrash, EveryCallMayFail) {
  const std::uint64_t seed = seed_or(2);
  const LifeFolds folds;
  std::uint64_t calls = 0;
  {
    SimEnv env(empty_disk(), {.seed = seed});
    static_cast<void>(live(env, folds, seed));
    calls = env.call_count();
  }
  for (const Effect& effect :
       {Effect{"io", SimEffect::kIo, false}, Effect{"io for ever", SimEffect::kIo, true},
        Effect{"no space", SimEffect::kNoSpace, false},
        Effect{"short reads", SimEffect::kShortRead, false}}) {
    for (std::uint64_t nth = 0; nth < calls; ++nth) {
      SCOPED_TRACE(std::string(effect.name) + " at call " + std::to_string(nth));
      SimEnv env(empty_disk(), {.seed = seed});
      env.inject({.nth = nth, .effect = effect.effect, .sticky = effect.sticky});
      const Told told = live(env, folds, seed);
      expect_recovers(env.disk().killed(), told, folds);
      CrashStates(env.disk()).each(2, nth, [&](const SimDisk& state, const std::string& name) {
        SCOPED_TRACE(name);
        expect_recovers(state, told, folds);
      });
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace stele::projections
