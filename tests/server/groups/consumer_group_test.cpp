// KIP-848 by rule, with the time set: joining, following, reconciling, leaving.
#include <gtest/gtest.h>

#include "tests/server/groups/consumer_group_fixture.h"

namespace stele::groups {
namespace {

using Held = std::set<TopicPartition>;

class ConsumerGroupJoin : public ConsumerGroupTest {};

TEST_F(ConsumerGroupJoin, FirstMemberIsGivenEverythingAtOnce) {
  topics.set("orders", 3);
  Client a{.id = "a", .names = {"orders"}};
  const Response response = beat(a);
  EXPECT_EQ(response.error_code, ErrorCode::kNone);
  EXPECT_EQ(response.member_id, "a");
  EXPECT_EQ(response.member_epoch, 2) << "Kafka's groups begin in epoch 1";
  EXPECT_EQ(response.heartbeat_interval_ms, 5'000);
  EXPECT_EQ(a.held, (Held{place("orders", 0), place("orders", 1), place("orders", 2)}));
  EXPECT_EQ(group->phase(), "Stable");
}

TEST_F(ConsumerGroupJoin, VersionZeroGetsAnIdFromTheService) {
  topics.set("orders", 1);
  Client a{.id = "", .names = {"orders"}};
  EXPECT_EQ(send(a.request(), 1).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(send(a.request(), 0).member_id, topic_id(77).text());
}

TEST_F(ConsumerGroupJoin, MemberOfNothingIsInTheGroupWithNothing) {
  Client a{.id = "a", .names = {"missing"}};
  const Response response = beat(a);
  EXPECT_EQ(response.error_code, ErrorCode::kNone);
  ASSERT_TRUE(response.assignment);
  EXPECT_TRUE(response.assignment->topic_partitions.empty());
  EXPECT_GT(response.member_epoch, 0);
}

TEST_F(ConsumerGroupJoin, UnfitRequestsAreRefusedInKafkasWords) {
  const Client good{.id = "a", .names = {"orders"}};
  struct Case {
    const char* name;
    std::function<void(Request&)> spoil;
    ErrorCode code;
  };
  const Case cases[] = {
      {"no group", [](Request& r) { r.group_id = " "; }, ErrorCode::kInvalidRequest},
      {"no member id", [](Request& r) { r.member_id = ""; }, ErrorCode::kInvalidRequest},
      {"blank instance id", [](Request& r) { r.instance_id = ""; }, ErrorCode::kInvalidRequest},
      {"blank rack", [](Request& r) { r.rack_id = " "; }, ErrorCode::kInvalidRequest},
      {"no rebalance timeout", [](Request& r) { r.rebalance_timeout_ms = -1; },
       ErrorCode::kInvalidRequest},
      {"no partitions", [](Request& r) { r.topic_partitions.reset(); }, ErrorCode::kInvalidRequest},
      {"partitions on joining", [](Request& r) { r.topic_partitions->emplace_back(); },
       ErrorCode::kInvalidRequest},
      {"no subscription",
       [](Request& r) { r.subscribed_topic_names.reset(), r.subscribed_topic_regex.reset(); },
       ErrorCode::kInvalidRequest},
      {"epoch -3", [](Request& r) { r.member_epoch = -3; }, ErrorCode::kInvalidRequest},
      {"-2 without instance id", [](Request& r) { r.member_epoch = -2; },
       ErrorCode::kInvalidRequest},
      {"assignor", [](Request& r) { r.server_assignor = "sticky"; },
       ErrorCode::kUnsupportedAssignor},
      {"expression", [](Request& r) { r.subscribed_topic_regex = "a("; },
       ErrorCode::kInvalidRegularExpression},
      {"leaving unknown", [](Request& r) { r.member_epoch = -1; }, ErrorCode::kUnknownMemberId},
      {"following unknown", [](Request& r) { r.member_epoch = 5; }, ErrorCode::kUnknownMemberId},
      {"unknown instance id", [](Request& r) { r.member_epoch = 5, r.instance_id = "i"; },
       ErrorCode::kUnknownMemberId},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Request request = good.request();
    c.spoil(request);
    const Response response = send(request);
    EXPECT_EQ(response.error_code, c.code);
    EXPECT_TRUE(response.error_message && !response.error_message->empty());
    EXPECT_TRUE(group->is_blank()) << "a refusal leaves nothing behind";
  }
}

TEST_F(ConsumerGroupJoin, FullGroupTakesNobodyNew) {
  config.member_count_max = 1;
  make();
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  EXPECT_EQ(beat(b).error_code, ErrorCode::kGroupMaxSizeReached);
  EXPECT_EQ(beat(a).error_code, ErrorCode::kNone);
}

TEST_F(ConsumerGroupJoin, MemberThatLostItsPlaceRejoinsUnderItsIdAndKeepsItsPartitions) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}};
  beat(a);
  const Held before = a.held;
  a.rejoin();
  beat(a);
  EXPECT_EQ(a.held, before);
  EXPECT_EQ(group->member_count(), 1U);
}

class ConsumerGroupFollow : public ConsumerGroupTest {};

TEST_F(ConsumerGroupFollow, QuietHeartbeatChangesAndWritesNothing) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}};
  settle({&a});
  const Response response = beat(a);
  EXPECT_EQ(response.error_code, ErrorCode::kNone);
  EXPECT_FALSE(response.assignment) << "null: as before";
  EXPECT_EQ(record_count, 0U);
}

TEST_F(ConsumerGroupFollow, FullRequestIsToldTheWholeAssignment) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}};
  settle({&a});
  Request full = a.request();
  full.rebalance_timeout_ms = a.rebalance_timeout_ms;
  full.subscribed_topic_names.emplace(a.names.begin(), a.names.end());
  full.topic_partitions = a.owned();
  const Response response = send(full);
  ASSERT_TRUE(response.assignment);
  EXPECT_EQ(response.assignment->topic_partitions.at(0).partitions, (std::vector{0, 1}));
  EXPECT_EQ(record_count, 0U);
}

TEST_F(ConsumerGroupFollow, EpochsBehindAndAheadAreFenced) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}};
  settle({&a});
  Request request = a.request();
  request.member_epoch = a.epoch + 1;
  EXPECT_EQ(send(request).error_code, ErrorCode::kFencedMemberEpoch);
  request.member_epoch = a.epoch - 1;
  EXPECT_EQ(send(request).error_code, ErrorCode::kFencedMemberEpoch);
}

TEST_F(ConsumerGroupFollow, LostAnswerIsRepeatedToTheEpochBefore) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);  // is told to give one up
  const Response lost = send(a.request());
  ASSERT_EQ(lost.member_epoch, a.epoch + 1);
  Request retry = a.request();  // still in the old epoch; says what it holds
  EXPECT_EQ(send(retry).member_epoch, lost.member_epoch);
  retry.topic_partitions.reset();
  EXPECT_EQ(send(retry).error_code, ErrorCode::kFencedMemberEpoch)
      << "without its partitions nobody can tell what it knows";
}

TEST_F(ConsumerGroupFollow, NullFieldsMeanUnchanged) {
  topics.set("orders", 2);
  Client a{.id = "a", .instance_id = "i", .names = {"orders"}, .assignor = "range"};
  beat(a);
  Request bare{.group_id = "g", .member_id = "a", .member_epoch = a.epoch};
  EXPECT_EQ(send(bare).error_code, ErrorCode::kNone);
  const ConsumerMember& member = *group->state().find("a");
  EXPECT_EQ(member.profile.instance_id, "i");
  EXPECT_EQ(member.profile.server_assignor, "range");
  EXPECT_EQ(member.profile.rebalance_timeout_ms, 60'000);
  EXPECT_EQ(member.subscription->topic_names, std::vector<std::string>{"orders"});
}

TEST_F(ConsumerGroupFollow, AssignorOfTheMostIsTaken) {
  topics.set("x", 2);
  topics.set("y", 2);
  Client a{.id = "a", .names = {"x", "y"}, .assignor = "range"};
  Client b{.id = "b", .names = {"x", "y"}, .assignor = "range"};
  Client c{.id = "c", .names = {"x", "y"}, .assignor = "uniform"};
  settle({&a, &b, &c});
  EXPECT_EQ(group->describe().assignor_name, "range");
  EXPECT_EQ(a.held, (Held{place("x", 0), place("y", 0)}));
  leave(a);
  settle({&b, &c});
  EXPECT_EQ(group->describe().assignor_name, "uniform") << "a draw";
}

TEST_F(ConsumerGroupFollow, AssignmentsAreAtLeastAnIntervalApart) {
  config.assignment_interval_ms = 1'000;
  make();
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  pass(std::chrono::milliseconds(200));
  const Response response = beat(b);
  EXPECT_EQ(group->phase(), "Assigning");
  EXPECT_TRUE(b.held.empty());
  EXPECT_EQ(response.member_epoch, a.epoch);
  EXPECT_EQ(response.heartbeat_interval_ms, 800) << "worth asking again then";
  pass(std::chrono::milliseconds(800));
  beat(a);
  EXPECT_EQ(group->phase(), "Reconciling");
  settle({&a, &b});
  EXPECT_EQ(b.held.size(), 1U);
}

TEST_F(ConsumerGroupFollow, WaitingMemberIsAskedToComeBackSooner) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  EXPECT_EQ(beat(b).heartbeat_interval_ms, 500);
  config.waiting_interval_ms = 0;
  group->set_config(config);
  EXPECT_EQ(beat(b).heartbeat_interval_ms, 5'000);
}

class ConsumerGroupReconcile : public ConsumerGroupTest {};

TEST_F(ConsumerGroupReconcile, PartitionIsHandedOverOnlyAfterItsOwnerConfirms) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  const std::int32_t first_epoch = a.epoch;
  beat(b);
  EXPECT_TRUE(b.held.empty());
  EXPECT_EQ(progress("b").state, MemberState::kUnreleased);
  EXPECT_EQ(b.epoch, first_epoch + 1) << "who gives nothing up is in the new epoch at once";

  beat(a);
  EXPECT_EQ(a.held.size(), 1U) << "told to give one up";
  EXPECT_EQ(a.epoch, first_epoch) << "and stays in its epoch until it has";
  EXPECT_EQ(progress("a").state, MemberState::kUnrevoked);
  beat(b);
  EXPECT_TRUE(b.held.empty()) << "not confirmed yet";

  beat(a);  // reports what it holds now
  EXPECT_EQ(a.epoch, first_epoch + 1);
  beat(b);
  EXPECT_EQ(b.held.size(), 1U);
  EXPECT_EQ(group->phase(), "Stable");
}

TEST_F(ConsumerGroupReconcile, SilenceIsNoConfirmation) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);
  a.reports = false;
  beat(a);
  EXPECT_EQ(progress("a").state, MemberState::kUnrevoked);
  beat(b);
  EXPECT_TRUE(b.held.empty());
}

TEST_F(ConsumerGroupReconcile, TargetMayChangeWhileAMemberGivesUp) {
  topics.set("orders", 4);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);  // told to give two up
  leave(b);
  beat(a);  // has given them up, and everything is its own again
  EXPECT_EQ(a.held.size(), 4U);
  EXPECT_EQ(group->phase(), "Stable");
}

TEST_F(ConsumerGroupReconcile, DroppedTopicsGoAtOnceEvenBeforeTheNextAssignment) {
  config.assignment_interval_ms = 1'000;
  make();
  topics.set("x", 1);
  topics.set("y", 1);
  Client a{.id = "a", .names = {"x", "y"}};
  beat(a);
  a.names = {"x"};
  a.resubscribes = true;
  beat(a);
  EXPECT_EQ(group->phase(), "Assigning");
  EXPECT_EQ(a.held, Held{place("x", 0)});
}

TEST_F(ConsumerGroupReconcile, NewTopicsAndPartitionsAreSeenAtTheNextHeartbeat) {
  topics.set("orders", 1);
  Client a{.id = "a", .names = {"orders", "later"}};
  settle({&a});
  topics.set("orders", 3);
  topics_changed("orders");
  beat(a);
  EXPECT_EQ(a.held.size(), 3U);
  topics.set("later", 2);
  topics_changed("later");
  beat(a);
  EXPECT_EQ(a.held.size(), 5U);
  const std::int32_t epoch = a.epoch;
  topics.set("strange", 2);
  topics_changed("strange");
  settle({&a});
  EXPECT_EQ(a.epoch, epoch) << "nothing to the group";
}

TEST_F(ConsumerGroupReconcile, DeletedTopicsAreTakenAwayAndARecreatedOneIsAnother) {
  topics.set("x", 1);
  topics.set("y", 1);
  Client a{.id = "a", .names = {"x", "y"}};
  settle({&a});
  const TopicPartition old_y = place("y", 0);
  topics.remove("y");
  topics_changed("y");
  settle({&a});
  EXPECT_EQ(a.held, Held{place("x", 0)});
  topics.set("y", 1);
  topics_changed("y");
  settle({&a});
  EXPECT_EQ(a.held, (Held{place("x", 0), place("y", 0)}));
  EXPECT_NE(place("y", 0), old_y);
}

class ConsumerGroupLeave : public ConsumerGroupTest {};

TEST_F(ConsumerGroupLeave, LeaversPartitionsGoToTheOthers) {
  topics.set("orders", 4);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  settle({&a, &b});
  const Response response = leave(b);
  EXPECT_EQ(response.member_id, "b");
  EXPECT_EQ(response.member_epoch, kLeaveEpoch);
  beat(a);
  EXPECT_EQ(a.held.size(), 4U);
  EXPECT_EQ(beat(b).error_code, ErrorCode::kUnknownMemberId);
}

TEST_F(ConsumerGroupLeave, LastLeaverLeavesAnEmptyGroupThatCanBeErased) {
  topics.set("orders", 1);
  Client a{.id = "a", .names = {"orders"}, .regex = "o.*"};
  settle({&a});
  leave(a);
  EXPECT_EQ(group->phase(), "Empty");
  EXPECT_FALSE(group->is_blank());
  EXPECT_FALSE(group->next_deadline());
  group->erase(log);
  EXPECT_TRUE(group->is_blank());
  reload();
  EXPECT_TRUE(group->is_blank());
}

TEST_F(ConsumerGroupLeave, SilentMemberIsTakenOutWhenItsSessionIsOver) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  settle({&a, &b});
  pass(std::chrono::seconds(30));
  beat(a);
  pass(std::chrono::seconds(14));
  expire();
  EXPECT_EQ(group->member_count(), 2U);
  pass(std::chrono::seconds(1));
  EXPECT_LE(*group->next_deadline(), clock.steady);
  expire();
  EXPECT_EQ(group->member_count(), 1U);
  EXPECT_GT(*group->next_deadline(), clock.steady);
  EXPECT_EQ(beat(b).error_code, ErrorCode::kUnknownMemberId);
  beat(a);
  EXPECT_EQ(a.held.size(), 2U);
}

TEST_F(ConsumerGroupLeave, WhoHoldsOnToPartitionsIsTakenOutAfterItsRebalanceTimeout) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}, .rebalance_timeout_ms = 10'000};
  Client b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);
  for (int second = 0; second < 10; ++second) {
    a.reports = false;  // alive, but it gives nothing up
    EXPECT_EQ(beat(a).error_code, ErrorCode::kNone);
    beat(b);
    pass(std::chrono::seconds(1));
    expire();
  }
  EXPECT_EQ(beat(a).error_code, ErrorCode::kUnknownMemberId);
  beat(b);
  EXPECT_EQ(b.held.size(), 2U);
}

TEST_F(ConsumerGroupLeave, WhoGaveUpInTimeIsNotTakenOut) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}, .rebalance_timeout_ms = 10'000};
  Client b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);
  pass(std::chrono::seconds(9));
  settle({&a, &b});
  pass(std::chrono::seconds(9));
  expire();
  EXPECT_EQ(group->member_count(), 2U);
}

TEST_F(ConsumerGroupLeave, AdministratorTakesMembersOutByMemberOrInstanceId) {
  topics.set("orders", 4);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .instance_id = "i", .names = {"orders"}};
  Client c{.id = "c", .instance_id = "j", .names = {"orders"}};
  settle({&a, &b, &c});
  kafka::LeaveGroupRequest request{.group_id = "g"};
  request.members = {{.member_id = "a"},
                     {.member_id = "nobody"},
                     {.member_id = "", .group_instance_id = "i"},
                     {.member_id = "x", .group_instance_id = "j"},
                     {.member_id = "", .group_instance_id = "k"}};
  const kafka::LeaveGroupResponse response = group->remove(request, log);
  std::vector<ErrorCode> codes;
  for (const kafka::LeaveGroupResponseMember& member : response.members) {
    codes.push_back(member.error_code);
  }
  EXPECT_EQ(codes, (std::vector{ErrorCode::kNone, ErrorCode::kUnknownMemberId, ErrorCode::kNone,
                                ErrorCode::kFencedInstanceId, ErrorCode::kUnknownMemberId}));
  settle({&c});
  EXPECT_EQ(c.held.size(), 4U);
  EXPECT_EQ(group->member_count(), 1U);
}

class ConsumerGroupStatic : public ConsumerGroupTest {};

TEST_F(ConsumerGroupStatic, RestartedMemberGetsItsPartitionsBackAndNobodyElseNotices) {
  topics.set("orders", 4);
  Client a{.id = "a1", .instance_id = "i", .names = {"orders"}};
  Client b{.id = "b", .names = {"orders"}};
  settle({&a, &b});
  const Held before = a.held;
  const std::int32_t epoch = b.epoch;
  const Response left = leave(a, kStaticLeaveEpoch);
  EXPECT_EQ(left.member_epoch, kStaticLeaveEpoch);
  settle({&b});
  EXPECT_EQ(b.held.size(), 2U) << "its partitions wait for it";

  Client again{.id = "a2", .instance_id = "i", .names = {"orders"}};
  beat(again);
  EXPECT_EQ(again.held, before);
  EXPECT_EQ(again.epoch, epoch) << "no rebalance";
  EXPECT_EQ(beat(a).error_code, ErrorCode::kFencedInstanceId);
  EXPECT_EQ(group->member_count(), 2U);
}

TEST_F(ConsumerGroupStatic, InstanceIdInUseIsNotReleased) {
  topics.set("orders", 1);
  Client a{.id = "a1", .instance_id = "i", .names = {"orders"}};
  Client thief{.id = "a2", .instance_id = "i", .names = {"orders"}};
  beat(a);
  EXPECT_EQ(beat(thief).error_code, ErrorCode::kUnreleasedInstanceId);
  EXPECT_EQ(leave(thief).error_code, ErrorCode::kFencedInstanceId);
  EXPECT_EQ(beat(a).error_code, ErrorCode::kNone);
}

TEST_F(ConsumerGroupStatic, MemberThatDoesNotComeBackIsTakenOutAfterItsSession) {
  topics.set("orders", 2);
  Client a{.id = "a1", .instance_id = "i", .names = {"orders"}};
  beat(a);
  leave(a, kStaticLeaveEpoch);
  pass(std::chrono::seconds(45));
  expire();
  EXPECT_EQ(group->phase(), "Empty");
}

TEST_F(ConsumerGroupStatic, PartitionsThatALeaverWasGivingUpAreFree) {
  topics.set("orders", 2);
  Client a{.id = "a1", .instance_id = "i", .names = {"orders"}};
  Client b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);
  leave(a, kStaticLeaveEpoch);
  beat(b);
  EXPECT_EQ(b.held.size(), 1U);
  Client again{.id = "a2", .instance_id = "i", .names = {"orders"}};
  settle({&again, &b});
  EXPECT_EQ(again.held.size(), 1U);
  EXPECT_EQ(b.held.size(), 1U);
}

}  // namespace
}  // namespace stele::groups
