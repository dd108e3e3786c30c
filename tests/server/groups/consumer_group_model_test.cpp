// Random worlds (consumer_group_world.h): STELE_SEED replays one, STELE_COUNT makes more of them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/server/groups/consumer_group_world.h"

namespace stele::groups {
namespace {

std::uint64_t number(const char* variable, std::uint64_t usual) {
  const char* wanted = std::getenv(variable);
  return wanted == nullptr ? usual : std::strtoull(wanted, nullptr, 10);
}

TEST(ConsumerGroupModel, NoPartitionIsHeldTwiceAndAllAreHeldInTheEnd) {
  const std::uint64_t first = number("STELE_SEED", 848);
  const std::uint64_t count = number("STELE_COUNT", 300);
  EXPECT_EQ(ConsumerGroupWorld::run(first, count), "");
  for (const auto& [what, times] : ConsumerGroupWorld::counts()) RecordProperty(what, times);
  if (count < 100) return;
  for (const char* what : {"FENCED_MEMBER_EPOCH", "UNKNOWN_MEMBER_ID", "UNRELEASED_INSTANCE_ID",
                           "FENCED_INSTANCE_ID", "expired", "restarted", "died"}) {
    EXPECT_GT(ConsumerGroupWorld::counts()[what], 0) << what << " never happened";
  }
}

}  // namespace
}  // namespace stele::groups
