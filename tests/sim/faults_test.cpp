// The faults the log promises to bear, each by its name, on the simulated disk.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/crash/driver.h"
#include "tests/crash/oracle.h"
#include "tests/support/crash_states.h"

namespace stele::crash {
namespace {

using log::StoreState;

class Faults : public testing::Test {
protected:
  void open() {
    const auto opened = driver_.open();
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
  }
  void expect_right(Driver& driver) {
    const auto judged = judge(driver.store(), history_, 1);
    EXPECT_TRUE(judged.has_value()) << judged.error().text();
    EXPECT_EQ(driver.broken(), "");
  }
  static bool reported(const SimEnv& env, std::string_view what) {
    return std::ranges::any_of(env.reports(),
                               [&](const SimReport& one) { return one.line.contains(what); });
  }

  SimEnv env_;
  History history_;
  Driver driver_{env_, history_};
};

TEST_F(Faults, AFolderOpenedTwiceNamesTheHolder) {
  open();
  const auto second = log::Store::open(kFolder, env_, small_options());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(second.error().detail.contains("sim")) << second.error().detail;
}

TEST_F(Faults, AFolderOfAnotherVersionIsRefusedAndUntouched) {
  open();
  driver_.append({driver_.create("a"), 0});
  driver_.close();
  SimDisk disk = env_.disk().killed();
  disk.flip_bit("/data/STELE", 8, 1);
  const ImageHash before = disk.image_hash();
  SimEnv env(disk);
  const auto opened = log::Store::open(kFolder, env, small_options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kUnsupported) << opened.error().text();
  EXPECT_EQ(env.disk().image_hash(), before);
}

TEST_F(Faults, AFolderOfSomebodyElseIsRefusedAndUntouched) {
  SimDisk disk;
  disk.set_bytes("/data/thesis.txt", as_bytes("years of work"));
  SimEnv env(disk);
  const auto opened = log::Store::open(kFolder, env, small_options());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kInvalid);
  EXPECT_EQ(env.disk().image_hash(), disk.image_hash());
}

TEST_F(Faults, AFailedFlushStopsTheStoreAndIsNotTriedAgain) {
  open();
  const std::size_t topic = driver_.create("a");
  driver_.append({topic, 0});
  env_.inject({.op = SimOp::kWriteDurably, .effect = SimEffect::kIo, .path = "journal"});
  driver_.append({topic, 0});
  EXPECT_EQ(driver_.refusals(), std::vector{Code::kOutcomeUnknown});
  ASSERT_TRUE(driver_.store_is(StoreState::kStopped));
  EXPECT_TRUE(reported(env_, "store_stopped"));
  const std::uint64_t changes = env_.change_count();
  driver_.poke();
  EXPECT_EQ(env_.change_count(), changes);
  EXPECT_EQ(driver_.broken(), "");
  driver_.kill();
  // Whatever the next start shows of that append, power loss does not take back.
  for (int i = 0; i < 2; ++i) {
    SimEnv next(i == 0 ? env_.disk().killed() : CrashStates(env_.disk()).canonical(0));
    History history = history_;
    Driver driver(next, history);
    ASSERT_TRUE(driver.open().has_value());
    ASSERT_TRUE(judge(driver.store(), history, 1).has_value());
    driver.kill();
    SimEnv last(CrashStates(next.disk()).canonical(0));
    Driver again(last, history);
    ASSERT_TRUE(again.open().has_value());
    const auto judged = judge(again.store(), history, 1);
    EXPECT_TRUE(judged.has_value()) << judged.error().text();
  }
}

TEST_F(Faults, AFailedFlushOfACheckpointStopsTheStore) {
  open();
  const std::size_t topic = driver_.create("a");
  env_.inject({.op = SimOp::kSync, .effect = SimEffect::kNoSpace, .path = ".log"});
  for (int i = 0; i < 12; ++i) driver_.append({topic, 0});
  EXPECT_TRUE(driver_.store_is(StoreState::kStopped));
  driver_.kill();
  SimEnv next(CrashStates(env_.disk()).canonical(0));
  Driver driver(next, history_);
  ASSERT_TRUE(driver.open().has_value());
  expect_right(driver);
}

TEST_F(Faults, AFullDiskRefusesServesReadsAndHeals) {
  open();
  const std::size_t topic = driver_.create("a", 1, {{"segment.bytes", "4096"}});
  env_.set_capacity(std::uint64_t{3} << 20);
  driver_.allow_refusals();
  for (int i = 0; i < 4000 && driver_.refused() == 0; ++i) driver_.append({topic, 0}, 1, 1500);
  ASSERT_GE(driver_.refused(), 1u);
  EXPECT_EQ(driver_.refusals().front(), Code::kNoSpace);
  EXPECT_TRUE(driver_.store_is(StoreState::kOpen));
  expect_right(driver_);
  env_.set_capacity(std::nullopt);
  for (int i = 0; i < 3; ++i) driver_.append({topic, 0});
  const std::size_t refused = driver_.refused();
  for (int i = 0; i < 10; ++i) driver_.append({topic, 0});
  EXPECT_EQ(driver_.refused(), refused);
  expect_right(driver_);
}

TEST_F(Faults, NoFileDescriptorsLeftIsSaidAndHeals) {
  open();
  const std::size_t topic = driver_.create("a", 3);
  env_.inject({.op = SimOp::kCreate, .effect = SimEffect::kOverloaded, .sticky = true});
  driver_.append({topic, 0});
  ASSERT_EQ(driver_.refusals(), std::vector{Code::kOverloaded});
  EXPECT_TRUE(driver_.store_is(StoreState::kOpen));
  env_.clear_faults();
  driver_.append({topic, 0});
  EXPECT_EQ(driver_.refused(), 1u);
  expect_right(driver_);
}

TEST_F(Faults, AClockThatGoesBackDoesNotTakeRecordedTimeAlong) {
  open();
  const std::size_t topic = driver_.create("a");
  driver_.append({topic, 0});
  driver_.jump_wall(std::chrono::hours(-48));
  driver_.append({topic, 0});
  driver_.reopen();
  driver_.append({topic, 0});
  expect_right(driver_);  // judges that recorded times never go back
}

TEST_F(Faults, DirectIoUnavailableWorksAndIsSaid) {
  SimEnv env({}, {.direct = false});
  Driver driver(env, history_);
  ASSERT_TRUE(driver.open().has_value());
  const std::size_t topic = driver.create("a");
  for (int i = 0; i < 30; ++i) driver.append({topic, 0}, 1, 700);
  EXPECT_TRUE(reported(env, "direct_io_unavailable"));
  driver.kill();
  SimEnv after(CrashStates(env.disk()).canonical(0), {.direct = false});
  Driver again(after, history_);
  ASSERT_TRUE(again.open().has_value());
  expect_right(again);
}

TEST_F(Faults, ATornTailIsKeptInQuarantineAndSaid) {
  open();
  const std::size_t topic = driver_.create("a");
  driver_.append({topic, 0});
  driver_.pipelined(true);
  driver_.append({topic, 0}, 1, 6000);
  driver_.poll();  // its write is under way
  SimDisk torn = env_.disk().killed();
  driver_.settle();
  driver_.kill();
  history_.asked.back().answer = Answer::kNone;
  torn.flip_bit("/data/journal", 3 * 4096 + 100);  // in the body of the third entry
  SimEnv env(torn);
  Driver driver(env, history_);
  ASSERT_TRUE(driver.open().has_value());
  history_.seen.clear();
  expect_right(driver);
  EXPECT_TRUE(reported(env, "torn_tail_cut"));
  EXPECT_GT(driver.store().stats().quarantined_bytes, 0);
  EXPECT_TRUE(std::ranges::any_of(env.disk().files(), [](const std::string& path) {
    return path.starts_with("/data/quarantine/journal-lap1-entry3");
  }));
}

TEST_F(Faults, ADamagedSuperblockFallsBackToTheOther) {
  open();
  const std::size_t topic = driver_.create("a");
  for (int i = 0; i < 20; ++i) driver_.append({topic, 0});
  driver_.close();
  for (const char* path : {"/data/superblock.0", "/data/superblock.1"}) {
    SimDisk disk = env_.disk().killed();
    disk.flip_bit(path, 50);
    SimEnv env(disk);
    Driver driver(env, history_);
    ASSERT_TRUE(driver.open().has_value());
    expect_right(driver);
    EXPECT_TRUE(reported(env, "superblock_damaged"));
  }
}

TEST_F(Faults, ASmallestJournalTakesTopicsAndHugeSettingsAreRefused) {
  open();
  EXPECT_EQ(
      driver_.store()
          .create_topic(
              {.name = "x", .settings = {{"min.cleanable.dirty.ratio", std::string(100'000, '0')}}})
          .error()
          .code,
      Code::kInvalid);
  for (int i = 0; i < 40; ++i) driver_.create("t" + std::to_string(i), 2);
  expect_right(driver_);
}

}  // namespace
}  // namespace stele::crash
