// Groups of KIP-848 in the coordinator: durable before answered, read back when a write was
// refused, and which protocol a group id belongs to.
#include <gtest/gtest.h>

#include "server/groups/coordinator.h"
#include "tests/support/fake_store.h"
#include "tests/support/sim_env.h"

namespace stele::groups {
namespace {

using kafka::ErrorCode;
using enum kafka::ErrorCode;
using Response = kafka::ConsumerGroupHeartbeatResponse;

class CoordinatorConsumers : public ::testing::Test {
protected:
  CoordinatorConsumers() {
    EXPECT_TRUE(store.create_topic({.name = "orders", .partition_count = 3}));
    restart();
  }
  void restart() {
    coordinator = std::make_unique<Coordinator>(store, env, timers, settings);
    EXPECT_TRUE(coordinator->load());
    coordinator->when_ready([](const Result<void>&) {});
    turn();
  }
  void turn() {
    for (int i = 0; i < 4; ++i) {
      while (store.poll() > 0) {
      }
      timers.run_due(env.now());
    }
  }

  /// The answer, if it has come.
  std::shared_ptr<std::optional<Response>> beat(const std::string& member, std::int32_t epoch) {
    kafka::ConsumerGroupHeartbeatRequest request{
        .group_id = "g", .member_id = member, .member_epoch = epoch};
    if (epoch == 0) {
      request.rebalance_timeout_ms = 10'000;
      request.subscribed_topic_names = {{"orders"}};
      request.topic_partitions.emplace();
    }
    auto answer = std::make_shared<std::optional<Response>>();
    coordinator->heartbeat(request, {.client_id = "c", .client_host = "/h"},
                           [answer](const Response& response) { *answer = response; });
    return answer;
  }
  Response beat_now(const std::string& member, std::int32_t epoch) {
    const auto answer = beat(member, epoch);
    turn();
    return answer->value();
  }
  ErrorCode join_classic() {
    kafka::JoinGroupRequest request{.group_id = "g", .session_timeout_ms = 10'000};
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", {}});
    ErrorCode error = kNone;
    coordinator->join({.request = request, .version = 4, .client_id = "c", .client_host = "/h"},
                      [&](const kafka::JoinGroupResponse& answer) { error = answer.error_code; });
    return error;
  }
  ErrorCode commit(const std::string& member, std::int32_t epoch, std::int64_t offset) {
    kafka::OffsetCommitRequest request{.group_id = "g"};
    request.member_id = member;
    request.generation_id_or_member_epoch = epoch;
    request.topics.push_back({.name = "orders", .partitions = {{0, offset}}});
    ErrorCode error = kUnknownServerError;
    coordinator->commit(request, 9, [&](const kafka::OffsetCommitResponse& answer) {
      error = answer.topics.at(0).partitions.at(0).error_code;
    });
    turn();
    return error;
  }
  std::int64_t offset() {
    kafka::OffsetFetchRequestGroup request{.group_id = "g"};
    request.topics = {{.name = "orders", .partition_indexes = {0}}};
    std::int64_t found = -2;
    coordinator->fetch(request, 8, [&](const kafka::OffsetFetchResponseGroup& answer) {
      found = answer.topics.at(0).partitions.at(0).committed_offset;
    });
    turn();
    return found;
  }

  GroupSettings settings;
  SimEnv env;
  test::FakeStore store;
  server::TimerQueue timers;
  std::unique_ptr<Coordinator> coordinator;
};

TEST_F(CoordinatorConsumers, AHeartbeatIsAnsweredWhenItIsDurable) {
  store.hold(true);
  const auto first = beat("m", 0);
  const auto second = beat("m2", 0);
  EXPECT_FALSE(first->has_value());
  EXPECT_FALSE(second->has_value());
  store.hold(false);
  turn();
  EXPECT_EQ((*first)->error_code, kNone);
  EXPECT_EQ((*second)->error_code, kNone);
  EXPECT_GT((*first)->member_epoch, 0);
}

TEST_F(CoordinatorConsumers, AMemberGoesOnAfterARestart) {
  const Response joined = beat_now("m", 0);
  EXPECT_EQ(commit("m", joined.member_epoch, 7), kNone);
  restart();
  EXPECT_EQ(beat_now("m", joined.member_epoch).error_code, kNone);
  EXPECT_EQ(offset(), 7);
  EXPECT_EQ(coordinator->describe_consumers("g").members.size(), 1U);
}

TEST_F(CoordinatorConsumers, ARefusedWriteHasTheGroupReadBack) {
  const Response joined = beat_now("m", 0);
  store.fail_appends(Code::kNoSpace);
  EXPECT_EQ(beat_now("m2", 0).error_code, kCoordinatorNotAvailable);
  store.fail_appends(std::nullopt);
  turn();
  EXPECT_EQ(coordinator->describe_consumers("g").members.size(), 1U);
  EXPECT_EQ(beat_now("m", joined.member_epoch).error_code, kNone);
  EXPECT_EQ(beat_now("m2", 0).error_code, kNone);
}

TEST_F(CoordinatorConsumers, AGroupIdBelongsToOneProtocolWhileItHasMembers) {
  const Response joined = beat_now("m", 0);
  EXPECT_EQ(join_classic(), kInconsistentGroupProtocol);
  EXPECT_EQ(coordinator->describe("g", 6).error_code, kGroupIdNotFound);
  EXPECT_EQ(coordinator->list({.types_filter = {"consumer"}}).size(), 1U);
  EXPECT_EQ(commit("m", joined.member_epoch, 5), kNone);
  EXPECT_EQ(beat_now("m", -1).error_code, kNone);
  EXPECT_EQ(join_classic(), kMemberIdRequired);
  turn();
  EXPECT_EQ(coordinator->describe_consumers("g").error_code, kGroupIdNotFound);
  EXPECT_EQ(offset(), 5);
  restart();
  EXPECT_EQ(coordinator->describe_consumers("g").error_code, kGroupIdNotFound);
  EXPECT_EQ(offset(), 5);
}

TEST_F(CoordinatorConsumers, AnEmptyClassicGroupIsTakenOverWithItsOffsets) {
  EXPECT_EQ(commit("", -1, 3), kNone);
  EXPECT_EQ(beat_now("m", 4).error_code, kGroupIdNotFound) << "only who joins takes over";
  EXPECT_EQ(beat_now("m", 0).error_code, kNone);
  EXPECT_EQ(offset(), 3);
  restart();
  EXPECT_EQ(offset(), 3);
  EXPECT_EQ(coordinator->describe_consumers("g").members.size(), 1U);
}

TEST_F(CoordinatorConsumers, MembersAreRemovedByLeaveGroup) {
  (void)beat_now("m", 0);
  kafka::LeaveGroupRequest request{.group_id = "g"};
  request.members.push_back({.member_id = "m"});
  request.members.push_back({.member_id = "nobody"});
  std::vector<ErrorCode> errors;
  coordinator->leave(request, [&](const kafka::LeaveGroupResponse& answer) {
    for (const auto& member : answer.members) errors.push_back(member.error_code);
  });
  EXPECT_TRUE(errors.empty()) << "not before it is durable";
  turn();
  EXPECT_EQ(errors, (std::vector{kNone, kUnknownMemberId}));
  EXPECT_TRUE(coordinator->describe_consumers("g").members.empty());
}

TEST_F(CoordinatorConsumers, AnEmptyOneIsDeleted) {
  (void)beat_now("m", 0);
  std::vector<ErrorCode> errors;
  const auto note = [&](ErrorCode error) { errors.push_back(error); };
  coordinator->delete_group("g", note);
  turn();
  (void)beat_now("m", -1);
  coordinator->delete_group("g", note);
  turn();
  EXPECT_EQ(errors, (std::vector{kNonEmptyGroup, kNone}));
  EXPECT_EQ(coordinator->group_count(), 0U);
  restart();
  EXPECT_EQ(coordinator->group_count(), 0U);
}

}  // namespace
}  // namespace stele::groups
