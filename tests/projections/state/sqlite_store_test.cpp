// What is SQLite's own: damage, full disks, other readers, a cache that is full.
#include "projections/state/sqlite_store.h"

#include <filesystem>
#include <fstream>

#include "log/env/posix_env.h"
#include "projections/state/memory_store.h"
#include "projections/state/past_states.h"
#include "projections/state/sqlite_database.h"
#include "tests/log/env/temp_folder.h"
#include "tests/projections/state/state_life.h"

namespace stele::projections {
namespace {

class SqliteStates : public testing::Test {
protected:
  std::unique_ptr<StateStore> open(SqliteStore options = {.cache_bytes_max = 1 << 20,
                                                          .commit_every = 100}) {
    auto store = open_sqlite_store(*env_, flow(), folds_.all(), options);
    EXPECT_TRUE(store.has_value()) << store.error().text();
    return *std::move(store);
  }
  std::optional<Mark> restore(StateStore& store) {
    auto mark = store.restore();
    EXPECT_TRUE(mark.has_value()) << mark.error().text();
    return mark.value_or(std::nullopt);
  }
  void live_and_commit(StateStore& store, int events) {
    ASSERT_TRUE(life_.live(store, events).has_value());
    const auto done = store.commit(life_.now().mark, true);
    ASSERT_TRUE(done.has_value()) << done.error().text();
  }
  /// The file as another program would change it.
  void execute(const std::string& sql) {
    auto database = SqliteDatabase::open(file(), SqliteDatabase::Mode::kCreate);
    ASSERT_TRUE(database.has_value()) << database.error().text();
    const auto done = (*database)->execute(sql);
    ASSERT_TRUE(done.has_value()) << done.error().text();
  }
  [[nodiscard]] std::string flow() const { return folder_.file("flow"); }
  [[nodiscard]] std::string file() const { return folder_.file("flow/states.sqlite"); }

  TempFolder folder_;
  std::unique_ptr<Env> env_ = make_posix_env().value();
  LifeFolds folds_;
  StateLife life_{7, 300};
};

TEST_F(SqliteStates, AreCommittedWhenEnoughEventsHaveGoneBy) {
  const auto store = open();
  restore(*store);
  const auto commit_after = [&](int events) {
    EXPECT_TRUE(life_.live(*store, events).has_value());
    EXPECT_TRUE(store->commit(life_.now().mark, false).has_value());
    return store->stats().snapshot_count;
  };
  EXPECT_EQ(commit_after(99), 0u);
  EXPECT_EQ(commit_after(1), 1u);
  EXPECT_EQ(commit_after(99), 1u);
  EXPECT_TRUE(store->commit(life_.now().mark, true).has_value());
  EXPECT_EQ(store->stats().snapshot_count, 2u);
}

TEST_F(SqliteStates, WhatWasSpilledIsGoneWithoutACommit) {
  {
    const auto store = open({.cache_bytes_max = 0, .commit_every = 100});
    restore(*store);
    live_and_commit(*store, 500);
    const Moment committed = life_.now();
    ASSERT_TRUE(life_.live(*store, 500).has_value());
    expect_equal(*store, life_.now().contents);
    life_.go_back(committed);
  }
  const auto store = open();
  EXPECT_EQ(restore(*store), life_.now().mark);
  expect_equal(*store, life_.now().contents);
}

TEST_F(SqliteStates, TheCacheKeepsToItsBound) {
  constexpr std::uint64_t kCacheBytes = 2 << 20;
  constexpr std::int64_t kKeys = 30'000;
  const auto store = open({.cache_bytes_max = kCacheBytes, .commit_every = 10'000});
  restore(*store);
  for (std::int64_t i = 0; i < kKeys; ++i) {
    const std::string text = std::to_string(i) + std::string(1000, '-');
    const Key key(as_bytes(text));
    static_cast<Tally*>(store->open(1, key, false).value())->sum = i;
    store->close(1, key, Verdict::kKeep, i);
  }
  // Chunks are taken whole: 64 KiB, by each of the shards. The keys alone are 30 MB.
  EXPECT_LT(store->stats().memory_bytes, kCacheBytes + std::uint64_t{kShardCount} * (128 << 10));
  std::int64_t sum = 0;
  ASSERT_TRUE(
      store
          ->dump(1,
                 [&](ByteView, const void* state) { sum += static_cast<const Tally*>(state)->sum; })
          .has_value());
  EXPECT_EQ(sum, kKeys * (kKeys - 1) / 2);
}

TEST_F(SqliteStates, AFileThatIsNoDatabaseIsSetAside) {
  std::filesystem::create_directories(flow());
  std::ofstream(file()) << "this is not a database, and long enough to be looked at as one.......";
  const auto store = open();
  EXPECT_EQ(restore(*store), std::nullopt);
  ASSERT_EQ(store->stats().passed_over.size(), 1u);
  EXPECT_NE(store->stats().passed_over[0].find("states.sqlite"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(flow() + "/damaged.sqlite"));
  live_and_commit(*store, 100);
  expect_equal(*store, life_.now().contents);
}

TEST_F(SqliteStates, AMarkThatFailsItsChecksumSetsTheFileAside) {
  {
    const auto store = open();
    restore(*store);
    live_and_commit(*store, 100);
  }
  execute("UPDATE mark SET mark = zeroblob(length(mark))");
  const auto store = open();
  EXPECT_EQ(restore(*store), std::nullopt);
  EXPECT_EQ(store->stats().passed_over.size(), 1u);
}

TEST_F(SqliteStates, AStateThatFailsItsChecksumIsNeverGivenAndSetsTheFileAside) {
  {
    const auto store = open();
    restore(*store);
    live_and_commit(*store, 300);
  }
  execute("UPDATE fold_1 SET state = CAST(substr(state, 1, 23) || x'7f' AS BLOB)");
  {
    const auto store = open();
    EXPECT_TRUE(restore(*store).has_value());
    const auto& [text, state] = *life_.now().contents[1].begin();
    const auto opened = store->open(1, Key(as_bytes(text)), false);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
  }
  const auto store = open();
  EXPECT_EQ(restore(*store), std::nullopt);
  EXPECT_EQ(store->stats().passed_over.size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(flow() + "/states.damaged"));
}

TEST_F(SqliteStates, AnotherShapeSetsTheFileAsideAndANewerFormatIsRefused) {
  {
    const auto store = open();
    restore(*store);
    live_and_commit(*store, 100);
  }
  execute("PRAGMA user_version=2");
  {
    const auto store = open();
    const auto refused = store->restore();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
  }
  execute("PRAGMA user_version=1");
  folds_.tallies.state.shape = "other";
  const auto store = open();
  EXPECT_EQ(restore(*store), std::nullopt);
  EXPECT_EQ(store->stats().passed_over.size(), 1u);
}

// Memory's snapshots and SQLite's file hold the same states; a reader sees what was committed when
// it came, whatever is folded and committed meanwhile.
TEST_F(SqliteStates, ThePastStaysAsItWasCommitted) {
  const auto store = open();
  restore(*store);
  EXPECT_TRUE(list_past(*env_, flow()).value().empty());
  live_and_commit(*store, 1000);
  const Moment committed = life_.now();
  const auto past = list_past(*env_, flow()).value();
  ASSERT_EQ(past.size(), 1u);
  live_and_commit(*store, 1000);
  ASSERT_TRUE(life_.live(*store, 500).has_value());
  EXPECT_EQ(past[0]->mark(), committed.mark);
  for (std::size_t fold = 0; fold < 2; ++fold) {
    std::map<std::string, std::string> all;
    ASSERT_TRUE(past[0]
                    ->for_each(fold,
                               [&](ByteView key, ByteView state) -> Result<void> {
                                 all.emplace(as_text(key), as_text(state));
                                 return {};
                               })
                    .has_value());
    EXPECT_TRUE(all == committed.contents[fold]);
    for (int i = 0; i < 100; ++i) {
      const std::string text = life_.draw_key();
      const auto found = past[0]->find(fold, Key(as_bytes(text))).value();
      const auto wanted = committed.contents[fold].find(text);
      ASSERT_EQ(found.has_value(), wanted != committed.contents[fold].end());
      if (found.has_value()) EXPECT_EQ(as_text(*found), wanted->second);
    }
  }
  EXPECT_EQ(list_past(*env_, flow()).value()[0]->mark().event_count, 2000u);
}

TEST_F(SqliteStates, AFullDiskLosesNothing) {
  TempFolder small;
  if (!small.mount_tmpfs("size=2m")) GTEST_SKIP() << "may not mount";
  auto store = open_sqlite_store(*env_, small.file("flow"), folds_.all(),
                                 {.cache_bytes_max = 64 << 20, .commit_every = 100})
                   .value();
  restore(*store);
  StateLife life(5, 20'000);
  Moment committed;
  Result<void> done;
  for (int i = 0; i < 100 && done; ++i) {
    ASSERT_TRUE(life.live(*store, 2000).has_value());
    done = store->commit(life.now().mark, false);
    if (done) committed = life.now();
  }
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Code::kNoSpace);
  expect_equal(*store, life.now().contents);
  store.reset();
  store = open_sqlite_store(*env_, small.file("flow"), folds_.all(), {}).value();
  EXPECT_EQ(restore(*store), committed.mark);
  expect_equal(*store, committed.contents);
}

}  // namespace
}  // namespace stele::projections
