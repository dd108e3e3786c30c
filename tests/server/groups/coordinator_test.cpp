// The coordinator over a store in memory: what is written, what survives, who is answered what.
#include <gtest/gtest.h>

#include "server/groups/coordinator.h"
#include "server/groups/group_partition.h"
#include "tests/support/fake_store.h"
#include "tests/support/sim_env.h"

namespace stele::groups {
namespace {

using kafka::ErrorCode;
using enum kafka::ErrorCode;

struct Commit {
  std::string group = "g";
  std::string topic = "orders";
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string member_id{};
  std::int32_t generation = -1;
  std::string metadata{};
  std::int64_t retention_ms = -1;
  std::int16_t version = 8;
};

class Bench : public ::testing::Test {
protected:
  Bench() {
    EXPECT_TRUE(store.create_topic({.name = "orders", .partition_count = 3}));
    restart();
  }

  /// As after kill -9: nothing is left but the log.
  void restart() {
    coordinator = std::make_unique<Coordinator>(store, env, timers, settings);
    EXPECT_TRUE(coordinator->load());
    bool is_ready = false;
    coordinator->when_ready([&](const Result<void>& made) { is_ready = made.has_value(); });
    turn();
    EXPECT_TRUE(is_ready);
  }
  void turn() {
    for (int i = 0; i < 4; ++i) {
      while (store.poll() > 0) {
      }
      timers.run_due(env.now());
    }
  }
  void pass(std::int64_t ms) {
    for (const auto until = env.now() + std::chrono::milliseconds(ms); env.now() < until;) {
      const auto next = std::min(timers.next().value_or(until), until);
      if (next > env.now()) env.advance(next - env.now());
      turn();
    }
  }

  /// The error of the one partition; nullopt: not answered.
  std::optional<ErrorCode> commit(const Commit& with, bool take_turn = true) {
    kafka::OffsetCommitRequest request;
    request.group_id = with.group;
    request.member_id = with.member_id;
    request.generation_id_or_member_epoch = with.generation;
    request.retention_time_ms = with.retention_ms;
    kafka::OffsetCommitRequestTopic& topic = request.topics.emplace_back();
    topic.name = with.topic;
    if (with.version >= 10) {
      const auto found = store.find_topic(with.topic);
      topic.topic_id = found ? found->id : Uuid::from_random(9, 9);
    }
    topic.partitions.push_back({.partition = with.partition,
                                .committed_offset = with.offset,
                                .committed_metadata = with.metadata});
    auto error = std::make_shared<std::optional<ErrorCode>>();
    coordinator->commit(request, with.version, [error](const kafka::OffsetCommitResponse& answer) {
      *error = answer.topics.at(0).partitions.at(0).error_code;
    });
    if (take_turn) turn();
    return *error;
  }

  kafka::OffsetFetchResponsePartition fetch(const std::string& group, std::int32_t partition = 0,
                                            const std::string& topic = "orders") {
    kafka::OffsetFetchRequestGroup request;
    request.group_id = group;
    request.topics = {{.name = topic, .partition_indexes = {partition}}};
    kafka::OffsetFetchResponsePartition found;
    found.committed_offset = -2;
    coordinator->fetch(request, 8, [&](const kafka::OffsetFetchResponseGroup& answer) {
      found = answer.topics.at(0).partitions.at(0);
    });
    turn();
    return found;
  }
  std::int64_t offset_of(const std::string& group, std::int32_t partition = 0) {
    return fetch(group, partition).committed_offset;
  }

  ErrorCode delete_group(const std::string& group) {
    std::optional<ErrorCode> error;
    coordinator->delete_group(group, [&](ErrorCode answer) { error = answer; });
    turn();
    return error.value_or(kUnknownServerError);
  }

  struct Member {
    std::string id;
    std::int32_t generation = 0;
  };
  /// A stable group with one consumer of "orders".
  Member make_stable(const std::string& group) {
    const std::string metadata("\0\1\0\0\0\1\0\6orders\0\0\0\0", 18);
    kafka::JoinGroupRequest request;
    request.group_id = group;
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 10'000;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", as_bytes(metadata)});
    Member member;
    coordinator->join({.request = request, .version = 3, .client_id = "c", .client_host = "/h"},
                      [&](const kafka::JoinGroupResponse& answer) {
                        member = {answer.member_id, answer.generation_id};
                      });
    pass(settings.initial_delay_ms + 1);
    kafka::SyncGroupRequest sync;
    sync.group_id = group;
    sync.member_id = member.id;
    sync.generation_id = member.generation;
    sync.assignments.push_back({member.id, as_bytes("mine")});
    std::string assigned;
    coordinator->sync(sync, [&](const kafka::SyncGroupResponse& answer) {
      assigned = as_text(answer.assignment);
    });
    turn();
    EXPECT_EQ(assigned, "mine");
    return member;
  }
  ErrorCode heartbeat(const std::string& group, const Member& member) {
    kafka::HeartbeatRequest request;
    request.group_id = group;
    request.member_id = member.id;
    request.generation_id = member.generation;
    return coordinator->heartbeat(request);
  }
  void leave(const std::string& group, const Member& member) {
    kafka::LeaveGroupRequest request;
    request.group_id = group;
    request.members.push_back({.member_id = member.id});
    coordinator->leave(request, [](const kafka::LeaveGroupResponse& answer) {
      EXPECT_EQ(answer.members.at(0).error_code, kNone);
    });
    turn();
  }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    for (const auto& group : coordinator->list({})) names.push_back(group.group_id);
    return names;
  }

  GroupSettings settings;
  SimEnv env;
  test::FakeStore store;
  server::TimerQueue timers;
  std::unique_ptr<Coordinator> coordinator;
};

using CoordinatorOffsets = Bench;
using CoordinatorGroups = Bench;
using CoordinatorRetention = Bench;

// --- offsets

TEST_F(CoordinatorOffsets, ACommitIsAnsweredWhenItIsDurableAndSurvivesARestart) {
  store.hold(true);
  EXPECT_EQ(commit({.offset = 7, .metadata = "here"}), std::nullopt);
  store.hold(false);
  turn();
  EXPECT_EQ(offset_of("g"), 7);
  EXPECT_EQ(commit({.offset = 9, .metadata = "there"}), kNone);
  restart();
  const auto found = fetch("g");
  EXPECT_EQ(found.committed_offset, 9);
  EXPECT_EQ(found.metadata, "there");
}

TEST_F(CoordinatorOffsets, AFetchBehindACommitSeesIt) {
  EXPECT_EQ(commit({.offset = 3}), kNone);
  EXPECT_EQ(commit({.offset = 4}, false), std::nullopt);
  EXPECT_EQ(offset_of("g"), 4);
}

TEST_F(CoordinatorOffsets, ARefusedWriteLeavesTheOldOffset) {
  EXPECT_EQ(commit({.offset = 3}), kNone);
  store.fail_appends(Code::kNoSpace);
  EXPECT_EQ(commit({.offset = 4}), kCoordinatorNotAvailable);
  store.fail_appends(std::nullopt);
  EXPECT_EQ(offset_of("g"), 3);
  restart();
  EXPECT_EQ(offset_of("g"), 3);
}

TEST_F(CoordinatorOffsets, EachPartitionHasItsOwnError) {
  EXPECT_EQ(commit({.topic = "nowhere"}), kUnknownTopicOrPartition);
  EXPECT_EQ(commit({.topic = "nowhere", .version = 10}), kUnknownTopicId);
  EXPECT_EQ(commit({.partition = 3}), kUnknownTopicOrPartition);
  EXPECT_EQ(commit({.metadata = std::string(4'097, 'x')}), kOffsetMetadataTooLarge);
  EXPECT_EQ(commit({.offset = 5, .metadata = std::string(4'096, 'x')}), kNone);
  EXPECT_EQ(commit({.offset = 6, .version = 10}), kNone);
  EXPECT_EQ(offset_of("g"), 6);
}

TEST_F(CoordinatorOffsets, AMemberOfAGroupThatIsNotThereIsRefused) {
  EXPECT_EQ(commit({.generation = 3, .version = 8}), kIllegalGeneration);
  EXPECT_EQ(commit({.generation = 3, .version = 9}), kGroupIdNotFound);
  EXPECT_TRUE(listed().empty());
}

TEST_F(CoordinatorOffsets, AnUnknownGroupHasNoOffsetsAndNoError) {
  const auto found = fetch("never seen");
  EXPECT_EQ(found.committed_offset, -1);
  EXPECT_EQ(found.error_code, kNone);
}

TEST_F(CoordinatorOffsets, AllOffsetsOfAGroupAreGivenForANullList) {
  for (std::int32_t i = 0; i < 3; ++i) EXPECT_EQ(commit({.partition = i, .offset = i}), kNone);
  kafka::OffsetFetchRequestGroup request;
  request.group_id = "g";
  request.topics.reset();
  kafka::OffsetFetchResponseGroup found;
  coordinator->fetch(request, 8,
                     [&](kafka::OffsetFetchResponseGroup answer) { found = std::move(answer); });
  ASSERT_EQ(found.topics.size(), 1U);
  EXPECT_EQ(found.topics[0].partitions.size(), 3U);
}

TEST_F(CoordinatorOffsets, TheyGoWithTheirTopicAndDoNotComeBackWithItsName) {
  EXPECT_EQ(commit({.offset = 3}), kNone);
  ASSERT_TRUE(store.delete_topic(store.find_topic("orders")->id));
  ASSERT_TRUE(store.create_topic({.name = "orders", .partition_count = 3}));
  EXPECT_EQ(offset_of("g"), -1) << "also if the service died before the tombstones";
  coordinator->on_topic_deleted("orders");
  turn();
  restart();
  EXPECT_TRUE(listed().empty());
}

TEST_F(CoordinatorOffsets, DeletingThemIsRefusedForATopicThatAMemberReads) {
  const Member member = make_stable("g");
  EXPECT_EQ(commit({.offset = 3, .member_id = member.id, .generation = member.generation}), kNone);
  const auto erase = [&](const std::string& group) {
    kafka::OffsetDeleteRequest request;
    request.group_id = group;
    request.topics = {{.name = "orders", .partitions = {{0}}}};
    kafka::OffsetDeleteResponse response;
    coordinator->delete_offsets(request, [&](const auto& answer) { response = answer; });
    turn();
    return response;
  };
  EXPECT_EQ(erase("nobody").error_code, kGroupIdNotFound);
  EXPECT_EQ(erase("").error_code, kInvalidGroupId);
  EXPECT_EQ(erase("g").topics.at(0).partitions.at(0).error_code, kGroupSubscribedToTopic);
  leave("g", member);
  EXPECT_EQ(erase("g").topics.at(0).partitions.at(0).error_code, kNone);
  EXPECT_EQ(offset_of("g"), -1);
  restart();
  EXPECT_EQ(offset_of("g"), -1);
}

// --- groups

TEST_F(CoordinatorGroups, WhatAJoinMustHaveIsChecked) {
  const auto join = [&](const std::string& group, std::int32_t session_ms, std::size_t bytes) {
    const std::string metadata(bytes, 'm');
    kafka::JoinGroupRequest request;
    request.group_id = group;
    request.session_timeout_ms = session_ms;
    request.protocol_type = "connect";
    request.protocols.push_back({"compatible", as_bytes(metadata)});
    ErrorCode error = kUnknownServerError;
    coordinator->join({.request = request, .version = 4, .client_id = "c", .client_host = "/h"},
                      [&](const kafka::JoinGroupResponse& answer) { error = answer.error_code; });
    return error;
  };
  EXPECT_EQ(join("", 10'000, 10), kInvalidGroupId);
  EXPECT_EQ(join("g", 5'999, 10), kInvalidSessionTimeout);
  EXPECT_EQ(join("g", 1'800'001, 10), kInvalidSessionTimeout);
  EXPECT_EQ(join("g", 10'000, settings.member_bytes_max), kGroupMaxSizeReached);
  EXPECT_TRUE(listed().empty());
  EXPECT_EQ(join("g", 10'000, 10), kMemberIdRequired);
}

TEST_F(CoordinatorGroups, AStableGroupGoesOnAfterARestart) {
  const Member member = make_stable("g");
  restart();
  EXPECT_EQ(heartbeat("g", member), kNone);
  const auto described = coordinator->describe("g", 6);
  EXPECT_EQ(described.group_state, "Stable");
  EXPECT_EQ(as_text(described.members.at(0).member_assignment), "mine");
  pass(10'001);
  EXPECT_EQ(heartbeat("g", member), kUnknownMemberId);
}

TEST_F(CoordinatorGroups, ItIsKeptInThePartitionThatKafkaWouldChoose) {
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("grüße-世界-😀"), java_hash("grüße-世界-😀"));
  EXPECT_EQ(commit({.group = "hello", .offset = 1}), kNone);
  const auto topic = store.find_topic(kOffsetsTopicName);
  ASSERT_TRUE(topic->internal);
  EXPECT_EQ(store.ends({topic->id, 99162322 % 50})->end, Offset(1));
}

TEST_F(CoordinatorGroups, OneThatIsEmptyCanBeDeletedWithItsOffsets) {
  EXPECT_EQ(delete_group("g"), kGroupIdNotFound);
  const Member member = make_stable("g");
  EXPECT_EQ(commit({.offset = 3, .member_id = member.id, .generation = member.generation}), kNone);
  EXPECT_EQ(delete_group("g"), kNonEmptyGroup);
  leave("g", member);
  EXPECT_EQ(delete_group("g"), kNone);
  EXPECT_EQ(offset_of("g"), -1);
  EXPECT_TRUE(listed().empty());
  restart();
  EXPECT_TRUE(listed().empty());
}

TEST_F(CoordinatorGroups, ADeletionWaitsForTheCommitBeforeIt) {
  EXPECT_EQ(commit({.offset = 3}, false), std::nullopt);
  EXPECT_EQ(delete_group("g"), kNone);
  restart();
  EXPECT_EQ(offset_of("g"), -1);
}

TEST_F(CoordinatorGroups, OneThatNeverWasAnythingIsForgotten) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(commit({.group = "g" + std::to_string(i), .topic = "nowhere"}),
              kUnknownTopicOrPartition);
  }
  EXPECT_EQ(coordinator->group_count(), 0U);
}

TEST_F(CoordinatorGroups, ListsAreFilteredByStateAndType) {
  (void)make_stable("busy");
  EXPECT_EQ(commit({.group = "idle", .offset = 1}), kNone);
  EXPECT_EQ(coordinator->list({.states_filter = {"stable"}}).at(0).group_id, "busy");
  EXPECT_EQ(coordinator->list({.states_filter = {"Empty"}}).at(0).group_id, "idle");
  EXPECT_EQ(coordinator->list({.types_filter = {"Classic"}}).size(), 2U);
  EXPECT_TRUE(coordinator->list({.types_filter = {"consumer"}}).empty());
}

TEST_F(CoordinatorGroups, AnUnknownOneIsDescribedAsDead) {
  EXPECT_EQ(coordinator->describe("nobody", 5).group_state, "Dead");
  EXPECT_EQ(coordinator->describe("nobody", 5).error_code, kNone);
  EXPECT_EQ(coordinator->describe("nobody", 6).error_code, kGroupIdNotFound);
}

TEST_F(CoordinatorGroups, ADrainAnswersEverybody) {
  kafka::JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.protocol_type = "consumer";
  request.protocols.push_back({"range", {}});
  ErrorCode error = kNone;
  coordinator->join({.request = request, .version = 0, .client_id = "c", .client_host = "/h"},
                    [&](const kafka::JoinGroupResponse& answer) { error = answer.error_code; });
  EXPECT_EQ(error, kNone);
  coordinator->drain();
  EXPECT_EQ(error, kCoordinatorNotAvailable);
  EXPECT_EQ(commit({.offset = 1}), kCoordinatorNotAvailable);
}

// --- retention

TEST_F(CoordinatorRetention, OffsetsOfNobodyExpireAWeekAfterTheirCommit) {
  EXPECT_EQ(commit({.group = "lone", .offset = 3}), kNone);
  pass(settings.retention_ms - 1'000'000);
  EXPECT_EQ(offset_of("lone"), 3);
  pass(2'000'000);
  EXPECT_EQ(offset_of("lone"), -1);
  EXPECT_TRUE(listed().empty());
  restart();
  EXPECT_TRUE(listed().empty());
}

TEST_F(CoordinatorRetention, OffsetsOfAGroupCountFromWhenItBecameEmpty) {
  settings.session_ms_max = 1'000'000'000;
  settings.retention_ms = 3'600'000;
  restart();
  const Member member = make_stable("g");
  EXPECT_EQ(commit({.offset = 3, .member_id = member.id, .generation = member.generation}), kNone);
  for (int i = 0; i < 1'500; ++i) {
    pass(5'000);
    ASSERT_EQ(heartbeat("g", member), kNone);
  }
  EXPECT_EQ(offset_of("g"), 3) << "in use for twice the retention";
  leave("g", member);
  pass(settings.retention_ms - 700'000);
  EXPECT_EQ(offset_of("g"), 3);
  pass(1'400'000);
  EXPECT_EQ(offset_of("g"), -1);
}

TEST_F(CoordinatorRetention, ACommitMayBringItsOwn) {
  EXPECT_EQ(commit({.group = "short", .offset = 3, .retention_ms = 1'000, .version = 4}), kNone);
  restart();
  EXPECT_EQ(offset_of("short"), 3);
  pass(settings.retention_check_ms + 1);
  EXPECT_EQ(offset_of("short"), -1);
}

}  // namespace
}  // namespace stele::groups
