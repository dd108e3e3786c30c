// What every Env promises, checked on each: the simulator and PosixEnv with every flush engine, on
// a disk and in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "log/env/posix_env.h"
#include "tests/log/env/temp_folder.h"
#include "tests/support/sim_env.h"

namespace stele {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct EnvKind {
  const char* name;
  bool sim;
  FlushEngine flush;
  const char* below;
};

class EnvContract : public testing::TestWithParam<EnvKind> {
protected:
  EnvContract() : folder_(GetParam().below) {
    if (GetParam().sim) {
      auto sim = std::make_unique<SimEnv>();
      EXPECT_TRUE(sim->make_folder(folder_.path()));
      env_ = std::move(sim);
    } else {
      env_ = *make_posix_env(
          {.flush = GetParam().flush, .direct = true, .reporter = [](Severity, auto) {}});
    }
  }

  std::string file(const std::string& name) { return folder_.file(name); }

  std::unique_ptr<File> open(const std::string& name, bool direct = false) {
    Result<std::unique_ptr<File>> opened = env_->open(file(name), OpenMode::kCreate, direct);
    EXPECT_TRUE(opened) << opened.error().text();
    return std::move(*opened);
  }

  static std::string read(const File& from, std::size_t size, std::uint64_t at = 0) {
    std::string text(size, '?');
    Result<std::size_t> got = from.read(std::as_writable_bytes(std::span(text)), at);
    EXPECT_TRUE(got);
    text.resize(got.value_or(0));
    return text;
  }

  // Runs until `count` calls of done have been made, in all.
  void run_until(const std::size_t& done, std::size_t count) {
    for (int round = 0; done < count && round < 1000; ++round) env_->wait(milliseconds(100));
    EXPECT_EQ(done, count);
  }

  TempFolder folder_;
  std::unique_ptr<Env> env_;
};

TEST_P(EnvContract, PiecesAreWrittenOneAfterTheOther) {
  auto target = open("a");
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.push_back(i % 7 == 0 ? "" : "piece " + std::to_string(i));
  std::vector<ByteView> pieces;
  for (const std::string& text : texts) {
    pieces.push_back(as_bytes(text));
    expected += text;
  }
  ASSERT_TRUE(target->write(pieces, 10));
  EXPECT_EQ(target->size(), 10 + expected.size());
  EXPECT_EQ(read(*target, expected.size(), 10), expected);
  EXPECT_EQ(read(*target, 10), std::string(10, '\0'));
}

TEST_P(EnvContract, AReadIsShortOnlyAtTheEnd) {
  auto target = open("a");
  ASSERT_TRUE(target->write(as_bytes("0123456789"), 0));
  EXPECT_EQ(read(*target, 4, 3), "3456");
  EXPECT_EQ(read(*target, 100, 8), "89");
  EXPECT_EQ(read(*target, 100, 10), "");
  EXPECT_EQ(read(*target, 100, 1000), "");
}

TEST_P(EnvContract, CachedReadsGiveWhatWasJustWritten) {
  auto target = open("a");
  ASSERT_TRUE(target->write(as_bytes("0123456789"), 0));
  std::string text(4, '?');
  Result<std::size_t> got = target->read_cached(std::as_writable_bytes(std::span(text)), 2);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, 4U);
  EXPECT_EQ(text, "2345");
}

TEST_P(EnvContract, OpenModesSayWhetherTheFileMustExist) {
  Result<std::unique_ptr<File>> missing = env_->open(file("a"), OpenMode::kRead);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_TRUE(missing.error().detail.contains(file("a"))) << missing.error().detail;
  EXPECT_EQ(env_->open(file("a"), OpenMode::kReadWrite).error().code, Code::kNotFound);
  EXPECT_TRUE(env_->open(file("a"), OpenMode::kCreateFresh));
  Result<std::unique_ptr<File>> again = env_->open(file("a"), OpenMode::kCreateFresh);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(env_->open(file("a"), OpenMode::kCreate));
  EXPECT_TRUE(env_->open(file("a"), OpenMode::kReadWrite));
  Result<std::unique_ptr<File>> reader = env_->open(file("a"), OpenMode::kRead);
  ASSERT_TRUE(reader);
  EXPECT_FALSE((*reader)->write(as_bytes("x"), 0));
  EXPECT_EQ(env_->open(folder_.path(), OpenMode::kRead).error().code, Code::kIo);
  EXPECT_EQ(env_->open(file("no/such"), OpenMode::kCreate).error().code, Code::kNotFound);
}

TEST_P(EnvContract, FoldersAreMadeWithTheirParentsAndListedSorted) {
  ASSERT_TRUE(env_->make_folder(file("x/y/z")));
  ASSERT_TRUE(env_->make_folder(file("x/y/z")));
  open("x/b");
  open("x/a");
  auto entries = env_->list(file("x"));
  ASSERT_TRUE(entries);
  EXPECT_EQ(*entries, (std::vector<FolderEntry>{{"a", false}, {"b", false}, {"y", true}}));
  EXPECT_EQ(env_->list(file("w")).error().code, Code::kNotFound);
  EXPECT_FALSE(env_->make_folder(file("x/a/c")));
  EXPECT_TRUE(env_->sync_folder(file("x")));
  EXPECT_EQ(env_->sync_folder(file("w")).error().code, Code::kNotFound);
}

TEST_P(EnvContract, RenameReplacesAndRemoveIsFineWithNothing) {
  ASSERT_TRUE(open("a")->write(as_bytes("new"), 0));
  ASSERT_TRUE(open("b")->write(as_bytes("old one"), 0));
  ASSERT_TRUE(env_->rename(file("a"), file("b")));
  EXPECT_EQ(read(*open("b"), 100), "new");
  EXPECT_EQ(env_->open(file("a"), OpenMode::kRead).error().code, Code::kNotFound);
  EXPECT_EQ(env_->rename(file("a"), file("c")).error().code, Code::kNotFound);
  EXPECT_TRUE(env_->remove(file("b")));
  EXPECT_TRUE(env_->remove(file("b")));
  ASSERT_TRUE(env_->make_folder(file("x/y")));
  EXPECT_EQ(env_->remove(file("x")).error().code, Code::kIo);
  EXPECT_TRUE(env_->remove(file("x/y")));
  EXPECT_TRUE(env_->remove(file("x")));
  EXPECT_TRUE(env_->list(folder_.path())->empty());
}

TEST_P(EnvContract, ARemovedFileStaysReadableWhileOpen) {
  auto target = open("a");
  ASSERT_TRUE(target->write(as_bytes("pinned"), 0));
  ASSERT_TRUE(env_->remove(file("a")));
  ASSERT_TRUE(env_->sync_folder(folder_.path()));
  EXPECT_EQ(read(*target, 100), "pinned");
}

TEST_P(EnvContract, TruncateCutsAndExtendsWithZeros) {
  auto target = open("a");
  ASSERT_TRUE(target->write(as_bytes(std::string(9000, 'x')), 0));
  ASSERT_TRUE(target->truncate(5000));
  ASSERT_TRUE(target->truncate(7000));
  EXPECT_EQ(read(*target, 9000), std::string(5000, 'x') + std::string(2000, '\0'));
}

TEST_P(EnvContract, ReserveKeepsTheSize) {
  auto target = open("a");
  ASSERT_TRUE(target->reserve(0, 1 << 16));
  EXPECT_EQ(target->size(), 0U);
  ASSERT_TRUE(target->write(as_bytes("x"), 0));
  ASSERT_TRUE(target->sync());
  EXPECT_EQ(target->size(), 1U);
}

TEST_P(EnvContract, DurableWritesFinishInPollOrWaitNeverInTheCall) {
  auto target = open("a");
  std::string text(300, 'd');
  std::size_t done = 0;
  env_->write_durably(*target, as_bytes(text), 5, [&](Result<void> result) {
    EXPECT_TRUE(result);
    ++done;
  });
  EXPECT_EQ(done, 0U);
  run_until(done, 1);
  EXPECT_EQ(read(*target, 1000, 5), text);
}

TEST_P(EnvContract, ManyDurableWritesAllFinish) {
  auto target = open("a", true);
  constexpr std::size_t kCount = 100;
  std::vector<PageBytes> storage(kCount + 1);
  auto first = reinterpret_cast<std::uintptr_t>(storage.data());
  auto* pages = reinterpret_cast<std::byte*>((first + 4095) / 4096 * 4096);
  std::size_t done = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    ByteSpan page(pages + i * 4096, 4096);
    std::ranges::fill(page, static_cast<std::byte>(i));
    env_->write_durably(*target, page, i * 4096, [&](Result<void> result) {
      EXPECT_TRUE(result);
      ++done;
    });
  }
  run_until(done, kCount);
  auto reader = open("a");
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_TRUE(read(*reader, 4096, i * 4096) == std::string(4096, static_cast<char>(i))) << i;
  }
}

TEST_P(EnvContract, ADirectFileRefusesWhatIsNotAligned) {
  auto target = open("a", true);
  if (!target->direct()) return;
  alignas(4096) PageBytes page{};
  EXPECT_TRUE(target->write(page, 4096));
  Result<void> misaligned = target->write(ByteView(page).first(100), 4096);
  bool memory_takes_it = GetParam().below == std::string("/dev/shm") && misaligned;
  EXPECT_TRUE(memory_takes_it || misaligned.error().code == Code::kInvalid);
  EXPECT_TRUE(target->direct());
  EXPECT_EQ(target->read(page, 4096), 4096U);
  EXPECT_EQ(target->read(page, 8192), 0U);
}

TEST_P(EnvContract, ADoneMayStartMoreWork) {
  auto target = open("a");
  std::size_t done = 0;
  std::function<void(Result<void>)> again = [&](Result<void> result) {
    EXPECT_TRUE(result);
    if (++done < 5) env_->write_durably(*target, as_bytes("again"), done * 5, again);
  };
  env_->write_durably(*target, as_bytes("again"), 0, again);
  run_until(done, 5);
  EXPECT_EQ(target->size(), 25U);
}

TEST_P(EnvContract, OffloadedWorkAnswersWithItsResult) {
  std::size_t done = 0;
  bool ran = false;
  env_->offload(
      [&]() -> Result<void> {
        ran = true;
        return std::unexpected(Error{Code::kCorrupt, "bad block"});
      },
      [&](Result<void> result) {
        EXPECT_TRUE(ran);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().text(), "corrupt: bad block");
        ++done;
      });
  EXPECT_EQ(done, 0U);
  run_until(done, 1);
}

TEST_P(EnvContract, WakeEndsAWaitEvenWhenItComesFirst) {
  auto before = env_->now();
  env_->wake();
  env_->poll();
  EXPECT_EQ(env_->wait(seconds(60)), 0U);
  EXPECT_LT(env_->now() - before, seconds(30));
}

TEST_P(EnvContract, WaitGivesUpAfterItsTime) {
  auto before = env_->now();
  EXPECT_EQ(env_->wait(milliseconds(20)), 0U);
  EXPECT_GE(env_->now() - before, milliseconds(20));
}

TEST_P(EnvContract, ALockedFolderIsRefusedNamingTheHolder) {
  auto lock = env_->lock(folder_.path());
  ASSERT_TRUE(lock) << lock.error().text();
  auto second = env_->lock(folder_.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(second.error().detail.contains("folder " + folder_.path() + " is in use by "));
  EXPECT_TRUE(second.error().detail.contains(", pid ")) << second.error().detail;
  EXPECT_TRUE(second.error().detail.contains(" on host ")) << second.error().detail;
  lock->reset();
  EXPECT_TRUE(env_->lock(folder_.path()));
  EXPECT_EQ(env_->lock(file("no")).error().code, Code::kNotFound);
}

TEST_P(EnvContract, TimeDoesNotGoBackAndChanceDiffers) {
  auto before = env_->now();
  EXPECT_GE(env_->now(), before);
  EXPECT_GT(env_->wall_us(), 1'600'000'000'000'000);
  EXPECT_NE(env_->random(), env_->random());
  EXPECT_GT(env_->free_bytes(folder_.path()).value_or(0), 0U);
  EXPECT_EQ(env_->free_bytes(file("no")).error().code, Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(
    Envs, EnvContract,
    testing::Values(EnvKind{"Sim", true, FlushEngine::kInline, "/tmp"},
                    EnvKind{"InlineOnDisk", false, FlushEngine::kInline, "/tmp"},
                    EnvKind{"UringOnDisk", false, FlushEngine::kUring, "/tmp"},
                    EnvKind{"AdaptiveOnDisk", false, FlushEngine::kAdaptive, "/tmp"},
                    EnvKind{"ThreadOnDisk", false, FlushEngine::kThread, "/tmp"},
                    EnvKind{"InlineInMemory", false, FlushEngine::kInline, "/dev/shm"},
                    EnvKind{"UringInMemory", false, FlushEngine::kUring, "/dev/shm"}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace stele
