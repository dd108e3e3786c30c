// The model test bites: each planted bug is caught by the worlds that run without it.
#include <gtest/gtest.h>

#include "tests/crash/planted.h"
#include "tests/server/groups/consumer_group_world.h"

namespace stele::groups {
namespace {

constexpr std::uint64_t kSeed = 848;
constexpr std::uint64_t kCount = 100;

TEST(ConsumerGroupModel, IsCleanWithoutABug) {
  EXPECT_EQ(ConsumerGroupWorld::run(kSeed, kCount), "");
}

TEST(ConsumerGroupModel, CatchesPlantedBugs) {
  struct Case {
    const char* name;
    Plant bug;
    const char* caught_as;
  };
  for (const Case& c : {Case{"GiveHeldPartition", Plant::kGiveHeldPartition, "is held by"},
                        Case{"TakeSilenceForYes", Plant::kTakeSilenceForYes, "is held by"},
                        Case{"ForgetRevoking", Plant::kForgetRevoking, "after a restart"}}) {
    SCOPED_TRACE(c.name);
    const crash::Planted bug(c.bug);
    const std::string broken = ConsumerGroupWorld::run(kSeed, kCount);
    EXPECT_NE(broken.find(c.caught_as), std::string::npos) << "caught as: " << broken;
  }
}

}  // namespace
}  // namespace stele::groups
