// A consumer group with topics and a clock that the test sets, and members that behave like Kafka's
// clients: they hold what they were told, confirm what they have given up, and say only what has
// changed.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/groups/consumer_group.h"

namespace stele::groups {

inline Uuid topic_id(std::uint32_t number) {
  Uuid id;
  store_be(id.bytes.data(), number);
  return id;
}

class SetTopics final : public GroupTopics {
public:
  struct Topic {
    Uuid id;
    std::int32_t partition_count = 0;
  };

  /// Makes the topic, or lets it grow.
  void set(const std::string& topic_name, std::int32_t partition_count) {
    const auto [at, is_new] = topics_.try_emplace(topic_name);
    if (is_new) at->second.id = topic_id(++last_number_);
    at->second.partition_count = partition_count;
  }
  void remove(const std::string& topic_name) { topics_.erase(topic_name); }
  [[nodiscard]] const std::map<std::string, Topic, std::less<>>& all() const { return topics_; }

  [[nodiscard]] std::optional<AssignableTopic> find(std::string_view topic_name) const override {
    const auto at = topics_.find(topic_name);
    if (at == topics_.end()) return std::nullopt;
    return AssignableTopic{at->second.id, at->second.partition_count};
  }
  [[nodiscard]] std::optional<std::string> name_of(const Uuid& id) const override {
    for (const auto& [topic_name, topic] : topics_) {
      if (topic.id == id) return topic_name;
    }
    return std::nullopt;
  }
  void each_name(const std::function<void(std::string_view)>& visit) const override {
    for (const auto& [topic_name, topic] : topics_) visit(topic_name);
  }

private:
  std::map<std::string, Topic, std::less<>> topics_;
  std::uint32_t last_number_ = 0;
};

/// Folds records as a restarted service does.
inline std::unique_ptr<ConsumerGroup> folded(std::span<const GroupRecord> records,
                                             const GroupTopics& topics,
                                             const ConsumerGroupConfig& config) {
  auto group = std::make_unique<ConsumerGroup>("g", topics, config);
  for (const GroupRecord& record : records) {
    const auto key = read_consumer_key(record.key);
    EXPECT_TRUE(key) << key.error().text();
    if (!key) continue;
    EXPECT_EQ(key->group_id, "g");
    const auto value = record.value ? std::optional<ByteView>(*record.value) : std::nullopt;
    const auto applied = group->apply(*key, value);
    EXPECT_TRUE(applied) << applied.error().text();
  }
  return group;
}

/// One consumer's view of the group.
struct Client {
  std::string id;
  std::optional<std::string> instance_id = std::nullopt;
  std::vector<std::string> names = {};
  std::string regex = {};
  std::optional<std::string> assignor = std::nullopt;
  std::int32_t rebalance_timeout_ms = 60'000;

  std::int32_t epoch = 0;
  std::set<TopicPartition> held = {};
  bool reports = false;  ///< was told an assignment that it has not confirmed
  bool resubscribes = false;

  /// What it would send now. Views this client.
  [[nodiscard]] ConsumerGroup::Request request() const {
    ConsumerGroup::Request out{.group_id = "g", .member_id = id, .member_epoch = epoch};
    out.instance_id = instance_id;
    const bool joins = epoch == 0;
    if (joins || resubscribes) {
      out.subscribed_topic_names.emplace(names.begin(), names.end());
      out.subscribed_topic_regex = regex;
    }
    if (joins) {
      out.rebalance_timeout_ms = rebalance_timeout_ms;
      out.server_assignor = assignor;
      out.topic_partitions.emplace();
    }
    if (!joins && reports) out.topic_partitions = owned();
    return out;
  }
  [[nodiscard]] std::vector<kafka::ConsumerGroupOwnedTopic> owned() const {
    std::vector<kafka::ConsumerGroupOwnedTopic> out;
    for (const TopicPartition& place : held) {
      if (out.empty() || out.back().topic_id != place.topic) {
        out.push_back({.topic_id = place.topic, .partitions = {}});
      }
      out.back().partitions.push_back(place.partition);
    }
    return out;
  }
  void follow(const ConsumerGroup::Response& response) {
    if (response.error_code != kafka::ErrorCode::kNone) return;
    epoch = response.member_epoch;
    reports = resubscribes = false;
    if (!response.assignment) return;
    std::set<TopicPartition> told;
    for (const kafka::ConsumerGroupAssignedTopic& topic : response.assignment->topic_partitions) {
      for (std::int32_t partition : topic.partitions) told.insert({topic.topic_id, partition});
    }
    reports = true;  // what it was told is confirmed, whether it changes anything or not
    held = std::move(told);
  }
  /// It has lost its place: it gives everything up and joins anew.
  void rejoin() {
    epoch = 0;
    held.clear();
    reports = resubscribes = false;
  }
};

class ConsumerGroupTest : public testing::Test {
protected:
  using Request = ConsumerGroup::Request;
  using Response = ConsumerGroup::Response;
  using ErrorCode = kafka::ErrorCode;

  ConsumerGroupTest() {
    config.assignment_interval_ms = 0;
    make();
  }
  void make() { group = std::make_unique<ConsumerGroup>("g", topics, config); }

  Response send(const Request& request, std::int16_t version = 1) {
    std::vector<GroupRecord> written;
    Response response = group->heartbeat(request,
                                         {.version = version,
                                          .client_id = "client",
                                          .client_host = "/127.0.0.1",
                                          .now = clock,
                                          .fresh_id = topic_id(77)},
                                         written);
    if (response.error_code != ErrorCode::kNone) EXPECT_TRUE(written.empty()) << "of a refusal";
    record_count = written.size();
    log.insert(log.end(), written.begin(), written.end());
    return response;
  }
  Response beat(Client& client) {
    const Response response = send(client.request());
    client.follow(response);
    return response;
  }
  Response leave(Client& client, std::int32_t epoch = kLeaveEpoch) {
    Client copy = client;
    copy.epoch = epoch;
    return send(copy.request());
  }
  /// Everybody heartbeats until nobody has anything new to say.
  void settle(std::vector<Client*> clients) {
    for (int round = 0; round < 10; ++round) {
      for (Client* client : clients) beat(*client);
    }
  }
  void pass(std::chrono::milliseconds time) {
    clock.steady += time;
    clock.wall_ms += time.count();
  }
  void expire() {
    std::vector<GroupRecord> written;
    group->expire(clock.steady, written);
    log.insert(log.end(), written.begin(), written.end());
  }
  void topics_changed(std::string_view name) { group->topics_changed(std::span(&name, 1)); }
  /// A restart: what is in the log, and nothing else.
  void reload() {
    group = folded(log, topics, config);
    group->loaded(clock.steady);
  }
  [[nodiscard]] TopicPartition place(std::string_view topic_name, std::int32_t partition) const {
    return {topics.find(topic_name).value().id, partition};
  }
  [[nodiscard]] const MemberProgress& progress(std::string_view id) const {
    return group->state().find(id)->progress;
  }

  SetTopics topics;
  ConsumerGroupConfig config;
  GroupClock clock{.steady = std::chrono::hours(1), .wall_ms = 1'800'000'000'000};
  std::unique_ptr<ConsumerGroup> group;
  std::vector<GroupRecord> log;
  std::size_t record_count = 0;
};

}  // namespace stele::groups
