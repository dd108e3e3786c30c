// Rules 46 to 53, 56 and 57 of docs/kafka.md over one group.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/server/groups/classic_bench.h"

namespace stele::groups::test {
namespace {

using enum ErrorCode;

std::string leader_of(const Joined& joined) {
  return joined->response->leader;
}

// --- JoinGroup

TEST(ClassicJoin, ANewMemberOfVersion4MustComeBackWithItsId) {
  ClassicBench bench;
  const Joined first = bench.join({.version = 4});
  EXPECT_EQ(first->error(), kMemberIdRequired);
  const std::string id = first->response->member_id;
  EXPECT_TRUE(id.starts_with("client-"));
  const Joined second = bench.join({.member_id = id, .version = 4});
  EXPECT_TRUE(second->is_waiting());
  bench.pass(3'000);
  EXPECT_EQ(second->error(), kNone);
  EXPECT_EQ(second->response->member_id, id);
}

TEST(ClassicJoin, AnIdIsNotDemandedBelowVersion4NorOfStaticMembers) {
  ClassicBench bench;
  EXPECT_TRUE(bench.join({.version = 3})->is_waiting());
  EXPECT_TRUE(bench.join({.instance_id = "a", .version = 9})->is_waiting());
}

TEST(ClassicJoin, AnIdThatNobodyComesBackWithIsForgottenAfterTheSession) {
  ClassicBench bench;
  const std::string id = bench.join({.version = 4})->response->member_id;
  EXPECT_FALSE(bench.group.unused());
  bench.pass(10'000);
  EXPECT_TRUE(bench.group.unused());
  EXPECT_EQ(bench.join({.member_id = id, .version = 4})->error(), kUnknownMemberId);
}

TEST(ClassicJoin, TheFirstRebalanceWaitsForOthersFromTheLastArrivalOn) {
  ClassicBench bench;
  const Joined first = bench.join({});
  bench.pass(2'000);
  const Joined second = bench.join({});
  bench.pass(2'999);
  EXPECT_TRUE(first->is_waiting());
  bench.pass(1);
  EXPECT_EQ(first->error(), kNone);
  EXPECT_EQ(second->error(), kNone);
  EXPECT_EQ(first->response->generation_id, 1);
}

TEST(ClassicJoin, TheInitialWaitEndsWithTheRebalanceTimeoutHoweverManyCome) {
  ClassicBench bench;
  const Joined first = bench.join({.rebalance_ms = 7'000});
  for (int i = 0; i < 3; ++i) {
    bench.pass(2'000);
    (void)bench.join({.rebalance_ms = 7'000});
  }
  EXPECT_TRUE(first->is_waiting());
  bench.pass(1'000);
  EXPECT_EQ(first->error(), kNone);
}

TEST(ClassicJoin, OnlyTheLeaderIsToldOfTheMembers) {
  ClassicBench bench;
  const std::vector<Joined> joins = {bench.join({}), bench.join({}), bench.join({})};
  bench.pass(3'000);
  for (const Joined& joined : joins) {
    const bool is_leader = joined->response->member_id == leader_of(joined);
    EXPECT_EQ(joined->listed.size(), is_leader ? 3U : 0U);
    EXPECT_EQ(leader_of(joined), leader_of(joins[0]));
  }
}

TEST(ClassicJoin, TheProtocolIsVotedForAmongThoseThatAllSpeak) {
  ClassicBench bench;
  const auto offers = [](std::initializer_list<const char*> names) {
    JoinOptions options;
    options.protocols.clear();
    for (const char* name : names) options.protocols.emplace_back(name, "");
    return options;
  };
  const Joined a = bench.join(offers({"sticky", "range", "robin"}));
  (void)bench.join(offers({"robin", "range"}));
  (void)bench.join(offers({"robin", "range"}));
  bench.pass(3'000);
  EXPECT_EQ(a->response->protocol_name, "robin");
}

TEST(ClassicJoin, WhoSharesNoProtocolOrIsOfAnotherTypeIsRefused) {
  ClassicBench bench;
  (void)bench.join({.protocols = {{"range", ""}, {"robin", ""}}});
  (void)bench.join({.protocols = {{"robin", ""}}});
  EXPECT_EQ(bench.join({.protocols = {{"range", ""}}})->error(), kInconsistentGroupProtocol);
  EXPECT_EQ(bench.join({.protocols = {{"robin", ""}}, .protocol_type = "connect"})->error(),
            kInconsistentGroupProtocol);
  ClassicBench empty;
  EXPECT_EQ(empty.join({.protocols = {}})->error(), kInconsistentGroupProtocol);
  EXPECT_EQ(empty.join({.protocol_type = ""})->error(), kInconsistentGroupProtocol);
}

TEST(ClassicJoin, AProtocolGivenTwiceCountsOnce) {
  ClassicBench bench;
  const Joined joined = bench.join({.protocols = {{"range", "a"}, {"range", "b"}}});
  bench.pass(3'000);
  EXPECT_EQ(joined->response->protocol_name, "range");
}

TEST(ClassicJoin, AFollowerThatComesBackUnchangedStaysInItsGeneration) {
  ClassicBench bench;
  const auto stable = bench.make_stable(2);
  const Joined again = bench.join({.member_id = stable.ids[1]});
  EXPECT_EQ(again->error(), kNone);
  EXPECT_EQ(again->response->generation_id, stable.generation);
  EXPECT_TRUE(again->listed.empty());
  EXPECT_EQ(bench.group.state(), ClassicState::kStable);
}

TEST(ClassicJoin, TheLeaderThatComesBackOrChangedMetadataMeansARebalance) {
  for (const bool by_leader : {true, false}) {
    ClassicBench bench;
    const auto stable = bench.make_stable(2);
    JoinOptions options{.member_id = stable.ids[by_leader ? 0 : 1]};
    if (!by_leader) options.protocols = {{"range", "topic-b"}};
    EXPECT_TRUE(bench.join(options)->is_waiting());
    EXPECT_EQ(bench.group.state(), ClassicState::kPreparing);
    EXPECT_EQ(bench.heartbeat(stable.ids[by_leader ? 1 : 0], stable.generation),
              kRebalanceInProgress);
  }
}

TEST(ClassicJoin, AMemberThatMissedItsAnswerAsksAgainBeforeTheSync) {
  ClassicBench bench;
  const std::vector<Joined> joins = {bench.join({}), bench.join({})};
  bench.pass(3'000);
  const std::string leader = leader_of(joins[0]);
  const Joined again = bench.join({.member_id = leader});
  EXPECT_EQ(again->response->generation_id, 1);
  EXPECT_EQ(again->listed.size(), 2U);
}

TEST(ClassicJoin, ASecondJoinOfAMemberAnswersTheFirst) {
  ClassicBench bench;
  const auto stable = bench.make_stable(2);
  const Joined first = bench.join({.member_id = stable.ids[0]});
  const Joined second = bench.join({.member_id = stable.ids[0]});
  EXPECT_EQ(first->error(), kRebalanceInProgress);
  EXPECT_TRUE(second->is_waiting());
  const Joined other = bench.join({.member_id = stable.ids[1]});
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(second->count, 1);
  EXPECT_EQ(other->error(), kNone);
}

TEST(ClassicJoin, WhoDoesNotRejoinInTimeIsOut) {
  ClassicBench bench;
  const auto stable = bench.make_stable(3, {.session_ms = 60'000, .rebalance_ms = 5'000});
  const Joined newcomer = bench.join({.session_ms = 60'000, .rebalance_ms = 5'000});
  const Joined again = bench.join({.member_id = stable.ids[1], .rebalance_ms = 5'000});
  bench.pass(4'999);
  EXPECT_TRUE(newcomer->is_waiting());
  bench.pass(1);
  EXPECT_EQ(newcomer->response->generation_id, stable.generation + 1);
  EXPECT_EQ(again->response->generation_id, stable.generation + 1);
  EXPECT_EQ(bench.group.members().size(), 2U);
  EXPECT_EQ(bench.heartbeat(stable.ids[2], stable.generation), kUnknownMemberId);
}

TEST(ClassicJoin, ANewMemberThatWaitsForEverIsGivenUp) {
  ClassicBench bench;
  JoinOptions slow{.session_ms = 1'800'000, .rebalance_ms = 1'800'000};
  (void)bench.make_stable(1, slow);
  const Joined newcomer = bench.join(slow);
  bench.pass(300'000);
  EXPECT_EQ(newcomer->error(), kUnknownMemberId);
}

TEST(ClassicJoin, AFullGroupTakesNobodyElse) {
  ClassicBench bench({.member_count_max = 2});
  const auto stable = bench.make_stable(2);
  EXPECT_EQ(bench.join({})->error(), kGroupMaxSizeReached);
  const Joined member = bench.join({.member_id = stable.ids[1]});
  EXPECT_EQ(member->error(), kNone);
}

// --- SyncGroup

TEST(ClassicSync, EverybodyGetsWhatTheLeaderAssignedOnceItIsDurable) {
  ClassicBench bench;
  const std::vector<Joined> joins = {bench.join({}), bench.join({}), bench.join({})};
  bench.pass(3'000);
  const std::string leader = leader_of(joins[0]);
  std::vector<Synced> syncs;
  std::vector<std::pair<std::string, std::string>> assignments;
  for (const Joined& joined : joins) {
    const std::string& id = joined->response->member_id;
    if (id != leader) syncs.push_back(bench.sync(id, 1));
    assignments.emplace_back(id, "p-" + id);
  }
  assignments.pop_back();  // nothing for the last
  assignments.emplace_back("a stranger", "x");
  syncs.push_back(bench.sync(leader, 1, assignments));
  for (const Synced& synced : syncs) EXPECT_TRUE(synced->is_waiting());
  bench.write();
  const std::string last = joins.back()->response->member_id;
  for (const Synced& synced : syncs) {
    EXPECT_EQ(synced->error(), kNone);
    EXPECT_EQ(synced->count, 1);
  }
  EXPECT_EQ(bench.sync(last, 1)->assignment, "");
  EXPECT_EQ(bench.sync(leader, 1)->assignment, leader == last ? "" : "p-" + leader);
}

TEST(ClassicSync, ARecordThatIsRefusedMeansAnotherRebalance) {
  ClassicBench bench;
  const Joined joined = bench.join({});
  bench.pass(3'000);
  const std::string id = joined->response->member_id;
  const Synced synced = bench.sync(id, 1, {{id, "p"}});
  bench.write(kCoordinatorNotAvailable);
  EXPECT_EQ(synced->error(), kCoordinatorNotAvailable);
  EXPECT_EQ(bench.group.state(), ClassicState::kPreparing);
  const Joined again = bench.join({.member_id = id});
  EXPECT_EQ(again->response->generation_id, 2);
}

TEST(ClassicSync, ErrorsAreKafkas) {
  ClassicBench bench;
  EXPECT_EQ(bench.sync("nobody", 0)->error(), kUnknownMemberId);
  const Joined joined = bench.join({});
  const std::string early = bench.group.members().all().begin()->first;
  EXPECT_EQ(bench.sync(early, 0)->error(), kRebalanceInProgress);
  bench.pass(3'000);
  const std::string id = joined->response->member_id;
  EXPECT_EQ(bench.sync("nobody", 1)->error(), kUnknownMemberId);
  EXPECT_EQ(bench.sync(id, 0)->error(), kIllegalGeneration);
  EXPECT_EQ(bench.sync(id, 2)->error(), kIllegalGeneration);
  EXPECT_EQ(bench.sync(id, 1, {}, {}, "another")->error(), kInconsistentGroupProtocol);
}

TEST(ClassicSync, ARebalanceAnswersThoseThatWait) {
  ClassicBench bench;
  const std::vector<Joined> joins = {bench.join({}), bench.join({})};
  bench.pass(3'000);
  const std::string leader = leader_of(joins[0]);
  const Joined& follower = joins[joins[0]->response->member_id == leader ? 1 : 0];
  const Synced synced = bench.sync(follower->response->member_id, 1);
  (void)bench.join({});
  EXPECT_EQ(synced->error(), kRebalanceInProgress);
}

TEST(ClassicSync, AnAssignmentThatComesToLateForItsGenerationIsDropped) {
  ClassicBench bench;
  const Joined joined = bench.join({});
  bench.pass(3'000);
  const std::string id = joined->response->member_id;
  const Synced synced = bench.sync(id, 1, {{id, "old"}});
  const Joined other = bench.join({});
  EXPECT_EQ(synced->error(), kRebalanceInProgress);
  const Joined again = bench.join({.member_id = id});
  bench.write();  // of generation 1
  EXPECT_EQ(bench.group.state(), ClassicState::kCompleting);
  const auto stable = bench.assign({again, other});
  EXPECT_EQ(bench.sync(id, stable.generation)->assignment, "p-" + id);
}

TEST(ClassicSync, WhoDoesNotComeForItsAssignmentIsOut) {
  ClassicBench bench;
  JoinOptions slow{.session_ms = 60'000, .rebalance_ms = 5'000};
  const std::vector<Joined> joins = {bench.join(slow), bench.join(slow)};
  bench.pass(3'000);
  const std::string leader = leader_of(joins[0]);
  const Synced synced = bench.sync(leader, 1, {{leader, "p"}});
  bench.write();
  EXPECT_EQ(synced->error(), kNone);
  bench.pass(5'000);
  EXPECT_EQ(bench.group.members().size(), 1U);
  EXPECT_EQ(bench.heartbeat(leader, 1), kRebalanceInProgress);
}

// --- Heartbeat, sessions

TEST(ClassicHeartbeat, ErrorsAreKafkas) {
  ClassicBench bench;
  EXPECT_EQ(bench.heartbeat("nobody", 0), kUnknownMemberId);
  const auto stable = bench.make_stable(1);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation), kNone);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation - 1), kIllegalGeneration);
  EXPECT_EQ(bench.heartbeat("nobody", stable.generation), kUnknownMemberId);
}

TEST(ClassicHeartbeat, AMemberThatIsSilentForItsSessionIsOut) {
  ClassicBench bench;
  const auto stable = bench.make_stable(2);
  bench.pass(6'000);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation), kNone);
  bench.pass(4'000);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation), kRebalanceInProgress);
  EXPECT_EQ(bench.group.members().size(), 1U);
}

TEST(ClassicHeartbeat, WhoWaitsInTheGroupNeedsNoHeartbeat) {
  ClassicBench bench;
  JoinOptions options{.session_ms = 6'000, .rebalance_ms = 30'000};
  const auto stable = bench.make_stable(2, options);
  options.member_id = stable.ids[0];
  const Joined waiting = bench.join(options);
  for (int i = 0; i < 5; ++i) {
    bench.pass(5'000);
    (void)bench.heartbeat(stable.ids[1], stable.generation);
  }
  EXPECT_TRUE(waiting->is_waiting());
  bench.pass(5'000);
  EXPECT_EQ(waiting->error(), kNone);
}

// --- LeaveGroup

TEST(ClassicLeave, TheOthersRebalanceAndTheLastLeavesAnEmptyGroup) {
  ClassicBench bench;
  const auto stable = bench.make_stable(2);
  EXPECT_EQ(bench.leave(stable.ids[0]), kNone);
  EXPECT_EQ(bench.heartbeat(stable.ids[1], stable.generation), kRebalanceInProgress);
  EXPECT_EQ(bench.leave(stable.ids[0]), kUnknownMemberId);
  EXPECT_EQ(bench.leave(stable.ids[1]), kNone);
  EXPECT_EQ(bench.group.state(), ClassicState::kEmpty);
  EXPECT_EQ(bench.group.generation(), stable.generation + 1);
  bench.write();
  EXPECT_TRUE(read_group_value(*bench.log.back().value)->members.empty());
}

TEST(ClassicLeave, AnIdThatWasOnlyGivenCanLeaveToo) {
  ClassicBench bench;
  const std::string id = bench.join({.version = 4})->response->member_id;
  EXPECT_EQ(bench.leave(id), kNone);
  EXPECT_TRUE(bench.group.unused());
}

TEST(ClassicLeave, AnAdministratorNamesTheInstanceAlone) {
  ClassicBench bench;
  (void)bench.make_stable(1, {.instance_id = "a"});
  EXPECT_EQ(bench.leave("", "b"), kUnknownMemberId);
  EXPECT_EQ(bench.leave("someone", "a"), kFencedInstanceId);
  EXPECT_EQ(bench.leave("", "a"), kNone);
  EXPECT_EQ(bench.group.state(), ClassicState::kEmpty);
}

// --- static members

TEST(ClassicStatic, AReturningMemberTakesItsPlaceWithoutARebalance) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1, {.instance_id = "a"});
  const Joined back = bench.join({.instance_id = "a", .version = 9});
  EXPECT_TRUE(back->is_waiting());
  bench.write();
  EXPECT_EQ(back->error(), kNone);
  EXPECT_EQ(back->response->generation_id, stable.generation);
  EXPECT_TRUE(back->response->skip_assignment);
  EXPECT_EQ(bench.group.state(), ClassicState::kStable);
  const std::string id = back->response->member_id;
  EXPECT_NE(id, stable.ids[0]);
  EXPECT_EQ(bench.sync(id, stable.generation, {}, "a")->assignment, "p-" + stable.ids[0]);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation, "a"), kFencedInstanceId);
  EXPECT_EQ(bench.sync(stable.ids[0], stable.generation, {}, "a")->error(), kFencedInstanceId);
  EXPECT_EQ(bench.commit(stable.ids[0], stable.generation, "a"), kFencedInstanceId);
  EXPECT_EQ(bench.join({.member_id = stable.ids[0], .instance_id = "a"})->error(),
            kFencedInstanceId);
}

TEST(ClassicStatic, AnOlderClientIsToldOfTheLeaderBeforeSoThatItDoesNotAssign) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1, {.instance_id = "a"});
  const Joined back = bench.join({.instance_id = "a", .version = 8});
  bench.write();
  EXPECT_EQ(leader_of(back), stable.ids[0]);
  EXPECT_NE(leader_of(back), back->response->member_id);
  EXPECT_TRUE(back->listed.empty());
}

TEST(ClassicStatic, AReturnThatIsNotDurableIsTakenBack) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1, {.instance_id = "a"});
  const Joined back = bench.join({.instance_id = "a", .version = 9});
  bench.write(kCoordinatorNotAvailable);
  EXPECT_EQ(back->error(), kCoordinatorNotAvailable);
  EXPECT_EQ(bench.heartbeat(stable.ids[0], stable.generation, "a"), kNone);
}

TEST(ClassicStatic, AReturnWithOtherProtocolsRebalances) {
  ClassicBench bench;
  (void)bench.make_stable(1, {.instance_id = "a", .protocols = {{"range", ""}, {"robin", ""}}});
  const Joined back = bench.join({.instance_id = "a", .protocols = {{"robin", ""}}});
  EXPECT_EQ(back->response->generation_id, 2);
}

TEST(ClassicStatic, TheOneThatWaitsUnderTheOldIdIsFenced) {
  ClassicBench bench;
  const Joined first = bench.join({.instance_id = "a"});
  const Joined second = bench.join({.instance_id = "a"});
  EXPECT_EQ(first->error(), kFencedInstanceId);
  bench.pass(3'000);
  EXPECT_EQ(second->error(), kNone);
  EXPECT_EQ(bench.group.members().size(), 1U);
}

TEST(ClassicStatic, OneThatIsAwayKeepsItsPlaceThroughARebalanceUntilItsSessionEnds) {
  ClassicBench bench;
  JoinOptions options{.session_ms = 60'000, .rebalance_ms = 5'000};
  const Joined a = bench.join(options);
  options.instance_id = "b";
  const Joined b = bench.join(options);
  bench.pass(3'000);
  const auto stable = bench.assign({a, b});
  const Joined again = bench.join({.member_id = a->response->member_id,
                                   .protocols = {{"range", "changed"}},
                                   .session_ms = 60'000,
                                   .rebalance_ms = 5'000});
  bench.pass(5'000);
  EXPECT_EQ(again->response->generation_id, stable.generation + 1);
  EXPECT_EQ(bench.group.members().size(), 2U);
}

// --- commits

TEST(ClassicCommit, WithoutMembershipOnlyWhileTheGroupIsEmpty) {
  ClassicBench bench;
  EXPECT_EQ(bench.commit("", -1), kNone);
  const auto stable = bench.make_stable(1);
  EXPECT_EQ(bench.commit("", -1), kUnknownMemberId);
  EXPECT_EQ(bench.commit(stable.ids[0], stable.generation), kNone);
  EXPECT_EQ(bench.commit(stable.ids[0], stable.generation - 1), kIllegalGeneration);
  EXPECT_EQ(bench.commit("nobody", stable.generation), kUnknownMemberId);
}

TEST(ClassicCommit, BetweenJoinAndSyncIsTooEarlyAndDuringARebalanceItIsFine) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1);
  const Joined other = bench.join({});
  EXPECT_EQ(bench.commit(stable.ids[0], stable.generation), kNone);
  const Joined again = bench.join({.member_id = stable.ids[0]});
  EXPECT_EQ(bench.commit(stable.ids[0], again->response->generation_id), kRebalanceInProgress);
}

TEST(ClassicCommit, ItKeepsTheSessionAlive) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1);
  for (int i = 0; i < 4; ++i) {
    bench.pass(6'000);
    EXPECT_EQ(bench.commit(stable.ids[0], stable.generation), kNone);
  }
}

// --- after a restart

TEST(ClassicRestart, MembersGoOnInTheirGenerationAndSessionsStartAnew) {
  ClassicBench bench;
  const auto stable = bench.make_stable(2, {.session_ms = 6'000});
  const auto value = read_group_value(*bench.log.back().value).value();
  bench.host.now_ += std::chrono::hours(1);
  ClassicGroup loaded("g", value, bench.host, bench.settings);
  EXPECT_EQ(loaded.state(), ClassicState::kStable);
  EXPECT_EQ(loaded.generation(), stable.generation);
  EXPECT_EQ(loaded.members().leader(), stable.ids[0]);
  const kafka::HeartbeatRequest beat{
      .group_id = "g", .generation_id = stable.generation, .member_id = stable.ids[1]};
  EXPECT_EQ(loaded.heartbeat(beat), kNone);
  EXPECT_EQ(loaded.next_deadline(), bench.host.now_ + std::chrono::seconds(6));
  bench.host.now_ += std::chrono::seconds(6);
  loaded.expire();
  EXPECT_EQ(loaded.state(), ClassicState::kEmpty);
}

TEST(ClassicDescribe, MetadataAndAssignmentsAreShownOfAStableGroup) {
  ClassicBench bench;
  const auto stable = bench.make_stable(1);
  const kafka::DescribedGroup described = bench.group.describe();
  EXPECT_EQ(described.group_state, "Stable");
  EXPECT_EQ(described.protocol_type, "test");
  EXPECT_EQ(described.protocol_data, "range");
  EXPECT_EQ(as_text(described.members.at(0).member_metadata), "topic-a");
  EXPECT_EQ(as_text(described.members.at(0).member_assignment), "p-" + stable.ids[0]);
  (void)bench.join({});
  EXPECT_EQ(bench.group.describe().group_state, "PreparingRebalance");
  EXPECT_TRUE(bench.group.describe().members.at(0).member_metadata.empty());
}

}  // namespace
}  // namespace stele::groups::test
