// Streams over power loss and kill -9 at every change of the disk: rules, tombstones, trims,
// compaction, scavenge. STELE_COUNT: disks in all; STELE_SEED, STELE_CHANGE: replay what a failure
// names.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/crash/stream_campaign.h"

namespace stele::crash {
namespace {

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

TEST(StreamCrashes, NoVersionIsLostAndNothingComesBack) {
  const auto count = static_cast<std::uint64_t>(from_environment("STELE_COUNT", 1500));
  StreamCampaign campaign({.count = count,
                           .seed = static_cast<std::uint64_t>(from_environment("STELE_SEED", 1)),
                           .change = from_environment("STELE_CHANGE", -1)});
  const std::string broken = campaign.run();
  const StreamCampaignCounts& counts = campaign.counts();
  std::cout << "stream_crashes changes=" << counts.changes << " disks=" << counts.disks
            << " nested=" << counts.nested << " scavenged=" << counts.scavenged
            << " tombstoned=" << counts.tombstoned << "\n";
  EXPECT_EQ(broken, "");
  EXPECT_GT(counts.scavenged, 20);
  EXPECT_GT(counts.tombstoned, 2);
}

}  // namespace
}  // namespace stele::crash
