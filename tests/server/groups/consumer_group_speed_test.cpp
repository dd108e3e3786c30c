// What a large group costs: 1,000 members and 10,000 partitions. The bounds are for the slowest
// build; what was measured is in the test's properties.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/server/groups/consumer_group_fixture.h"
#include "tests/server/kafka/wire/allocation_counter.h"

namespace stele::groups {
namespace {

using Clock = std::chrono::steady_clock;

class LargeConsumerGroup : public ConsumerGroupTest {
protected:
  LargeConsumerGroup() {
    for (int t = 0; t < 100; ++t) {
      names_.push_back("topic-" + std::to_string(t));
      topics.set(names_.back(), 100);
    }
    config.assignment_interval_ms = 1'000;
    make();
    for (int m = 0; m < 1'000; ++m) {
      clients_.push_back({.id = "member-" + std::to_string(m), .names = names_});
    }
  }
  void everybody_beats() {
    for (Client& client : clients_) beat(client);
  }
  static std::int64_t microseconds_since(Clock::time_point start) {
    return (Clock::now() - start) / std::chrono::microseconds(1);
  }

  std::vector<std::string> names_;
  std::vector<Client> clients_;
};

TEST_F(LargeConsumerGroup, IsReassignedInMillisecondsAndQuietHeartbeatsAllocateNextToNothing) {
  everybody_beats();
  pass(std::chrono::seconds(1));
  for (int round = 0; round < 4; ++round) everybody_beats();
  ASSERT_EQ(group->phase(), "Stable");
  for (const Client& client : clients_) ASSERT_EQ(client.held.size(), 10U);

  leave(clients_.back());
  clients_.pop_back();
  pass(std::chrono::seconds(1));
  const auto start = Clock::now();
  beat(clients_.front());
  const std::int64_t reassigned_us = microseconds_since(start);
  RecordProperty("reassigned_us", std::to_string(reassigned_us));
  EXPECT_EQ(group->state().group_epoch(), group->state().assignment_epoch());
  EXPECT_LT(reassigned_us, 500'000);

  for (int round = 0; round < 4; ++round) everybody_beats();
  ASSERT_EQ(group->phase(), "Stable");
  std::vector<GroupRecord> written;
  const Client& quiet = clients_[500];
  const Request request = quiet.request();
  const HeartbeatContext context{.client_id = "client", .client_host = "/127.0.0.1", .now = clock};
  const std::size_t before = kafka::allocated_bytes();
  const auto beats_start = Clock::now();
  constexpr int kBeats = 1'000;
  for (int i = 0; i < kBeats; ++i) (void)group->heartbeat(request, context, written);
  RecordProperty("quiet_beat_ns", std::to_string(microseconds_since(beats_start) * 1'000 / kBeats));
  EXPECT_LE((kafka::allocated_bytes() - before) / kBeats, 128U) << "member ids, nothing else";
  EXPECT_TRUE(written.empty());
}

}  // namespace
}  // namespace stele::groups
