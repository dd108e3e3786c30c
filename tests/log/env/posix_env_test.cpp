// What only the real PosixEnv has: modes, links, limits of the kernel, threads, the eventfd.
#include "log/env/posix_env.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include "tests/log/env/temp_folder.h"

namespace stele {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<Env> quiet_env(FlushEngine flush = FlushEngine::kInline) {
  return *make_posix_env({.flush = flush, .direct = true, .reporter = [](Severity, auto) {}});
}

// A limit of this process, as it was afterwards.
class LoweredLimit {
public:
  LoweredLimit(__rlimit_resource what, rlim_t to) : what_(what) {
    ::getrlimit(what_, &before_);
    rlimit lowered{.rlim_cur = to, .rlim_max = before_.rlim_max};
    ::setrlimit(what_, &lowered);
  }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;
  ~LoweredLimit() { ::setrlimit(what_, &before_); }

private:
  __rlimit_resource what_;
  rlimit before_{};
};

bool is_readable(int descriptor, int timeout_ms) {
  pollfd watched{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, timeout_ms) == 1;
}

unsigned mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST(PosixEnv, FilesAndFoldersAreForTheirOwnerOnly) {
  TempFolder folder;
  auto env = quiet_env();
  ASSERT_TRUE(env->make_folder(folder.file("x")));
  ASSERT_TRUE(env->open(folder.file("x/a"), OpenMode::kCreate));
  auto lock = env->lock(folder.path());
  ASSERT_TRUE(lock);
  EXPECT_EQ(mode_of(folder.file("x")), 0700U);
  EXPECT_EQ(mode_of(folder.file("x/a")), 0600U);
  EXPECT_EQ(mode_of(folder.file("LOCK")), 0600U);
}

TEST(PosixEnv, ASymbolicLinkIsNotFollowed) {
  TempFolder folder;
  auto env = quiet_env();
  ASSERT_TRUE(env->open(folder.file("a"), OpenMode::kCreate));
  ASSERT_EQ(::symlink(folder.file("a").c_str(), folder.file("link").c_str()), 0);
  auto opened = env->open(folder.file("link"), OpenMode::kReadWrite);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kIo);
  EXPECT_TRUE(opened.error().detail.contains("symbolic link")) << opened.error().detail;
}

TEST(PosixEnv, NoDescriptorsLeftIsOverloadedAndSaysWhatToDo) {
  TempFolder folder;
  auto env = quiet_env();
  Result<std::unique_ptr<File>> opened;
  Result<void> synced;
  {
    LoweredLimit none(RLIMIT_NOFILE, 0);
    opened = env->open(folder.file("a"), OpenMode::kCreate);
    synced = env->sync_folder(folder.path());
  }
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kOverloaded);
  EXPECT_EQ(
      opened.error().detail,
      "open " + folder.file("a") + ": no file descriptors left: raise the limit with ulimit -n");
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, Code::kOverloaded);
  EXPECT_TRUE(env->open(folder.file("a"), OpenMode::kCreate));
}

TEST(PosixEnv, AFullDiskIsNoSpaceInEveryEngineAndHeals) {
  TempFolder folder;
  if (!folder.mount_tmpfs("size=64k")) GTEST_SKIP() << "mounting a tmpfs needs root";
  const std::string big(128 * 1024, 'x');
  for (FlushEngine flush :
       {FlushEngine::kInline, FlushEngine::kAdaptive, FlushEngine::kUring, FlushEngine::kThread}) {
    auto env = quiet_env(flush);
    auto file = env->open(folder.file("a"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    EXPECT_EQ((*file)->write(as_bytes(big), 0).error().code, Code::kNoSpace);
    EXPECT_EQ((*file)->reserve(0, big.size()).error().code, Code::kNoSpace);
    std::optional<Result<void>> outcome;
    env->write_durably(**file, as_bytes(big), 0, [&](Result<void> result) { outcome = result; });
    for (int i = 0; i < 100 && !outcome; ++i) env->wait(milliseconds(100));
    ASSERT_TRUE(outcome.has_value());
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code, Code::kNoSpace) << outcome->error().detail;
    EXPECT_TRUE(outcome->error().detail.contains(folder.file("a"))) << outcome->error().detail;
    ASSERT_TRUE((*file)->truncate(0));
    EXPECT_TRUE((*file)->write(as_bytes("fits"), 0));
  }
}

TEST(PosixEnv, AShortWriteIsContinuedUntilTheLimitAnswers) {
  TempFolder folder;
  auto env = quiet_env();
  auto file = env->open(folder.file("a"), OpenMode::kCreate);
  ASSERT_TRUE(file);
  auto before = std::signal(SIGXFSZ, SIG_IGN);
  Result<void> written;
  {
    LoweredLimit size(RLIMIT_FSIZE, 5000);
    written = (*file)->write(as_bytes(std::string(9000, 'x')), 0);
  }
  std::signal(SIGXFSZ, before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kTooLarge) << written.error().detail;
  EXPECT_EQ((*file)->size(), 5000U);
}

TEST(PosixEnv, TruncateGivesBackWhatWasReserved) {
  TempFolder folder;
  auto env = quiet_env();
  auto file = env->open(folder.file("a"), OpenMode::kCreate);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write(as_bytes("x"), 0));
  ASSERT_TRUE((*file)->sync());
  ASSERT_TRUE((*file)->reserve(0, 1 << 20));
  struct stat status{};
  ASSERT_EQ(::stat(folder.file("a").c_str(), &status), 0);
  EXPECT_GE(status.st_blocks * 512, 1 << 20);
  ASSERT_TRUE((*file)->truncate(1));
  ASSERT_EQ(::stat(folder.file("a").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 1 << 16);
}

TEST(PosixEnv, ADroppedCacheIsReadFromTheDevice) {
  TempFolder folder;
  auto env = quiet_env();
  auto file = env->open(folder.file("a"), OpenMode::kCreate);
  ASSERT_TRUE(file);
  Bytes bytes(1 << 16, std::byte{'c'});
  ASSERT_TRUE((*file)->write(bytes, 0));
  ASSERT_TRUE((*file)->sync());
  Bytes back(bytes.size());
  bool dropped = false;
  // The kernel keeps pages that it is still busy with; a moment later it lets go of them.
  for (int i = 0; i < 1000 && !dropped; ++i) {
    (*file)->drop_cache();
    dropped = (*file)->read_cached(back, 0) == 0U;
  }
  EXPECT_TRUE(dropped);
  EXPECT_EQ((*file)->read(back, 0), bytes.size());
  EXPECT_EQ(back, bytes);
  EXPECT_EQ((*file)->read_cached(back, 0), bytes.size());
}

TEST(PosixEnv, ALockHeldByAnotherProcessNamesIt) {
  TempFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = quiet_env()->lock(folder.path());
    [[maybe_unused]] auto told = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char told = 0;
  ASSERT_EQ(::read(ready[0], &told, 1), 1);
  auto env = quiet_env();
  auto refused = env->lock(folder.path());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().detail.starts_with("folder " + folder.path() +
                                                 " is in use by env_tests, pid " +
                                                 std::to_string(child) + " on host "))
      << refused.error().detail;
  EXPECT_TRUE(env->lock(folder.path())) << "a killed holder must not keep the folder";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(PosixEnv, TheEventDescriptorTellsFlushesAndOffloadedWork) {
  for (FlushEngine flush :
       {FlushEngine::kInline, FlushEngine::kAdaptive, FlushEngine::kUring, FlushEngine::kThread}) {
    SCOPED_TRACE(static_cast<int>(flush));
    TempFolder folder;
    auto env = quiet_env(flush);
    auto file = env->open(folder.file("a"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    int event = env->event_fd();
    EXPECT_FALSE(is_readable(event, 0));
    int done = 0;
    env->write_durably(**file, as_bytes("x"), 0, [&](auto) { ++done; });
    EXPECT_TRUE(is_readable(event, 10'000));
    while (done < 1) env->poll();
    env->offload([]() -> Result<void> { return {}; }, [&](auto) { ++done; });
    EXPECT_TRUE(is_readable(event, 10'000));
    while (done < 2) env->poll();
    // The signal may come after poll() has already found the result.
    for (int i = 0; i < 1000 && is_readable(event, 0); ++i) env->poll();
    EXPECT_FALSE(is_readable(event, 0));
  }
}

TEST(PosixEnv, WorkOffTheCoreDoesNotWaitForBackgroundWork) {
  auto env = quiet_env();
  std::atomic<bool> background_may_end = false;
  int done = 0;
  env->offload_background(
      [&]() -> Result<void> {
        while (!background_may_end) env->pause(std::chrono::milliseconds(1));
        return {};
      },
      [&](auto) { done += 10; });
  env->offload([]() -> Result<void> { return {}; }, [&](auto) { ++done; });
  while (done == 0) env->wait(seconds(1));
  EXPECT_EQ(done, 1);
  background_may_end = true;
  while (done < 11) env->wait(seconds(1));
}

TEST(PosixEnv, AnotherThreadEndsAWait) {
  auto env = quiet_env();
  std::atomic<bool> woken = false;
  std::thread other([&] {
    woken = true;
    env->wake();
  });
  auto before = env->now();
  while (!woken) env->wait(seconds(60));
  other.join();
  EXPECT_LT(env->now() - before, seconds(30));
}

TEST(PosixEnv, NoWakeIsLostAmongWorkAndPolls) {
  auto env = quiet_env(FlushEngine::kThread);
  constexpr int kRounds = 2000;
  std::atomic<int> posted = 0;
  std::atomic<int> seen = 0;
  std::thread other([&] {
    for (int i = 1; i <= kRounds; ++i) {
      posted = i;
      env->wake();
      while (seen < i) std::this_thread::yield();
    }
  });
  auto before = env->now();
  std::size_t done = 0;
  while (seen < kRounds) {
    if (seen % 8 == 0) env->offload([]() -> Result<void> { return {}; }, [&](auto) { ++done; });
    env->poll();
    if (seen == posted) env->wait(seconds(20));
    seen = posted.load();
  }
  other.join();
  EXPECT_LT(env->now() - before, seconds(20));
}

TEST(PosixEnv, DestroyingItWaitsForWorkAndRunsNoDone) {
  for (FlushEngine flush :
       {FlushEngine::kInline, FlushEngine::kAdaptive, FlushEngine::kUring, FlushEngine::kThread}) {
    TempFolder folder;
    std::atomic<bool> started = false;
    std::atomic<bool> finished = false;
    bool done = false;
    {
      auto env = quiet_env(flush);
      auto file = env->open(folder.file("a"), OpenMode::kCreate);
      ASSERT_TRUE(file);
      env->write_durably(**file, as_bytes("x"), 0, [&](auto) { done = true; });
      env->offload(
          [&]() -> Result<void> {
            started = true;
            std::this_thread::yield();
            finished = true;
            return {};
          },
          [&](auto) { done = true; });
      while (!started) std::this_thread::yield();
      env.reset();
    }
    EXPECT_TRUE(finished);
    EXPECT_FALSE(done);
  }
}

TEST(PosixEnv, RandomNumbersOfManyThreadsDiffer) {
  auto env = quiet_env();
  std::vector<std::vector<std::uint64_t>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) mine.push_back(env->random());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& mine : drawn) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

}  // namespace
}  // namespace stele
