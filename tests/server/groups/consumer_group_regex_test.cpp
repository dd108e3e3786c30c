// Server-side regular expressions, commits and fetches by epoch, descriptions, restarts.
#include <gtest/gtest.h>

#include "server/groups/topic_pattern.h"
#include "tests/server/groups/consumer_group_fixture.h"

namespace stele::groups {
namespace {

TEST(TopicPattern, MatchesWholeNamesInTheSyntaxOfRe2) {
  struct Case {
    const char* expression;
    const char* topic_name;
    bool matches;
  };
  for (const Case& c :
       {Case{"orders", "orders", true}, Case{"orders", "orders-2", false},
        Case{"orders.*", "orders-2", true}, Case{"a|bc", "bc", true}, Case{"(?i)ORD", "ord", true},
        Case{"\\d+", "42", true}, Case{"", "x", false}, Case{"[[:alpha:]]+", "abc", true}}) {
    const auto pattern = TopicPattern::compile(c.expression);
    ASSERT_TRUE(pattern) << pattern.error().text();
    EXPECT_EQ(pattern->matches(c.topic_name), c.matches) << c.expression << " " << c.topic_name;
  }
}

TEST(TopicPattern, RefusesWhatIsNoExpressionOrTooLarge) {
  for (const char* bad : {"a(", "*a", "(?=a)", "\\1", "a{1001}", "((((x{200}){200}){200}){200})"}) {
    const auto pattern = TopicPattern::compile(bad);
    ASSERT_FALSE(pattern) << bad;
    EXPECT_EQ(pattern.error().code, Code::kInvalid);
    EXPECT_FALSE(pattern.error().detail.empty());
  }
}

class ConsumerGroupRegex : public ConsumerGroupTest {};

TEST_F(ConsumerGroupRegex, MatchingTopicsAreAssigned) {
  topics.set("orders-1", 2);
  topics.set("orders-2", 1);
  topics.set("bills", 3);
  Client a{.id = "a", .regex = "orders-.*"};
  beat(a);
  EXPECT_EQ(a.held.size(), 3U);
  EXPECT_TRUE(group->subscribes_to("orders-1"));
  EXPECT_FALSE(group->subscribes_to("bills"));
  EXPECT_EQ(group->state().regexes().at("orders-.*").topics,
            (std::vector<std::string>{"orders-1", "orders-2"}));
}

TEST_F(ConsumerGroupRegex, NamesAndExpressionAddUp) {
  topics.set("orders-1", 1);
  topics.set("bills", 1);
  Client a{.id = "a", .names = {"bills", "orders-1"}, .regex = "orders-.*"};
  beat(a);
  EXPECT_EQ(a.held.size(), 2U);
}

TEST_F(ConsumerGroupRegex, TopicsThatComeAndGoAreFollowed) {
  topics.set("orders-1", 1);
  Client a{.id = "a", .regex = "orders-.*"};
  settle({&a});
  topics.set("orders-2", 1);
  topics.set("bills", 1);
  topics_changed("orders-2");
  topics_changed("bills");
  settle({&a});
  EXPECT_EQ(a.held, (std::set{place("orders-1", 0), place("orders-2", 0)}));
  topics.remove("orders-1");
  topics_changed("orders-1");
  settle({&a});
  EXPECT_EQ(a.held, std::set{place("orders-2", 0)});
}

TEST_F(ConsumerGroupRegex, ChangesDuringADowntimeAreSeen) {
  topics.set("orders-1", 1);
  Client a{.id = "a", .regex = "orders-.*"};
  settle({&a});
  topics.set("orders-2", 1);
  reload();
  settle({&a});
  EXPECT_EQ(a.held.size(), 2U);
}

TEST_F(ConsumerGroupRegex, ManyChangesAtOnceAreSeen) {
  Client a{.id = "a", .regex = "t.*"};
  topics.set("t", 1);
  settle({&a});
  for (int i = 0; i < 1'500; ++i) {
    const std::string topic_name = "t" + std::to_string(i);
    topics.set(topic_name, 1);
    topics_changed(topic_name);
  }
  settle({&a});
  EXPECT_EQ(a.held.size(), 1'501U);
}

TEST_F(ConsumerGroupRegex, ExpressionIsForgottenWithItsLastMember) {
  topics.set("orders-1", 2);
  Client a{.id = "a", .regex = "orders-.*"}, b{.id = "b", .regex = "orders-.*"};
  settle({&a, &b});
  EXPECT_EQ(b.held.size(), 1U);
  leave(a);
  EXPECT_EQ(group->state().regexes().size(), 1U);
  b.regex = "";
  b.resubscribes = true;
  settle({&b});
  EXPECT_TRUE(group->state().regexes().empty());
  EXPECT_TRUE(b.held.empty());
}

TEST_F(ConsumerGroupRegex, ReplacedExpressionGivesUpWhatItNoLongerMatches) {
  topics.set("x1", 1);
  topics.set("y1", 1);
  Client a{.id = "a", .regex = "x."};
  settle({&a});
  a.regex = "y.";
  a.resubscribes = true;
  settle({&a});
  EXPECT_EQ(a.held, std::set{place("y1", 0)});
}

class ConsumerGroupEpochs : public ConsumerGroupTest {};

TEST_F(ConsumerGroupEpochs, CommitsNeedTheEpochThatAPartitionWasGivenIn) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .names = {"orders"}};
  beat(a);
  const std::int32_t first = a.epoch;
  beat(b);
  beat(a);
  const TopicPartition kept = *a.held.begin();
  const TopicPartition given_up =
      kept == place("orders", 0) ? place("orders", 1) : place("orders", 0);
  const auto check = [&](std::string_view id, std::int32_t epoch, TopicPartition where,
                         std::int16_t version = 9) {
    return group->check_commit(id, epoch, version, std::span(&where, 1));
  };
  EXPECT_EQ(check("a", first, given_up), ErrorCode::kNone) << "still giving it up: last commit";
  settle({&a, &b});
  EXPECT_EQ(check("a", a.epoch, kept), ErrorCode::kNone);
  EXPECT_EQ(check("a", first, kept), ErrorCode::kNone) << "has held it since (KIP-1251)";
  EXPECT_EQ(check("a", first, given_up), ErrorCode::kStaleMemberEpoch) << "a zombie's commit";
  EXPECT_EQ(check("b", b.epoch - 1, given_up), ErrorCode::kStaleMemberEpoch) << "before it had it";
  EXPECT_EQ(check("a", a.epoch + 1, kept), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(check("nobody", a.epoch, kept), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(check("a", a.epoch, kept, 8), ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(check("", -1, kept), ErrorCode::kUnknownMemberId) << "the group has members";
  leave(a);
  leave(b);
  EXPECT_EQ(check("", -1, kept), ErrorCode::kNone) << "nobody is in it: an administrator";
}

TEST_F(ConsumerGroupEpochs, WhatIsBeingGivenUpMayStillBeCommittedInTheEpochItWasGivenIn) {
  topics.set("x", 4);
  Client a{.id = "a", .names = {"x", "y"}}, b{.id = "b", .names = {"x", "y"}};
  beat(a);
  const std::int32_t first = a.epoch;
  topics.set("y", 4);
  topics_changed("y");
  settle({&a});
  beat(b);
  beat(a);
  ASSERT_EQ(progress("a").state, MemberState::kUnrevoked);
  ASSERT_GT(a.epoch, first);
  std::size_t in_time = 0, too_early = 0;
  for (const HeldPartition& held : progress("a").revoking) {
    const bool is_of_x = held.place.topic == place("x", 0).topic;
    ++(is_of_x ? in_time : too_early);
    EXPECT_EQ(group->check_commit("a", first, 9, std::span(&held.place, 1)),
              is_of_x ? ErrorCode::kNone : ErrorCode::kStaleMemberEpoch);
  }
  EXPECT_EQ(in_time + too_early, 4U);
  EXPECT_GT(in_time, 0U);
}

TEST_F(ConsumerGroupEpochs, StaticMemberThatIsAwayMayNotCommitWithItsOldEpoch) {
  topics.set("orders", 1);
  Client a{.id = "a", .instance_id = "i", .names = {"orders"}};
  beat(a);
  leave(a, kStaticLeaveEpoch);
  const TopicPartition where = place("orders", 0);
  EXPECT_EQ(group->check_commit("a", a.epoch, 9, std::span(&where, 1)),
            ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(progress("a").assigned.at(0).epoch, 0)
      << "whoever comes back under the instance id may";
}

TEST_F(ConsumerGroupEpochs, FetchesNeedThePresentEpochOrNoMember) {
  topics.set("orders", 1);
  Client a{.id = "a", .names = {"orders"}};
  beat(a);
  EXPECT_EQ(group->check_fetch("a", a.epoch), ErrorCode::kNone);
  EXPECT_EQ(group->check_fetch("a", a.epoch - 1), ErrorCode::kStaleMemberEpoch);
  EXPECT_EQ(group->check_fetch("b", a.epoch), ErrorCode::kUnknownMemberId);
  EXPECT_EQ(group->check_fetch(std::nullopt, -1), ErrorCode::kNone);
  EXPECT_EQ(group->check_fetch(std::nullopt, 1), ErrorCode::kUnknownMemberId);
}

class ConsumerGroupRestart : public ConsumerGroupTest {};

TEST_F(ConsumerGroupRestart, KeepsTheStateAndGivesEverybodyTheirWholeSession) {
  topics.set("orders", 4);
  Client a{.id = "a", .names = {"orders"}}, b{.id = "b", .instance_id = "i", .regex = "o.*"};
  beat(a);
  beat(b);
  beat(a);  // is giving up
  pass(std::chrono::seconds(40));
  const auto before = std::move(group);
  reload();
  EXPECT_EQ(group->state(), before->state());
  pass(std::chrono::seconds(44));
  expire();
  EXPECT_EQ(group->member_count(), 2U);
  settle({&a, &b});
  EXPECT_EQ(a.held.size() + b.held.size(), 4U);
  EXPECT_EQ(group->phase(), "Stable");
}

TEST_F(ConsumerGroupRestart, StillTakesOutWhoHoldsOnToPartitions) {
  topics.set("orders", 2);
  Client a{.id = "a", .names = {"orders"}, .rebalance_timeout_ms = 10'000};
  Client b{.id = "b", .names = {"orders"}};
  beat(a);
  beat(b);
  beat(a);
  reload();
  pass(std::chrono::seconds(10));
  expire();
  EXPECT_EQ(group->member_count(), 1U);
}

class ConsumerGroupDescription : public ConsumerGroupTest {};

TEST_F(ConsumerGroupDescription, SaysWhatMembersHoldAndAreToHave) {
  topics.set("orders", 2);
  Client a{.id = "a", .instance_id = "i", .names = {"orders"}}, b{.id = "b", .regex = "o.*"};
  beat(a);
  beat(b);
  const kafka::DescribedConsumerGroup described = group->describe();
  EXPECT_EQ(described.group_id, "g");
  EXPECT_EQ(described.group_state, "Reconciling");
  EXPECT_EQ(described.group_epoch, 3);
  EXPECT_EQ(described.assignment_epoch, 3);
  EXPECT_EQ(described.assignor_name, "uniform");
  ASSERT_EQ(described.members.size(), 2U);
  const kafka::DescribedConsumer& first = described.members[0];
  EXPECT_EQ(first.member_id, "a");
  EXPECT_EQ(first.instance_id, "i");
  EXPECT_EQ(first.client_id, "client");
  EXPECT_EQ(first.client_host, "/127.0.0.1");
  EXPECT_EQ(first.member_type, 1);
  EXPECT_EQ(first.subscribed_topic_names, std::vector<std::string>{"orders"});
  EXPECT_EQ(first.subscribed_topic_regex, std::nullopt);
  EXPECT_EQ(first.assignment.topic_partitions.at(0).topic_name, "orders");
  EXPECT_EQ(first.assignment.topic_partitions.at(0).partitions, (std::vector{0, 1}));
  EXPECT_EQ(first.target_assignment.topic_partitions.at(0).partitions.size(), 1U);
  EXPECT_EQ(described.members[1].subscribed_topic_regex, "o.*");
  EXPECT_TRUE(described.members[1].assignment.topic_partitions.empty());
  topics.remove("orders");
  EXPECT_TRUE(group->describe().members[0].assignment.topic_partitions.empty());
}

}  // namespace
}  // namespace stele::groups
