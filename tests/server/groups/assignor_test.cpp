// Both assignors on small groups, and their promises on random ones.
#include "server/groups/assignor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "tests/support/sim_random.h"

namespace stele::groups {
namespace {

std::uint64_t seed() {
  const char* wanted = std::getenv("STELE_SEED");
  return wanted == nullptr ? 848 : std::strtoull(wanted, nullptr, 10);
}

Uuid topic_id(std::uint32_t number) {
  Uuid id;
  store_be(id.bytes.data(), number + 1);
  return id;
}

/// A group that owns what AssignorInput views.
struct Group {
  struct Member {
    std::string instance_id;  ///< empty: dynamic
    std::vector<std::uint32_t> topics;
    std::vector<TopicPartition> target;
  };
  std::vector<std::int32_t> partition_counts;
  std::map<std::string, Member> members;

  [[nodiscard]] AssignorInput input() const {
    AssignorInput out;
    for (std::uint32_t i = 0; i < partition_counts.size(); ++i) {
      out.topics.push_back({topic_id(i), partition_counts[i]});
    }
    std::map<std::vector<std::uint32_t>, std::size_t> index;
    for (const auto& [id, member] : members) {
      const auto [at, is_new] = index.emplace(member.topics, out.subscriptions.size());
      if (is_new) out.subscriptions.push_back(member.topics);
      out.members.push_back(
          {.member_id = id,
           .instance_id = member.instance_id.empty()
                              ? std::nullopt
                              : std::optional<std::string_view>(member.instance_id),
           .subscription = at->second,
           .target = member.target});
    }
    return out;
  }
  /// Makes the assignor's word the present target. How many partitions changed hands between
  /// members that are both there.
  std::size_t assign_with(Assignor assignor) {
    const std::map<TopicPartition, std::string> before = owners();
    const AssignorOutput out = assign(assignor, input());
    std::size_t i = 0;
    for (auto& [id, member] : members) member.target = out[i++];
    std::size_t moved = 0;
    for (const auto& [place, owner] : owners()) {
      const auto at = before.find(place);
      if (at != before.end() && at->second != owner && members.contains(at->second)) ++moved;
    }
    return moved;
  }
  [[nodiscard]] std::map<TopicPartition, std::string> owners() const {
    std::map<TopicPartition, std::string> out;
    for (const auto& [id, member] : members) {
      for (const TopicPartition& place : member.target) out[place] = id;
    }
    return out;
  }
  /// "a=0:0,1 b=1:0": what each has, by topic number.
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const auto& [id, member] : members) {
      out += (out.empty() ? "" : " ") + id + "=";
      for (const TopicPartition& place : member.target) {
        const auto number = load_be<std::uint32_t>(place.topic.bytes.data()) - 1;
        out += (out.back() == '=' ? "" : ",") + std::to_string(number) + ":" +
               std::to_string(place.partition);
      }
    }
    return out;
  }
};

Group group_of(std::vector<std::int32_t> partition_counts, std::vector<std::string> ids) {
  Group group{.partition_counts = std::move(partition_counts), .members = {}};
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < group.partition_counts.size(); ++i) all.push_back(i);
  for (const std::string& id : ids) group.members[id].topics = all;
  return group;
}

TEST(RangeAssignor, GivesEachTopicInContiguousRangesTheFirstOnesLarger) {
  Group group = group_of({5, 2}, {"a", "b"});
  group.assign_with(Assignor::kRange);
  EXPECT_EQ(group.text(), "a=0:0,0:1,0:2,1:0 b=0:3,0:4,1:1");
}

TEST(RangeAssignor, PutsStaticMembersFirstByInstanceId) {
  Group group = group_of({3}, {"a", "b", "c"});
  group.members["c"].instance_id = "i1";
  group.members["b"].instance_id = "i2";
  group.assign_with(Assignor::kRange);
  EXPECT_EQ(group.text(), "a=0:2 b=0:1 c=0:0");
}

TEST(RangeAssignor, SplitsTopicsOfEqualSizeAlike) {
  Group group = group_of({7, 7, 7}, {"a", "b", "c"});
  group.assign_with(Assignor::kRange);
  for (const auto& [id, member] : group.members) {
    std::map<Uuid, std::set<std::int32_t>> by_topic;
    for (const TopicPartition& place : member.target) by_topic[place.topic].insert(place.partition);
    ASSERT_EQ(by_topic.size(), 3U);
    for (const auto& [topic, partitions] : by_topic) {
      EXPECT_EQ(partitions, by_topic.begin()->second) << id;
    }
  }
}

TEST(RangeAssignor, LeavesOutWhoDoesNotSubscribe) {
  Group group = group_of({4, 4}, {"a", "b"});
  group.members["b"].topics = {1};
  group.assign_with(Assignor::kRange);
  EXPECT_EQ(group.text(), "a=0:0,0:1,0:2,0:3,1:0,1:1 b=1:2,1:3");
}

TEST(UniformAssignor, SharesAFreshGroupEvenly) {
  Group group = group_of({3, 2}, {"a", "b"});
  group.assign_with(Assignor::kUniform);
  EXPECT_EQ(group.text(), "a=0:0,0:1,0:2 b=1:0,1:1");
}

TEST(UniformAssignor, MovesOnlyANewcomersShare) {
  Group group = group_of({10}, {"a", "b"});
  group.assign_with(Assignor::kUniform);
  group.members["c"].topics = {0};
  EXPECT_EQ(group.assign_with(Assignor::kUniform), 3U);  // 5 5 0 → 4 3 3
}

TEST(UniformAssignor, SharesOutALeaversPartitionsAndMovesNothingElse) {
  Group group = group_of({10}, {"a", "b", "c"});
  group.assign_with(Assignor::kUniform);
  group.members.erase("b");
  EXPECT_EQ(group.assign_with(Assignor::kUniform), 0U);
  EXPECT_EQ(group.members["a"].target.size(), 5U);
  EXPECT_EQ(group.members["c"].target.size(), 5U);
}

TEST(UniformAssignor, MovesPartitionsThroughAThirdWhoWantsBothTopics) {
  // "a" holds all of topic 0 and more, "c" wants topic 1 alone: "b" is the link.
  Group group = group_of({4, 2}, {"a", "b", "c"});
  group.members["a"].topics = {0};
  group.members["a"].target = {
      {topic_id(0), 0}, {topic_id(0), 1}, {topic_id(0), 2}, {topic_id(0), 3}};
  group.members["b"].topics = {0, 1};
  group.members["b"].target = {{topic_id(1), 0}, {topic_id(1), 1}};
  group.members["c"].topics = {1};
  group.assign_with(Assignor::kUniform);
  for (const auto& [id, member] : group.members) EXPECT_EQ(member.target.size(), 2U) << id;
}

TEST(UniformAssignor, ForgetsTargetsThatAreGoneOrNoLongerWanted) {
  Group group = group_of({1, 1}, {"a", "b"});
  group.members["a"].topics = {0};
  group.members["a"].target = {
      {topic_id(0), 0}, {topic_id(0), 7}, {topic_id(1), 0}, {topic_id(5), 0}};
  group.members["b"].topics = {1};
  group.assign_with(Assignor::kUniform);
  EXPECT_EQ(group.text(), "a=0:0 b=1:0");
}

TEST(Assignors, HaveKafkasNames) {
  EXPECT_EQ(find_assignor("uniform"), Assignor::kUniform);
  EXPECT_EQ(find_assignor("range"), Assignor::kRange);
  EXPECT_EQ(find_assignor("sticky"), std::nullopt);
  EXPECT_EQ(name(Assignor::kRange), "range");
  EXPECT_EQ(name(kDefaultAssignor), "uniform");
  EXPECT_TRUE(assign(Assignor::kUniform, {}).empty());
  EXPECT_TRUE(assign(Assignor::kRange, {}).empty());
}

// ---- promises on random groups

Group random_group(SimRandom& random, bool one_subscription) {
  Group group;
  const auto topic_count = static_cast<std::uint32_t>(1 + random.below(6));
  for (std::uint32_t i = 0; i < topic_count; ++i) {
    group.partition_counts.push_back(static_cast<std::int32_t>(random.below(12)));
  }
  const std::uint64_t member_count = 1 + random.below(9);
  std::vector<std::uint32_t> shared;
  for (std::uint32_t t = 0; t < topic_count; ++t) {
    if (random.chance(70)) shared.push_back(t);
  }
  for (std::uint64_t m = 0; m < member_count; ++m) {
    Group::Member& member = group.members["m" + std::to_string(random.below(1000))];
    if (random.chance(20)) member.instance_id = "i" + std::to_string(m);
    for (std::uint32_t t = 0; t < topic_count; ++t) {
      if (random.chance(50)) member.topics.push_back(t);
    }
    if (one_subscription) member.topics = shared;
  }
  return group;
}

void change(SimRandom& random, Group& group, bool one_subscription) {
  const std::vector<std::uint32_t> topics = group.members.begin()->second.topics;
  if (random.chance(40) && group.members.size() > 1) {
    group.members.erase(std::next(group.members.begin(),
                                  static_cast<std::ptrdiff_t>(random.below(group.members.size()))));
  } else if (random.chance(50)) {
    Group::Member& member = group.members["m" + std::to_string(random.below(1000))];
    if (member.topics.empty() || one_subscription) member.topics = topics;
  } else {
    group.partition_counts[random.below(group.partition_counts.size())] +=
        static_cast<std::int32_t>(random.below(4));
  }
}

/// Each partition of a subscribed topic exactly once, to a subscriber, in rising order.
void expect_complete(const Group& group) {
  std::set<TopicPartition> wanted, given;
  for (const auto& [id, member] : group.members) {
    for (std::uint32_t t : member.topics) {
      for (std::int32_t p = 0; p < group.partition_counts[t]; ++p) wanted.insert({topic_id(t), p});
    }
    EXPECT_TRUE(std::ranges::is_sorted(member.target));
    for (const TopicPartition& place : member.target) {
      EXPECT_TRUE(given.insert(place).second) << "twice: " << place.text();
      const auto number = load_be<std::uint32_t>(place.topic.bytes.data()) - 1;
      EXPECT_TRUE(std::ranges::binary_search(member.topics, number)) << id << " did not ask";
    }
  }
  EXPECT_EQ(wanted, given);
}

std::pair<std::size_t, std::size_t> least_and_most(const Group& group) {
  std::size_t least = SIZE_MAX, most = 0;
  for (const auto& [id, member] : group.members) {
    least = std::min(least, member.target.size());
    most = std::max(most, member.target.size());
  }
  return {least, most};
}

/// Fewest moves that reach counts within one of each other, from what is kept of the old targets.
std::size_t fewest_moves(const Group& group) {
  std::size_t places = 0;
  for (std::uint32_t t : group.members.begin()->second.topics) {
    places += static_cast<std::size_t>(group.partition_counts[t]);
  }
  const std::size_t each = places / group.members.size();
  std::size_t extra = places % group.members.size(), surplus = 0;
  for (const auto& [id, member] : group.members) {
    const std::size_t held = member.target.size();
    if (held <= each) continue;
    surplus += held - each;
    if (extra > 0) --extra, --surplus;
  }
  return surplus;
}

/// No chain of hand-overs evens out two counts that differ by two or more: the definition, by
/// reachability over "wants a topic of which … holds a partition".
void expect_optimal(const Group& group) {
  for (const auto& [start, first] : group.members) {
    std::set<std::string> reached{start};
    std::vector<std::string> queue{start};
    for (std::size_t i = 0; i < queue.size(); ++i) {
      for (const auto& [id, member] : group.members) {
        const bool gives = std::ranges::any_of(member.target, [&](const TopicPartition& place) {
          const auto number = load_be<std::uint32_t>(place.topic.bytes.data()) - 1;
          return std::ranges::binary_search(group.members.at(queue[i]).topics, number);
        });
        if (!gives || !reached.insert(id).second) continue;
        queue.push_back(id);
        EXPECT_LE(member.target.size(), first.target.size() + 1)
            << start << " could have of " << id;
      }
    }
  }
}

class EveryAssignor : public testing::TestWithParam<Assignor> {};

TEST_P(EveryAssignor, GivesEveryWantedPartitionToOneWhoWantsIt) {
  SimRandom random(seed());
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed()) + " round " + std::to_string(round));
    Group group = random_group(random, random.chance(50));
    for (int step = 0; step < 8; ++step) {
      group.assign_with(GetParam());
      expect_complete(group);
      change(random, group, false);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryAssignor, testing::Values(Assignor::kUniform, Assignor::kRange),
                         [](const auto& test) { return std::string(name(test.param)); });

TEST(UniformAssignor, WithOneSubscriptionIsWithinOneAndMovesAsLittleAsThatAllows) {
  SimRandom random(seed());
  for (int round = 0; round < 500 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed()) + " round " + std::to_string(round));
    Group group = random_group(random, true);
    group.assign_with(Assignor::kUniform);
    for (int step = 0; step < 8; ++step) {
      change(random, group, true);
      const std::size_t fewest = fewest_moves(group);
      EXPECT_EQ(group.assign_with(Assignor::kUniform), fewest);
      const auto [least, most] = least_and_most(group);
      EXPECT_LE(most, least + 1);
    }
  }
}

TEST(UniformAssignor, WithSeveralSubscriptionsIsAsEvenAsTheyAllow) {
  SimRandom random(seed());
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed()) + " round " + std::to_string(round));
    Group group = random_group(random, false);
    for (int step = 0; step < 8; ++step) {
      group.assign_with(Assignor::kUniform);
      expect_optimal(group);
      EXPECT_EQ(group.assign_with(Assignor::kUniform), 0U) << "at rest, nothing moves";
      change(random, group, false);
    }
  }
}

TEST(UniformAssignor, SharesTenThousandPartitionsAmongAThousandMembersInMilliseconds) {
  for (bool one_subscription : {true, false}) {
    SCOPED_TRACE(one_subscription ? "one subscription" : "several");
    Group group = group_of(std::vector<std::int32_t>(100, 100), {});
    SimRandom random(seed());
    for (int m = 0; m < 1000; ++m) {
      Group::Member& member = group.members["m" + std::to_string(m)];
      for (std::uint32_t t = 0; t < 100; ++t) {
        if (one_subscription || random.chance(10)) member.topics.push_back(t);
      }
    }
    group.assign_with(Assignor::kUniform);
    group.members.erase("m500");
    group.members["m1000"].topics = group.members["m0"].topics;
    const auto start = std::chrono::steady_clock::now();
    const AssignorOutput out = assign_uniform(group.input());
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(out.size(), 1000U);
    RecordProperty("microseconds", std::to_string(took / std::chrono::microseconds(1)));
    EXPECT_LT(took, std::chrono::milliseconds(500)) << "a bound for the slowest build";
  }
}

}  // namespace
}  // namespace stele::groups
