#include "projections/remote/assignments.h"

#include <gtest/gtest.h>

#include "projections/testkit/given_events.h"

namespace stele::projections {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<std::int32_t>;

class AssignmentsTest : public ::testing::Test {
protected:
  AssignmentsTest() : source_(100, GivenEvents::Inputs::kPartitions) {
    source_.add_topic("flights", 4);
    source_.add_topic("weather", 4);
    source_.add_topic("carriers", 3);
  }
  GivenEvents source_;
};

TEST_F(AssignmentsTest, AStaticListIsGivenOnceItIsConfirmed) {
  const auto share = static_assignment({3, 1, 3});
  EXPECT_EQ(share->poll(0ns).value().added, (Numbers{1, 3}));
  EXPECT_EQ(share->poll(0ns).value().added, (Numbers{1, 3}));
  ASSERT_TRUE(share->confirm());
  const AssignmentChange change = share->poll(0ns).value();
  EXPECT_TRUE(change.added.empty() && change.removed.empty());
}

TEST_F(AssignmentsTest, ARuleMovesPartitionsWithWhatItSays) {
  Numbers chosen = {0, 2};
  std::int32_t count_told = 0;
  const auto share = custom_assignment(
                         source_, {"flights", "weather"},
                         [&](std::int32_t count) -> Result<Numbers> {
                           count_told = count;
                           return chosen;
                         },
                         0ns)
                         .value();
  EXPECT_EQ(share->poll(0ns).value().added, (Numbers{0, 2}));
  EXPECT_EQ(count_told, 4);
  ASSERT_TRUE(share->confirm());
  chosen = {3, 2};
  const AssignmentChange change = share->poll(0ns).value();
  EXPECT_EQ(change.removed, (Numbers{0}));
  EXPECT_EQ(change.added, (Numbers{3}));
  ASSERT_TRUE(share->confirm());
  EXPECT_TRUE(share->poll(0ns).value().added.empty());
}

TEST_F(AssignmentsTest, WhatARuleRefusesChangesNothing) {
  Result<Numbers> answer = Numbers{1};
  const auto share = custom_assignment(
                         source_, {"flights"}, [&](std::int32_t /*count*/) { return answer; }, 0ns)
                         .value();
  static_cast<void>(share->poll(0ns));
  ASSERT_TRUE(share->confirm());
  answer = std::unexpected(Error{Code::kIo, "the leases' database is away"});
  EXPECT_EQ(share->poll(0ns).error().code, Code::kIo);
  answer = Numbers{1, 4};
  EXPECT_EQ(share->poll(0ns).error().code, Code::kInvalid);
  answer = Numbers{1};
  const AssignmentChange change = share->poll(0ns).value();
  EXPECT_TRUE(change.added.empty() && change.removed.empty());
}

TEST_F(AssignmentsTest, TopicsOfDifferentPartitionCountsAreNotCopartitioned) {
  EXPECT_EQ(copartition_count(source_, {"flights", "weather"}).value(), 4);
  const auto count = copartition_count(source_, {"flights", "carriers"});
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, Code::kInvalid);
  EXPECT_NE(count.error().detail.find("flights has 4 partitions, carriers has 3"),
            std::string::npos)
      << count.error().detail;
  EXPECT_EQ(copartition_count(source_, {"gone"}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace stele::projections
