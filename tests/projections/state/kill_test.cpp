// A process that folds and commits is killed at a random moment, again and again: the next start
// finds states and mark of one moment, not older than the last commit that was answered.
// STELE_SEED replays the moments, STELE_COUNT sets how many.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "log/env/posix_env.h"
#include "projections/state/memory_store.h"
#include "projections/state/sqlite_store.h"
#include "tests/log/env/temp_folder.h"
#include "tests/projections/state/state_life.h"

namespace stele::projections {
namespace {

constexpr std::size_t kKeyCount = 2000;

/// The n-th event is the same in every process.
LifeEvent numbered_event(std::uint64_t number) {
  SimRandom random(number);
  return draw_event(random, kKeyCount);
}

class Kills : public testing::TestWithParam<const char*> {
protected:
  Result<std::unique_ptr<StateStore>> open() {
    if (std::string_view(GetParam()) == "memory")
      return open_memory_store(*env_, folder_.file("flow"), folds_.all(), {.keep = 2});
    return open_sqlite_store(*env_, folder_.file("flow"), folds_.all(),
                             {.cache_bytes_max = 64 << 10, .commit_every = 300});
  }
  /// In the child, without an end: tells each commit that was answered.
  [[noreturn]] void live(int tell) {
    const auto store = open().value();
    Mark mark = store->restore().value().value_or(Mark{});
    Moment model{.mark = mark, .contents = {}};
    while (true) {
      const std::uint64_t number = model.mark.event_count;
      const LifeEvent event = numbered_event(number);
      if (!fold(*store, event, static_cast<std::int64_t>(number))) _exit(1);
      fold(model, event);
      const auto taken = store->stats().snapshot_count;
      if (!store->commit(model.mark, number % 701 == 0)) _exit(1);
      const std::uint64_t count = model.mark.event_count;
      if (store->stats().snapshot_count > taken) {
        if (write(tell, &count, sizeof count) != sizeof count) _exit(1);
      }
    }
  }
  /// The last commit that was answered in a life of so many milliseconds; 0: none.
  std::uint64_t live_and_die(std::uint64_t milliseconds) {
    int pipe_ends[2];
    EXPECT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) live(pipe_ends[1]);
    close(pipe_ends[1]);
    const timespec life{.tv_sec = 0, .tv_nsec = static_cast<long>(milliseconds) * 1'000'000};
    nanosleep(&life, nullptr);
    kill(child, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
    std::uint64_t last = 0;
    std::uint64_t count = 0;
    while (read(pipe_ends[0], &count, sizeof count) == sizeof count) last = count;
    close(pipe_ends[0]);
    return last;
  }

  TempFolder folder_;
  std::unique_ptr<Env> env_ = make_posix_env().value();
  LifeFolds folds_;
};

TEST_P(Kills, LeaveTheStatesOfOneCommit) {
  SimRandom random(seed_or(5));
  const char* text = std::getenv("STELE_COUNT");
  const std::uint64_t kills = text == nullptr ? 20 : std::strtoull(text, nullptr, 10);
  Moment model;
  std::uint64_t answered = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    SCOPED_TRACE("kill " + std::to_string(i));
    answered = std::max(answered, live_and_die(random.below(100)));
    const auto store = open().value();
    const auto restored = store->restore();
    ASSERT_TRUE(restored.has_value()) << restored.error().text();
    const Mark mark = restored->value_or(Mark{});
    ASSERT_GE(mark.event_count, answered) << "a commit is gone";
    ASSERT_GE(mark.event_count, model.mark.event_count) << "it went back";
    while (model.mark.event_count < mark.event_count)
      fold(model, numbered_event(model.mark.event_count));
    ASSERT_EQ(mark, model.mark);
    expect_equal(*store, model.contents);
    EXPECT_TRUE(store->stats().passed_over.empty());
    if (HasFailure()) return;
  }
  EXPECT_GT(answered, 0u) << "it was always killed before its first commit";
}

INSTANTIATE_TEST_SUITE_P(Store, Kills, testing::Values("memory", "sqlite"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace stele::projections
