// Random members of one group, a coordinator that dies at any moment, a disk that refuses now and
// then; time is the test's. The reference knows what was promised:
//   - a request is answered at most once, and in the end at all
//   - generations of assignments never fall; a generation has one leader and one set of
//   assignments,
//     and every member gets exactly what that leader gave it
//   - a committed offset that was acknowledged never goes back
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "server/groups/coordinator.h"
#include "tests/support/fake_store.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_random.h"

namespace stele::groups {
namespace {

using kafka::ErrorCode;

constexpr int kMembers = 6;
constexpr int kSteps = 4'000;
constexpr std::int32_t kPartitions = 3;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

enum class Stage : std::uint8_t { kOut, kJoining, kJoined, kSyncing, kStable };

struct SimMember {
  std::string name;  ///< its instance id, if it is static
  bool is_static = false;
  std::int16_t version = 4;
  Stage stage = Stage::kOut;
  std::string id;
  std::int32_t generation = 0;
  bool leads = false;
  std::vector<std::string> others;  ///< of the leader
  std::uint64_t request = 0;        ///< the one that it waits for
};

class World {
public:
  explicit World(std::uint64_t seed) : random_(seed) {
    settings_.initial_delay_ms = 500;
    EXPECT_TRUE(store_.create_topic({.name = "t", .partition_count = kPartitions}));
    for (int i = 0; i < kMembers; ++i) {
      members_.push_back({.name = "m" + std::to_string(i),
                          .is_static = random_.chance(40),
                          .version = static_cast<std::int16_t>(random_.below(10))});
    }
    start();
  }

  void run() {
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) step();
    settle_down();
  }

  int stable_count = 0;
  int crash_count = 0;
  int commit_count = 0;

private:
  void start() {
    ++life_;
    coordinator_ = std::make_unique<Coordinator>(store_, env_, timers_, settings_);
    ASSERT_TRUE(coordinator_->load());
    coordinator_->when_ready([](const Result<void>&) {});
    drain_store();
    check_offsets();
  }

  /// Whatever was submitted is written or lost; nobody hears of it.
  void crash() {
    ++crash_count;
    ++life_;  // answers of the old life reach nobody
    if (random_.chance(50)) store_.fail_appends(Code::kClosed);
    store_.hold(false);
    drain_store();
    store_.fail_appends(std::nullopt);
    coordinator_.reset();
    unanswered_.clear();
    for (SimMember& member : members_) {
      if (member.stage == Stage::kJoining) member.stage = Stage::kOut;
      if (member.stage == Stage::kSyncing) member.stage = Stage::kJoined;
    }
    start();
  }

  void drain_store() {
    while (store_.poll() > 0) {
    }
    timers_.run_due(env_.now());
  }

  void step() {
    SimMember& member = members_[random_.below(members_.size())];
    switch (random_.below(20)) {
      case 0:
        if (random_.chance(30)) crash();
        break;
      case 1:
        if (random_.chance(20)) leave(member);
        break;
      case 2:
        store_.hold(random_.chance(50));
        break;
      case 3:
        store_.fail_appends(random_.chance(10) ? std::optional(Code::kNoSpace) : std::nullopt);
        break;
      case 4:
      case 5:
        pass(static_cast<std::int64_t>(random_.below(3'000)));
        break;
      case 6:
      case 7:
      case 8:
        commit(member);
        break;
      default:
        proceed(member);
    }
    if (random_.chance(70)) store_.poll();
    timers_.run_due(env_.now());
  }

  void pass(std::int64_t ms) {
    env_.advance(std::chrono::milliseconds(ms));
    timers_.run_due(env_.now());
  }

  void proceed(SimMember& member) {
    if (member.stage == Stage::kOut) return join(member);
    if (member.stage == Stage::kJoined) return sync(member);
    if (member.stage != Stage::kStable) return;
    if (random_.chance(3)) return join(member);  // it wants another subscription
    kafka::HeartbeatRequest request{
        .group_id = "g", .generation_id = member.generation, .member_id = member.id};
    if (member.is_static) request.group_instance_id = member.name;
    follow(member, coordinator_->heartbeat(request));
  }

  /// What a client does on an error.
  static void follow(SimMember& member, ErrorCode error) {
    if (error == ErrorCode::kNone || error == ErrorCode::kCoordinatorNotAvailable) return;
    member.stage = Stage::kOut;
    if (error == ErrorCode::kUnknownMemberId || error == ErrorCode::kFencedInstanceId ||
        error == ErrorCode::kIllegalGeneration) {
      member.id.clear();
    }
  }

  /// A request that must be answered once; false in the answer's callback: it reaches nobody.
  std::uint64_t asked(SimMember& member) {
    member.request = ++last_request_;
    unanswered_.insert(member.request);
    return member.request;
  }
  bool answered(std::uint64_t request, std::uint64_t life) {
    if (life != life_) return false;
    EXPECT_EQ(unanswered_.erase(request), 1U) << "answered twice";
    return true;
  }

  void join(SimMember& member) {
    const std::string metadata = "v" + std::to_string(random_.below(3));
    kafka::JoinGroupRequest request{.group_id = "g", .session_timeout_ms = 6'000};
    request.rebalance_timeout_ms = 8'000;
    request.member_id = member.id;
    if (member.is_static) request.group_instance_id = member.name;
    request.protocol_type = "consumer";
    request.protocols.push_back({"range", as_bytes(metadata)});
    member.stage = Stage::kJoining;
    const std::uint64_t number = asked(member);
    coordinator_->join(
        {.request = request, .version = member.version, .client_id = "c", .client_host = "/h"},
        [this, number, life = life_, &member](const kafka::JoinGroupResponse& response) {
          if (answered(number, life) && member.request == number) on_joined(member, response);
        });
  }

  void on_joined(SimMember& member, const kafka::JoinGroupResponse& response) {
    member.stage = Stage::kOut;
    if (response.error_code == ErrorCode::kMemberIdRequired) member.id = response.member_id;
    if (response.error_code != ErrorCode::kNone) {
      if (response.error_code != ErrorCode::kMemberIdRequired) follow(member, response.error_code);
      return;
    }
    member.stage = Stage::kJoined;
    member.id = response.member_id;
    member.generation = response.generation_id;
    member.leads = response.leader == response.member_id && !response.skip_assignment;
    member.others.clear();
    for (const auto& other : response.members) member.others.push_back(other.member_id);
    if (member.leads) EXPECT_FALSE(member.others.empty());
  }

  void sync(SimMember& member) {
    kafka::SyncGroupRequest request{
        .group_id = "g", .generation_id = member.generation, .member_id = member.id};
    if (member.is_static) request.group_instance_id = member.name;
    std::vector<std::string> texts;
    if (member.leads) {
      const std::string mark = std::to_string(++last_mark_);
      for (const std::string& other : member.others) texts.push_back(mark + "/" + other);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        request.assignments.push_back({member.others[i], as_bytes(texts[i])});
      }
    }
    member.stage = Stage::kSyncing;
    const std::uint64_t number = asked(member);
    coordinator_->sync(
        request, [this, number, life = life_, &member](const kafka::SyncGroupResponse& response) {
          if (answered(number, life) && member.request == number) on_synced(member, response);
        });
  }

  void on_synced(SimMember& member, const kafka::SyncGroupResponse& response) {
    member.stage = Stage::kJoined;
    if (response.error_code != ErrorCode::kNone) return follow(member, response.error_code);
    member.stage = Stage::kStable;
    ++stable_count;
    EXPECT_GE(member.generation, newest_generation_) << "an assignment of the past";
    newest_generation_ = std::max(newest_generation_, member.generation);
    const std::string assignment(as_text(response.assignment));
    const std::string mark = assignment.substr(0, assignment.find('/'));
    const auto [known, is_first] = marks_.try_emplace(member.generation, mark);
    EXPECT_EQ(known->second, mark)
        << "two leaders' assignments in generation " << member.generation;
    // A static member has its place under the id that it had when the leader assigned.
    if (!member.is_static) EXPECT_EQ(assignment, mark + "/" + member.id);
  }

  void leave(SimMember& member) {
    if (member.stage == Stage::kJoining || member.stage == Stage::kSyncing) return;
    kafka::LeaveGroupRequest request{.group_id = "g"};
    request.members.push_back({.member_id = member.id});
    if (member.is_static) request.members[0].group_instance_id = member.name;
    coordinator_->leave(request, [](const kafka::LeaveGroupResponse&) {});
    member.stage = Stage::kOut;
    member.id.clear();
  }

  void commit(SimMember& member) {
    if (member.stage != Stage::kStable) return;
    kafka::OffsetCommitRequest request{.group_id = "g"};
    request.generation_id_or_member_epoch = member.generation;
    request.member_id = member.id;
    if (member.is_static) request.group_instance_id = member.name;
    const auto partition = static_cast<std::int32_t>(random_.below(kPartitions));
    const std::int64_t offset = ++last_offset_;
    request.topics.push_back({.name = "t", .partitions = {{partition, offset}}});
    const std::uint64_t number = ++last_request_;
    unanswered_.insert(number);
    coordinator_->commit(request, 8,
                         [this, number, life = life_, partition,
                          offset](const kafka::OffsetCommitResponse& response) {
                           if (!answered(number, life)) return;
                           const ErrorCode error = response.topics[0].partitions[0].error_code;
                           if (error != ErrorCode::kNone) return;
                           ++commit_count;
                           auto& promised = promised_[partition];
                           promised = std::max(promised, offset);
                         });
  }

  /// Of a moment at which nothing is being written.
  void check_offsets() {
    for (const auto& [partition, offset] : promised_) {
      kafka::OffsetFetchRequestGroup request{.group_id = "g"};
      request.topics = {{.name = "t", .partition_indexes = {partition}}};
      coordinator_->fetch(request, 8, [&](const kafka::OffsetFetchResponseGroup& answer) {
        EXPECT_GE(answer.topics.at(0).partitions.at(0).committed_offset, offset);
      });
    }
  }

  void settle_down() {
    store_.hold(false);
    store_.fail_appends(std::nullopt);
    drain_store();
    check_offsets();
    coordinator_->drain();
    drain_store();
    EXPECT_TRUE(unanswered_.empty()) << unanswered_.size() << " requests never answered";
  }

  SimRandom random_;
  GroupSettings settings_;
  SimEnv env_;
  test::FakeStore store_;
  server::TimerQueue timers_;
  std::vector<SimMember> members_;
  std::unique_ptr<Coordinator> coordinator_;
  std::uint64_t life_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_mark_ = 0;
  std::int64_t last_offset_ = 0;
  std::set<std::uint64_t> unanswered_;
  std::int32_t newest_generation_ = 0;
  std::map<std::int32_t, std::string> marks_;
  std::map<std::int32_t, std::int64_t> promised_;
};

TEST(CoordinatorModel, WhatIsPromisedIsKeptThroughCrashesAndFullDisks) {
  const std::uint64_t first = from_environment("STELE_SEED", 1);
  const std::uint64_t count = from_environment("STELE_COUNT", 40);
  int stable = 0, crashes = 0, commits = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed) + " STELE_COUNT=1");
    World world(seed);
    world.run();
    stable += world.stable_count;
    crashes += world.crash_count;
    commits += world.commit_count;
    if (HasFailure()) break;
  }
  std::cout << stable << " assignments, " << crashes << " crashes, " << commits << " commits\n";
  EXPECT_GT(stable, 5 * static_cast<int>(count));
  EXPECT_GT(commits, 5 * static_cast<int>(count));
}

}  // namespace
}  // namespace stele::groups
