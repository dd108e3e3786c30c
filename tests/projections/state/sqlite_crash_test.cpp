// Death, power loss and failing calls at every change that SQLite makes to the disk: the next start
// finds states and mark of one commit, not older than the last that was answered (before power loss:
// forced). STELE_SEED replays.
#include "log/env/posix_env.h"
#include "projections/state/sqlite_store.h"
#include "tests/log/env/temp_folder.h"
#include "tests/projections/state/faulty_vfs.h"
#include "tests/projections/state/state_life.h"

namespace stele::projections {
namespace {

/// What a life knows of its commits.
struct Told {
  std::vector<Moment> tried{{}};  ///< as if an empty state had been committed first
  std::size_t answered = 0;       ///< the last that commit() answered for
  std::size_t forced = 0;         ///< the last that it answered for with force
};

class SqliteCrash : public testing::Test {
protected:
  Result<std::unique_ptr<StateStore>> open(const std::string& folder) {
    return open_sqlite_store(*env_, folder, folds_.all(),
                             {.cache_bytes_max = cache_bytes_max_, .commit_every = 1});
  }

  /// Starts twice; in between all is dropped that was not committed.
  Told live(const std::string& folder, std::uint64_t seed) {
    Told told;
    StateLife life(seed, 50);
    for (int start = 0; start < 2; ++start) {
      const auto store = open(folder);
      EXPECT_TRUE(store.has_value()) << store.error().text();
      const auto restored = (*store)->restore();
      if (!restored) continue;
      for (const Moment& moment : told.tried) {
        if (moment.mark == restored->value_or(Mark{})) life.go_back(moment);
      }
      for (int i = 0; i < 5 && life.live(**store, 40).has_value(); ++i) {
        const bool force = i % 2 == 1;
        told.tried.push_back(life.now());
        if (!(*store)->commit(life.now().mark, force).has_value()) continue;
        told.answered = told.tried.size() - 1;
        if (force) told.forced = told.answered;
      }
    }
    return told;
  }

  void expect_recovers(const std::string& folder, const Told& told, std::size_t least) {
    const auto store = open(folder);
    ASSERT_TRUE(store.has_value()) << store.error().text();
    const auto restored = (*store)->restore();
    ASSERT_TRUE(restored.has_value()) << restored.error().text();
    const Mark mark = restored->value_or(Mark{});
    ASSERT_GE(mark.event_count, told.tried[least].mark.event_count) << "a commit is gone";
    const Contents found = contents_of(**store);
    ASSERT_TRUE(std::ranges::any_of(
        told.tried,
        [&](const Moment& moment) { return moment.mark == mark && moment.contents == found; }))
        << "states of no commit, at " << mark.event_count << " events";
    EXPECT_TRUE((*store)->stats().passed_over.empty());
    StateLife life(99, 50);
    life.go_back({.mark = mark, .contents = found});
    ASSERT_TRUE(life.live(**store, 20).has_value());
    ASSERT_TRUE((*store)->commit(life.now().mark, true).has_value());
  }

  /// Changes of a life in which nothing fails.
  std::uint64_t change_count(std::uint64_t seed) {
    const TempFolder folder("/dev/shm");
    FaultyVfs vfs;
    const Told told = live(folder.file("flow"), seed);
    EXPECT_EQ(told.answered, 10u);
    return vfs.change_count();
  }

  std::unique_ptr<Env> env_ =
      make_posix_env({.reporter = [](Severity, std::string_view) {}}).value();
  LifeFolds folds_;
  std::uint64_t cache_bytes_max_ = 8 << 10;  ///< most changes are spilled before they are committed
};

TEST_F(SqliteCrash, DeathAndPowerLossAtEveryChangeLeaveACommit) {
  const std::uint64_t seed = seed_or(3);
  const std::uint64_t changes = change_count(seed);
  for (std::uint64_t n = 0; n < changes; ++n) {
    SCOPED_TRACE("nothing after change " + std::to_string(n));
    const TempFolder folder("/dev/shm");
    Told told;
    {
      FaultyVfs vfs;
      vfs.fail_at(n, true);
      told = live(folder.file("flow"), seed);
      vfs.write_synced(folder.file("power"));
    }
    expect_recovers(folder.file("flow"), told, told.answered);
    expect_recovers(folder.file("power"), told, told.forced);
    if (HasFailure()) return;
  }
}

TEST_F(SqliteCrash, AnyChangeMayFailOnce) {
  const std::uint64_t seed = seed_or(4);
  for (const std::uint64_t cache_bytes : {8u << 10, 1u << 20}) {
    cache_bytes_max_ = cache_bytes;
    const std::uint64_t changes = change_count(seed);
    for (std::uint64_t n = 0; n < changes; ++n) {
      SCOPED_TRACE("change " + std::to_string(n) + " fails, cache " + std::to_string(cache_bytes));
      const TempFolder folder("/dev/shm");
      Told told;
      {
        FaultyVfs vfs;
        vfs.fail_at(n, false);
        told = live(folder.file("flow"), seed);
      }
      expect_recovers(folder.file("flow"), told, told.answered);
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace stele::projections
