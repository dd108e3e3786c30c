// The tests bite: each planted bug is caught by a small run of the very campaign that CI runs in
// full, and the same run without the bug is clean.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/crash/campaign.h"
#include "tests/crash/oracle.h"
#include "tests/crash/planted.h"
#include "tests/crash/stream_campaign.h"

namespace stele::crash {
namespace {

const Workload& workload(std::string_view name) {
  const auto found = std::ranges::find(workloads(), name, &Workload::name);
  return *found;
}

struct Case {
  std::string_view name;
  Plant bug;
  std::string_view workload;
  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

class CrashCampaignCatches : public testing::TestWithParam<Case> {
protected:
  static std::string run() {
    return Campaign(workload(GetParam().workload), {.count = 1500, .seed = 3}).run();
  }
};

TEST_P(CrashCampaignCatches, ThePlantedBug) {
  EXPECT_EQ(run(), "") << "the campaign is not clean without the bug";
  const Planted bug(GetParam().bug);
  const std::string broken = run();
  EXPECT_NE(broken, "") << "nothing noticed";
  RecordProperty("caught_as", broken);
}

INSTANTIATE_TEST_SUITE_P(
    Bugs, CrashCampaignCatches,
    testing::Values(Case{"AckBeforeFlush", Plant::kAckBeforeFlush, "AppendToOne"},
                    Case{"SkipFolderSync", Plant::kSkipFolderSync, "TopicsComeAndGo"},
                    Case{"ForgetProducers", Plant::kForgetProducers, "ProducersWithRetries"},
                    Case{"ShowBeforeDurable", Plant::kShowBeforeDurable, "ReadingMeanwhile"},
                    Case{"TrustOlderLap", Plant::kTrustOlderLap, "JournalLaps"},
                    Case{"ShowUnconfirmed", Plant::kShowUnconfirmed, "AppendToOne"},
                    Case{"ReleaseTooEarly", Plant::kReleaseTooEarly, "JournalFull"},
                    Case{"SwapBeforeSync", Plant::kSwapBeforeSync, "CompactKeys"},
                    Case{"DropTombstones", Plant::kDropTombstones, "CompactOften"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(StreamCampaignCatches, ForgetRemoved) {
  EXPECT_EQ(StreamCampaign({.count = 60}).run(), "");
  const Planted bug(Plant::kForgetRemoved);
  EXPECT_NE(StreamCampaign({.count = 60}).run(), "");
}

// A failed flush of the journal, then power loss: is what was acknowledged there?
std::string fail_one_flush() {
  History history;
  SimEnv env;
  Driver driver(env, history);
  if (!driver.open()) return "not opened";
  const std::size_t topic = driver.create("a");
  env.inject({.op = SimOp::kWriteDurably, .effect = SimEffect::kIo, .path = "journal"});
  driver.append({topic, 0});
  env.clear_faults();
  driver.append({topic, 0});
  driver.kill();
  SimEnv after(CrashStates(env.disk()).canonical(0));
  Driver again(after, history);
  if (const auto opened = again.open(); !opened) return opened.error().text();
  const auto judged = judge(again.store(), history, 1);
  return judged ? "" : judged.error().text();
}

TEST(FailureLoopCatches, RetryFlush) {
  EXPECT_EQ(fail_one_flush(), "");
  const Planted bug(Plant::kRetryFlush);
  EXPECT_NE(fail_one_flush(), "");
}

// A store whose last entry is attested by an idle mark; nothing of it is in a checkpoint.
SimDisk attested_store(History& history) {
  SimEnv env;
  Driver driver(env, history);
  if (!driver.open()) return {};
  const std::size_t topic = driver.create("a");
  for (int i = 0; i < 2; ++i) driver.append({topic, 0}, 1, 500);
  driver.maintain(std::chrono::milliseconds(20));
  driver.settle();
  driver.kill();
  return env.disk().killed();
}

// One bit of a segment goes over while the store is open.
std::string flip_in_segment() {
  History history;
  SimEnv env(attested_store(history));
  Driver driver(env, history);
  if (const auto opened = driver.open(); !opened) return opened.error().text();
  env.disk().flip_bit(std::string(kFolder) + "/topics/" + history.topics[0].id->text() +
                          "/0/00000000000000000000.log",
                      300);
  const auto judged = judge_damaged(driver.store(), history);
  return judged ? "" : judged.error().text();
}

// One bit of the journal's second entry, which the third one attests.
std::string flip_in_journal() {
  History history;
  SimDisk disk = attested_store(history);
  disk.flip_bit(std::string(kFolder) + "/journal", 4096 + 40);
  SimEnv env(disk);
  Driver driver(env, history);
  if (const auto opened = driver.open(); !opened)
    return opened.error().code == Code::kCorrupt ? "" : opened.error().text();
  const auto judged = judge_damaged(driver.store(), history);
  return judged ? "" : judged.error().text();
}

TEST(CorruptionSweepCatches, NoChecksumOnRead) {
  EXPECT_EQ(flip_in_segment(), "");
  const Planted bug(Plant::kNoChecksumOnRead);
  EXPECT_NE(flip_in_segment(), "");
}

TEST(CorruptionSweepCatches, CutAtDamage) {
  EXPECT_EQ(flip_in_journal(), "");
  const Planted bug(Plant::kCutAtDamage);
  EXPECT_NE(flip_in_journal(), "");
}

}  // namespace
}  // namespace stele::crash
