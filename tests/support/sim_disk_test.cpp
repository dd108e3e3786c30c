// What a crash leaves of the simulated disk, rule by rule, and a model test of the whole.
#include "tests/support/sim_disk.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "tests/support/crash_states.h"
#include "tests/support/sim_env.h"

namespace stele {
namespace {

using namespace std::string_literals;

SimDisk all_dropped(const SimDisk& disk) {
  return CrashStates(disk).canonical(0);
}
SimDisk all_kept(const SimDisk& disk) {
  return CrashStates(disk).canonical(1);
}

std::optional<std::string> text(const SimDisk& disk, const std::string& path) {
  if (!disk.exists(path)) return std::nullopt;
  return std::string(as_text(disk.bytes(path)));
}

class SimDiskTest : public testing::Test {
protected:
  SimDiskTest() { disk().set_bytes("/d/a", as_bytes("durable")); }

  SimDisk& disk() { return env_.disk(); }
  std::unique_ptr<File> open(const std::string& path) {
    auto file = env_.open(path, OpenMode::kCreate);
    EXPECT_TRUE(file);
    return std::move(*file);
  }

  SimEnv env_{SimDisk{}, {.late_polls_max = 0}};
};

TEST_F(SimDiskTest, UnsyncedWritesAreDroppedOrKept) {
  ASSERT_TRUE(open("/d/a")->write(as_bytes("UNSYNC"), 0));
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable");
  EXPECT_EQ(text(all_kept(disk()), "/d/a"), "UNSYNCe");
}

TEST_F(SimDiskTest, SyncedWritesAreKept) {
  auto file = open("/d/a");
  ASSERT_TRUE(file->write(as_bytes("synced and longer"), 0) && file->sync());
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "synced and longer");
}

TEST_F(SimDiskTest, ASyncedFileWithoutItsEntryIsLost) {
  auto file = open("/d/b");
  ASSERT_TRUE(file->write(as_bytes("x"), 0) && file->sync());
  EXPECT_EQ(text(all_dropped(disk()), "/d/b"), std::nullopt);
  EXPECT_EQ(text(all_kept(disk()), "/d/b"), "x");
  ASSERT_TRUE(env_.sync_folder("/d"));
  EXPECT_EQ(text(all_dropped(disk()), "/d/b"), "x");
  EXPECT_EQ(disk().unsynced().entries, 0U);
}

TEST_F(SimDiskTest, ANewFolderIsLostWithAllInItUntilItsParentIsSynced) {
  ASSERT_TRUE(env_.make_folder("/d/e"));
  auto file = open("/d/e/f");
  ASSERT_TRUE(file->write(as_bytes("x"), 0) && file->sync() && env_.sync_folder("/d/e"));
  EXPECT_FALSE(all_dropped(disk()).exists("/d/e"));
  ASSERT_TRUE(env_.sync_folder("/d"));
  EXPECT_EQ(text(all_dropped(disk()), "/d/e/f"), "x");
}

TEST_F(SimDiskTest, AnUnsyncedRemovalBringsTheFileBackWithItsDurableBytes) {
  ASSERT_TRUE(open("/d/a")->write(as_bytes("UNSYNC"), 0) && env_.remove("/d/a"));
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable");
  EXPECT_EQ(text(all_kept(disk()), "/d/a"), std::nullopt);
  ASSERT_TRUE(env_.sync_folder("/d"));
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), std::nullopt);
}

TEST_F(SimDiskTest, ARenameIsAllOrNothingAndDurableWithEitherFolder) {
  ASSERT_TRUE(env_.make_folder("/e") && env_.sync_folder("/"));
  ASSERT_TRUE(env_.rename("/d/a", "/e/b"));
  EXPECT_EQ(all_dropped(disk()).files(), std::vector<std::string>{"/d/a"});
  EXPECT_EQ(all_kept(disk()).files(), std::vector<std::string>{"/e/b"});
  ASSERT_TRUE(env_.sync_folder("/e"));
  EXPECT_EQ(all_dropped(disk()).files(), std::vector<std::string>{"/e/b"});
}

TEST_F(SimDiskTest, AnUnsyncedTruncationIsThereOrNot) {
  ASSERT_TRUE(open("/d/a")->truncate(3));
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable");
  EXPECT_EQ(text(all_kept(disk()), "/d/a"), "dur");
}

TEST_F(SimDiskTest, ADurableWriteUnderWayIsTornOrLostAndThenKept) {
  auto file = open("/d/a");
  bool done = false;
  env_.write_durably(*file, as_bytes(std::string(1024, 'j')), 0, [&](Result<void> result) {
    EXPECT_TRUE(result);
    done = true;
  });
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable");
  EXPECT_EQ(text(all_kept(disk()), "/d/a"), std::string(1024, 'j'));
  env_.poll();
  ASSERT_TRUE(done);
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), std::string(1024, 'j'));
}

TEST_F(SimDiskTest, ADurableWriteMakesOnlyItsBytesDurable) {
  auto file = open("/d/a");
  ASSERT_TRUE(file->write(as_bytes("XX"), 0));
  env_.write_durably(*file, as_bytes("ab"), 3, [](auto) {});
  ASSERT_TRUE(file->write(as_bytes("YY"), 4));
  env_.poll();
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable"s.replace(3, 2, "ab"));
  EXPECT_EQ(text(all_kept(disk()), "/d/a"), "XXraYYe");
  EXPECT_EQ(text(disk(), "/d/a"), "XXraYYe");
}

TEST_F(SimDiskTest, ASyncDoesNotVouchForADurableWriteUnderWay) {
  disk().set_bytes("/d/a", as_bytes(std::string(8192, 'o')));
  auto file = open("/d/a");
  ASSERT_TRUE(file->write(as_bytes(std::string(10, 'w')), 0));
  env_.write_durably(*file, as_bytes(std::string(10, 'j')), 4096, [](auto) {});
  ASSERT_TRUE(file->sync());
  std::string left = *text(all_dropped(disk()), "/d/a");
  EXPECT_EQ(left[0], 'w');
  EXPECT_EQ(left[4096], 'o');
}

TEST_F(SimDiskTest, AFailedSyncIsNotMadeUpForByALaterOne) {
  auto file = open("/d/a");
  ASSERT_TRUE(file->write(as_bytes("UNSYNC"), 0));
  env_.inject({.op = SimOp::kSync, .path = "/d/a"});
  EXPECT_EQ(file->sync().error().code, Code::kIo);
  ASSERT_TRUE(file->sync());
  EXPECT_EQ(text(disk(), "/d/a"), "UNSYNCe");
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "durable");
  ASSERT_TRUE(file->write(as_bytes("WRITTEN"), 0) && file->sync());
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), "WRITTEN");
}

TEST_F(SimDiskTest, KillLosesNothingButPowerLossStillCan) {
  ASSERT_TRUE(open("/d/a")->write(as_bytes("UNSYNC"), 0));
  SimEnv next(disk().killed());
  EXPECT_EQ(text(next.disk(), "/d/a"), "UNSYNCe");
  EXPECT_EQ(text(all_dropped(next.disk()), "/d/a"), "durable");
  auto file = next.open("/d/a", OpenMode::kReadWrite);
  ASSERT_TRUE(file && (*file)->write(as_bytes("Z"), 0) && (*file)->sync());
  EXPECT_EQ(text(all_dropped(next.disk()), "/d/a"), "ZNSYNCe");
}

TEST_F(SimDiskTest, RawBytesCanBeReadReplacedAndFlipped) {
  disk().flip_bit("/d/a", 1, 3);
  std::string flipped = "durable";
  flipped[1] = static_cast<char>(flipped[1] ^ 8);
  EXPECT_EQ(text(disk(), "/d/a"), flipped);
  EXPECT_EQ(text(all_dropped(disk()), "/d/a"), flipped);
  SimDisk copy = disk();
  copy.set_bytes("/x/y/z", as_bytes("made"));
  EXPECT_EQ(copy.files(), (std::vector<std::string>{"/d/a", "/x/y/z"}));
  EXPECT_EQ(disk().files(), std::vector<std::string>{"/d/a"});
  EXPECT_NE(copy.image_hash(), disk().image_hash());
}

TEST_F(SimDiskTest, TheImageHashSeesNamesSizesAndBytesOnly) {
  SimDisk other;
  other.set_bytes("/d/a", as_bytes("xxxxxxxxxxxx"));
  other.set_bytes("/d/a", as_bytes("durable"));
  EXPECT_EQ(other.image_hash(), disk().image_hash());
  other.set_bytes("/d/a", as_bytes(std::string_view("durable\0", 8)));
  EXPECT_NE(other.image_hash(), disk().image_hash());
}

// Random operations against plain strings: what programs see, and what is left when all that is
// unsynced is dropped.
TEST(SimDiskModel, LiveAndDurableContentAreWhatTheOperationsSay) {
  const char* given = std::getenv("STELE_SEED");
  std::uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  for (std::uint64_t seed = first; seed < first + 200; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    SimRandom random(seed);
    SimEnv env({}, {.seed = seed});
    std::array<std::string, 3> live;
    std::array<std::string, 3> durable;
    std::array<std::unique_ptr<File>, 3> files;
    for (std::size_t i = 0; i < files.size(); ++i) {
      files[i] = std::move(*env.open("/" + std::to_string(i), OpenMode::kCreate));
    }
    ASSERT_TRUE(env.sync_folder("/"));
    for (int step = 0; step < 60; ++step) {
      std::size_t i = random.below(files.size());
      std::uint64_t at = random.below(10000);
      std::string bytes(random.below(5000) + 1, static_cast<char>('a' + random.below(26)));
      switch (random.below(4)) {
        case 0:
          ASSERT_TRUE(files[i]->truncate(at));
          live[i].resize(at);
          break;
        case 1:
          ASSERT_TRUE(files[i]->sync());
          durable[i] = live[i];
          break;
        default:
          ASSERT_TRUE(files[i]->write(as_bytes(bytes), at));
          if (live[i].size() < at + bytes.size()) live[i].resize(at + bytes.size());
          live[i].replace(at, bytes.size(), bytes);
      }
    }
    SimDisk dropped = all_dropped(env.disk());
    SimDisk kept = all_kept(env.disk());
    for (std::size_t i = 0; i < files.size(); ++i) {
      ASSERT_EQ(text(env.disk(), "/" + std::to_string(i)), live[i]);
      ASSERT_EQ(text(kept, "/" + std::to_string(i)), live[i]);
      ASSERT_EQ(text(dropped, "/" + std::to_string(i)), durable[i]);
    }
  }
}

}  // namespace
}  // namespace stele
