#include "tests/server/groups/consumer_group_world.h"

#include <algorithm>
#include <iterator>

namespace stele::groups {
namespace {

using kafka::ErrorCode;
using std::chrono::milliseconds;

constexpr std::array kTopicNames = {"a1", "a2", "b1", "b2"};
constexpr std::array kRegexes = {"", "", "a.*", ".*", "b[0-9]"};
constexpr std::size_t kStoryMax = 60;

std::string text_of(const std::set<TopicPartition>& places) {
  std::string out;
  for (const TopicPartition& place : places) {
    out += " " + std::to_string(load_be<std::uint32_t>(place.topic.bytes.data())) + ":" +
           std::to_string(place.partition);
  }
  return out;
}

}  // namespace

std::map<std::string, int>& ConsumerGroupWorld::counts() {
  static std::map<std::string, int> counts;
  return counts;
}

std::string ConsumerGroupWorld::run(std::uint64_t first_seed, std::uint64_t count) {
  for (std::uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    ConsumerGroupWorld world(seed);
    for (int i = 0; i < 200 && world.problem().empty(); ++i) world.step();
    if (world.problem().empty()) world.calm_down();
    if (world.problem().empty()) continue;
    return world.problem() + "\nSTELE_SEED=" + std::to_string(seed) + " STELE_COUNT=1\n" +
           world.story();
  }
  return "";
}

ConsumerGroupWorld::ConsumerGroupWorld(std::uint64_t seed)
    : random_(seed),
      clock_{.steady = std::chrono::hours(1), .wall_ms = 1'800'000'000'000},
      group_(std::make_unique<ConsumerGroup>("g", topics_, config_)) {
  config_.assignment_interval_ms = random_.chance(50) ? 0 : 1'000;
  group_->set_config(config_);
  topics_.set("a1", 3);
}

void ConsumerGroupWorld::tell(std::string what) {
  story_.push_back(std::move(what));
  if (story_.size() > kStoryMax) story_.pop_front();
}

std::string ConsumerGroupWorld::story() const {
  std::string out;
  for (const std::string& line : story_) out += line + "\n";
  return out;
}

void ConsumerGroupWorld::fail(const std::string& what) {
  if (problem_.empty()) problem_ = what;
}

// ---- what happens

void ConsumerGroupWorld::step() {
  const std::uint64_t dice = random_.below(100);
  const bool is_empty = actors_.empty();
  if (is_empty || (dice < 8 && actors_.size() < 6)) {
    const bool is_static = random_.chance(40);
    come(is_static ? std::optional("i" + std::to_string(random_.below(3))) : std::nullopt);
  } else if (dice < 72) {
    beat(any_actor()->second);
  } else if (dice < 76) {
    leave(any_actor());
  } else if (dice < 79) {
    crash(any_actor());
  } else if (dice < 83) {
    resubscribe(any_actor()->second);
  } else if (dice < 88) {
    change_topics();
  } else if (dice < 96) {
    pass(milliseconds(random_.chance(10) ? 30'000 : random_.below(3'000)));
  } else {
    restart();
  }
  check_invariants();
}

ConsumerGroupWorld::Actors::iterator ConsumerGroupWorld::any_actor() {
  return std::next(actors_.begin(), static_cast<std::ptrdiff_t>(random_.below(actors_.size())));
}

void ConsumerGroupWorld::choose_wish(Client& client) {
  client.names.clear();
  for (const char* topic_name : kTopicNames) {
    if (random_.chance(50)) client.names.emplace_back(topic_name);
  }
  client.regex = kRegexes[random_.below(kRegexes.size())];
}

void ConsumerGroupWorld::come(std::optional<std::string> instance_id) {
  Actor actor{.client = {.id = "m" + std::to_string(++last_name_), .instance_id = instance_id}};
  actor.client.rebalance_timeout_ms = 20'000;
  if (random_.chance(30)) actor.client.assignor = random_.chance(50) ? "range" : "uniform";
  choose_wish(actor.client);
  tell(actor.client.id + " comes as " + instance_id.value_or("nobody special"));
  beat(actors_.emplace(actor.client.id, actor).first->second);
}

void ConsumerGroupWorld::resubscribe(Actor& actor) {
  choose_wish(actor.client);
  actor.client.resubscribes = true;
  tell(actor.client.id + " wants something else");
}

void ConsumerGroupWorld::leave(Actors::iterator at) {
  Client client = at->second.client;
  const bool for_a_while = client.instance_id && random_.chance(60);
  client.epoch = for_a_while ? kStaticLeaveEpoch : kLeaveEpoch;
  tell(client.id + " leaves with " + std::to_string(client.epoch));
  if (at->second.client.epoch > 0) (void)call(client.request());
  actors_.erase(at);
}

void ConsumerGroupWorld::crash(Actors::iterator at) {
  tell(at->first + " crashes");
  actors_.erase(at);
}

void ConsumerGroupWorld::change_topics() {
  const std::string topic_name = kTopicNames[random_.below(kTopicNames.size())];
  const auto found = topics_.find(topic_name);
  if (found && random_.chance(30)) {
    topics_.remove(topic_name);
  } else {
    const auto more = static_cast<std::int32_t>(1 + random_.below(3));
    topics_.set(topic_name, std::min(8, (found ? found->partition_count : 0) + more));
  }
  const std::string_view changed = topic_name;
  group_->topics_changed(std::span(&changed, 1));
  tell("topic " + topic_name + " changes");
}

void ConsumerGroupWorld::pass(milliseconds time) {
  clock_.steady += time;
  clock_.wall_ms += time.count();
  std::vector<GroupRecord> written;
  group_->expire(clock_.steady, written);
  log_.insert(log_.end(), written.begin(), written.end());
  if (!written.empty()) ++counts()["expired"];
  tell(std::to_string(time.count()) + " ms pass, records " + std::to_string(written.size()));
  std::erase_if(may_hold_,
                [&](const auto& entry) { return group_->state().find(entry.first) == nullptr; });
}

void ConsumerGroupWorld::restart() {
  auto again = folded(log_, topics_, config_);
  if (!(again->state() == group_->state())) fail("the state after a restart is another");
  again->loaded(clock_.steady);
  group_ = std::move(again);
  ++counts()["restarted"];
  tell("restart");
}

std::optional<ConsumerGroup::Response> ConsumerGroupWorld::call(
    const ConsumerGroup::Request& request) {
  std::vector<GroupRecord> written;
  ConsumerGroup::Response response = group_->heartbeat(
      request, {.version = 1, .client_id = "c", .client_host = "/h", .now = clock_, .fresh_id = {}},
      written);
  if (response.error_code != ErrorCode::kNone) {
    ++counts()[std::string(name(response.error_code))];
    if (!written.empty()) fail("a refusal has written records");
  }
  tell(std::string(request.member_id) + " in " + std::to_string(request.member_epoch) + ": " +
       std::string(name(response.error_code)) + " " + std::to_string(response.member_epoch) +
       (request.topic_partitions ? " reports" : "") + (response.assignment ? " assigned" : "") +
       " records " + std::to_string(written.size()));
  if (!is_calm_ && random_.chance(2)) {  // nothing of it was written
    tell("… and the service dies");
    group_ = folded(log_, topics_, config_);
    group_->loaded(clock_.steady);
    ++counts()["died"];
    return std::nullopt;
  }
  log_.insert(log_.end(), written.begin(), written.end());
  if (response.error_code == ErrorCode::kNone) {
    note_confirmed(request);
    note_told(response);
  }
  return response;
}

void ConsumerGroupWorld::beat(Actor& actor) {
  Client& client = actor.client;
  if (actor.told && (is_calm_ || random_.chance(70))) {  // else it is still giving up
    client.reports = true;
    client.held = *std::exchange(actor.told, std::nullopt);
  }
  ConsumerGroup::Request request = client.request();
  if (actor.sends_all && client.epoch > 0) {
    request.rebalance_timeout_ms = client.rebalance_timeout_ms;
    request.subscribed_topic_names.emplace(client.names.begin(), client.names.end());
    request.subscribed_topic_regex = client.regex;
    request.topic_partitions = client.owned();
  }
  if (!is_calm_ && random_.chance(5)) {
    actor.sends_all = true;
    return tell(client.id + "'s request is lost");
  }
  const auto response = call(request);
  actor.sends_all = !response || (!is_calm_ && random_.chance(5));
  if (actor.sends_all) return tell(client.id + "'s answer is lost");
  deliver(actor, *response);
}

void ConsumerGroupWorld::deliver(Actor& actor, const ConsumerGroup::Response& response) {
  Client& client = actor.client;
  switch (response.error_code) {
    case ErrorCode::kNone: {
      if (response.member_epoch < last_epoch_[client.id]) fail("a member's epoch has fallen");
      last_epoch_[client.id] = response.member_epoch;
      Client as_told = client;
      as_told.follow(response);
      if (response.assignment) actor.told = as_told.held;
      client.epoch = as_told.epoch;
      client.reports = client.resubscribes = false;
      break;
    }
    case ErrorCode::kFencedMemberEpoch:
    case ErrorCode::kUnknownMemberId:
      actor.told.reset();
      client.rejoin();
      break;
    case ErrorCode::kUnreleasedInstanceId:
    case ErrorCode::kFencedInstanceId:
      actors_.erase(actors_.find(std::string(client.id)));  // fatal to it
      break;
    default:
      fail("a well-behaved member is told " + std::string(name(response.error_code)));
  }
}

// ---- what must hold

void ConsumerGroupWorld::note_confirmed(const ConsumerGroup::Request& request) {
  const std::string id(request.member_id);
  if (request.instance_id && request.member_epoch <= kJoinEpoch) {
    // A static member's earlier self is gone, or has left for a while.
    std::erase_if(may_hold_, [&](const auto& entry) {
      return entry.first != id && group_->state().find(entry.first) == nullptr;
    });
  }
  if (request.member_epoch < 0) may_hold_.erase(id);
  if (request.member_epoch < 0 || !request.topic_partitions) return;
  std::set<TopicPartition>& holds = may_hold_[id];
  holds.clear();
  for (const kafka::ConsumerGroupOwnedTopic& topic : *request.topic_partitions) {
    for (std::int32_t partition : topic.partitions) holds.insert({topic.topic_id, partition});
  }
}

void ConsumerGroupWorld::note_told(const ConsumerGroup::Response& response) {
  if (!response.assignment) return;
  for (const kafka::ConsumerGroupAssignedTopic& topic : response.assignment->topic_partitions) {
    for (std::int32_t partition : topic.partitions) {
      may_hold_[*response.member_id].insert({topic.topic_id, partition});
    }
  }
}

void ConsumerGroupWorld::check_invariants() {
  std::map<TopicPartition, std::string> holder;
  for (const auto& [id, places] : may_hold_) {
    for (const TopicPartition& place : places) {
      const auto [at, is_first] = holder.emplace(place, id);
      if (!is_first) fail(place.text() + " is held by " + at->second + " and " + id);
    }
  }
  const ConsumerGroupState& state = group_->state();
  const bool is_new = state.is_blank();
  if (!is_new && state.group_epoch() < last_group_epoch_) fail("the group epoch has fallen");
  if (!is_new && state.assignment_epoch() < last_assignment_epoch_) {
    fail("the assignment epoch has fallen");
  }
  if (state.assignment_epoch() > state.group_epoch()) fail("assigned ahead of the group epoch");
  last_group_epoch_ = state.group_epoch();
  last_assignment_epoch_ = state.assignment_epoch();
}

void ConsumerGroupWorld::calm_down() {
  is_calm_ = true;
  for (int round = 0; round < 30 && problem_.empty(); ++round) {
    pass(milliseconds(5'000));
    std::vector<std::string> ids;
    for (const auto& [id, actor] : actors_) ids.push_back(id);
    for (const std::string& id : ids) {
      const auto at = actors_.find(id);
      if (at != actors_.end()) beat(at->second);
      check_invariants();
    }
  }
  if (problem_.empty()) check_calm();
}

void ConsumerGroupWorld::check_calm() {
  const std::string_view wanted_phase = actors_.empty() ? "Empty" : "Stable";
  if (group_->phase() != wanted_phase)
    fail("in peace the group is " + std::string(group_->phase()));
  if (group_->member_count() != actors_.size()) fail("members are left that nobody plays");
  std::set<TopicPartition> wanted, held;
  for (const auto& [id, actor] : actors_) {
    std::set<std::string> topic_names(actor.client.names.begin(), actor.client.names.end());
    const auto pattern = TopicPattern::compile(actor.client.regex);
    std::set<TopicPartition> own;
    for (const auto& [topic_name, topic] : topics_.all()) {
      const bool matches = !actor.client.regex.empty() && pattern->matches(topic_name);
      if (!matches && !topic_names.contains(topic_name)) continue;
      for (std::int32_t p = 0; p < topic.partition_count; ++p) own.insert({topic.id, p});
    }
    if (!std::ranges::includes(own, actor.client.held)) fail(id + " holds what it did not ask for");
    wanted.insert(own.begin(), own.end());
    held.insert(actor.client.held.begin(), actor.client.held.end());
  }
  if (wanted != held) fail("wanted" + text_of(wanted) + " but held" + text_of(held));
  restart();
}

}  // namespace stele::groups
