// Random events, commits and restarts of both stores against a std::map; STELE_SEED replays.
#include <functional>

#include "log/env/posix_env.h"
#include "projections/state/memory_store.h"
#include "projections/state/sqlite_store.h"
#include "tests/log/env/temp_folder.h"
#include "tests/projections/state/state_life.h"
#include "tests/support/sim_env.h"

namespace stele::projections {
namespace {

using Open = std::function<Result<std::unique_ptr<StateStore>>()>;

/// Starts it six times; what a start finds is what was made durable last.
void expect_lives(std::uint64_t seed, std::size_t key_count, const Open& open,
                  const std::function<void()>& pause) {
  StateLife life(seed, key_count);
  Moment durable;
  for (int start = 0; start < 6; ++start) {
    auto opened = open();
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    StateStore& store = **opened;
    const auto restored = store.restore();
    ASSERT_TRUE(restored.has_value()) << restored.error().text();
    ASSERT_EQ(restored->value_or(Mark{}), durable.mark);
    life.go_back(durable);
    expect_equal(store, durable.contents);
    for (int round = 0; round < 8; ++round) {
      ASSERT_TRUE(life.live(store, static_cast<int>(life.random().below(900))).has_value());
      pause();
      const auto taken = store.stats().snapshot_count;
      const auto done = store.commit(life.now().mark, life.random().chance(20));
      ASSERT_TRUE(done.has_value()) << done.error().text();
      if (store.stats().snapshot_count > taken) durable = life.now();
      for (int i = 0; i < 20; ++i) life.expect_one(store, life.random().below(2), life.draw_key());
      expect_equal(store, life.now().contents);
      EXPECT_EQ(store.stats().key_count,
                life.now().contents[0].size() + life.now().contents[1].size());
    }
    if (life.random().chance(20)) {
      store.clear();
      life.go_back({});
      expect_equal(store, {});
      ASSERT_TRUE(life.live(store, 700).has_value());
      ASSERT_TRUE(store.commit(life.now().mark, true).has_value());
      durable = life.now();
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(durable.mark.event_count, 0u);
}

TEST(MemoryStoreModel, FoldsCommitsAndRestartsAsAMapDoes) {
  const std::uint64_t seed = seed_or(11);
  const LifeFolds folds;
  for (std::uint64_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    SimEnv env;
    SimRandom random(seed + i);
    expect_lives(
        seed + i, i % 2 == 0 ? 40 : 3000,
        [&] {
          return open_memory_store(env, "/data/flow", folds.all(),
                                   {.snapshot_every = 500, .keep = 2});
        },
        [&] { env.advance(std::chrono::seconds(random.below(3))); });
  }
}

TEST(SqliteStoreModel, FoldsCommitsAndRestartsAsAMapDoes) {
  const std::uint64_t seed = seed_or(12);
  const LifeFolds folds;
  const auto env = make_posix_env();
  ASSERT_TRUE(env.has_value());
  for (std::uint64_t i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    const TempFolder scratch;
    // A cache that holds all, some, next to nothing.
    const std::uint64_t cache_bytes_max = i % 3 == 0 ? 1 << 20 : i % 3 == 1 ? 64 << 10 : 0;
    expect_lives(
        seed + i, i < 3 ? 40 : 3000,
        [&] {
          return open_sqlite_store(**env, scratch.path() + "/flow", folds.all(),
                                   {.cache_bytes_max = cache_bytes_max, .commit_every = 500});
        },
        [] {});
  }
}

}  // namespace
}  // namespace stele::projections
