// Rules of settings: describing, changing and listing them.
#include <algorithm>

#include "server/kafka/setting_tables.h"
#include "server/kafka/wire/alter_configs.h"
#include "server/kafka/wire/configs.h"
#include "server/kafka/wire/consumer_groups.h"
#include "server/kafka/wire/coordinators.h"
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

constexpr std::int8_t kSet = 0;
constexpr std::int8_t kDelete = 1;
constexpr std::int8_t kAppend = 2;
constexpr std::int8_t kSubtract = 3;

using Entry = IncrementalAlterConfigsEntry;

class Settings : public BrokerTest {
protected:
  AlterConfigsResult alter(ResourceType type, std::string_view name, std::vector<Entry> entries,
                           bool validate_only = false) {
    IncrementalAlterConfigsRequest request;
    request.resources = {{type, name, std::move(entries)}};
    request.validate_only = validate_only;
    return broker().ask<IncrementalAlterConfigsResponse>(1, request).responses.at(0);
  }
  AlterConfigsResult alter_topic(std::vector<Entry> entries, bool validate_only = false) {
    return alter(ResourceType::kTopic, "orders", std::move(entries), validate_only);
  }
  DescribeConfigsResult describe(ResourceType type, std::string_view name) {
    DescribeConfigsRequest request;
    request.include_documentation = request.include_synonyms = true;
    request.resources = {{type, name, std::nullopt}};
    return broker().ask<DescribeConfigsResponse>(4, request).results.at(0);
  }
  std::optional<DescribeConfigsEntry> entry(ResourceType type, std::string_view name,
                                            std::string_view setting) {
    const auto all = describe(type, name);
    const auto at = std::ranges::find(all.configs, setting, &DescribeConfigsEntry::name);
    return at == all.configs.end() ? std::nullopt : std::optional(*at);
  }
  [[nodiscard]] log::TopicSettings of_orders() const {
    return store.find_topic("orders")->settings;
  }
};

// --- describing

TEST_F(Settings, BrokersTellEverySettingThatToolsLookFor) {
  const auto all = describe(ResourceType::kBroker, "1");
  EXPECT_EQ(all.configs.size(), broker_setting_table().size());
  EXPECT_TRUE(std::ranges::is_sorted(all.configs, {}, &DescribeConfigsEntry::name));
  for (const DescribeConfigsEntry& setting : all.configs) {
    EXPECT_FALSE(setting.documentation.value_or("").empty()) << setting.name;
    EXPECT_TRUE(setting.read_only) << setting.name;
    EXPECT_GT(setting.config_type, 0) << setting.name;
  }
  EXPECT_EQ(entry(ResourceType::kBroker, "1", "inter.broker.protocol.version")->value, "4.3-IV0");
  EXPECT_EQ(entry(ResourceType::kBroker, "1", "delete.topic.enable")->value, "true");
  EXPECT_EQ(entry(ResourceType::kBroker, "1", "delete.topic.enable")->config_type, 1);
}

TEST_F(Settings, TheDefaultOfEachTopicSettingIsABrokersSetting) {
  for (const log::SettingInfo& setting : log::topic_setting_table()) {
    const log::SettingInfo* broker =
        find_setting(broker_setting_table(), broker_synonym(setting.name));
    ASSERT_NE(broker, nullptr) << setting.name;
    EXPECT_EQ(broker->default_value, setting.default_value) << setting.name;
    EXPECT_EQ(broker->type, setting.type) << setting.name;
  }
}

TEST_F(Settings, WhatTheBrokerWasToldGoesBeforeTheTable) {
  BrokerOptions options;
  options.configs = {{"node.id", "7", "1", "Its id.", false}};
  options.node_id = 7;
  with(options);
  EXPECT_EQ(entry(ResourceType::kBroker, "7", "node.id")->value, "7");
  EXPECT_EQ(entry(ResourceType::kBroker, "7", "node.id")->config_type, 3);
  EXPECT_EQ(entry(ResourceType::kBroker, "7", "broker.id")->value, "7");
  EXPECT_EQ(entry(ResourceType::kBroker, "7", "broker.id")->config_source, 4);
}

// --- changing a topic's

TEST_F(Settings, SetAndDeleteChangeOneAndLeaveTheOthers) {
  EXPECT_EQ(alter_topic({{"retention.ms", kSet, "5000"}, {"segment.ms", kSet, "60000"}}).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(alter_topic({{"segment.ms", kDelete, std::nullopt}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(of_orders(), (log::TopicSettings{{"retention.ms", "5000"}}));
  EXPECT_EQ(entry(ResourceType::kTopic, "orders", "retention.ms")->config_source, 1);
  EXPECT_EQ(entry(ResourceType::kTopic, "orders", "segment.ms")->config_source, 5);
}

TEST_F(Settings, Rule15_ListsAreAppendedToAndSubtractedFrom) {
  EXPECT_EQ(alter_topic({{"cleanup.policy", kAppend, "compact"}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(of_orders().at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter_topic({{"cleanup.policy", kAppend, "compact"}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(of_orders().at("cleanup.policy"), "delete,compact");
  EXPECT_EQ(alter_topic({{"cleanup.policy", kSubtract, "delete"}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(of_orders().at("cleanup.policy"), "compact");
  const auto refused = alter_topic({{"retention.ms", kAppend, "5"}});
  EXPECT_EQ(refused.error_code, ErrorCode::kInvalidConfig);
  EXPECT_EQ(refused.error_message,
            "Can't APPEND to key retention.ms because its type is not LIST.");
}

TEST_F(Settings, ValidateOnlyChangesNothing) {
  EXPECT_EQ(alter_topic({{"retention.ms", kSet, "5000"}}, true).error_code, ErrorCode::kNone);
  EXPECT_EQ(alter_topic({{"retention.ms", kSet, "soon"}}, true).error_code,
            ErrorCode::kInvalidConfig);
  EXPECT_TRUE(of_orders().empty());
}

TEST_F(Settings, WhatCannotBeIsRefusedAndChangesNothing) {
  struct Case {
    std::vector<Entry> entries;
    ErrorCode error;
  };
  for (const Case& c :
       {Case{{{"no.such", kSet, "1"}}, ErrorCode::kInvalidConfig},
        Case{{{"retention.ms", kSet, "soon"}}, ErrorCode::kInvalidConfig},
        Case{{{"retention.ms", kSet, std::nullopt}}, ErrorCode::kInvalidRequest},
        Case{{{"retention.ms", 4, "5"}}, ErrorCode::kInvalidRequest},
        Case{{{"retention.ms", -1, "5"}}, ErrorCode::kInvalidRequest},
        Case{{{"segment.ms", kSet, "9"}, {"segment.ms", kSet, "9"}}, ErrorCode::kInvalidRequest},
        Case{{{"segment.ms", kSet, "9"}, {"no.such", kSet, "1"}}, ErrorCode::kInvalidConfig}}) {
    const auto refused = alter_topic(c.entries);
    EXPECT_EQ(refused.error_code, c.error) << refused.error_message.value_or("");
    EXPECT_FALSE(refused.error_message.value_or("").empty());
    EXPECT_TRUE(of_orders().empty());
  }
  EXPECT_EQ(alter(ResourceType::kTopic, "none", {}).error_code,
            ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(alter(ResourceType::kTopic, "a/b", {}).error_code, ErrorCode::kInvalidTopicException);
}

TEST_F(Settings, AResourceNamedTwiceIsRefusedTwice) {
  IncrementalAlterConfigsRequest request;
  request.resources = {{ResourceType::kTopic, "orders", {{"retention.ms", kSet, "1"}}},
                       {ResourceType::kTopic, "orders", {{"segment.ms", kSet, "1"}}}};
  const auto answered = broker().ask<IncrementalAlterConfigsResponse>(0, request);
  ASSERT_EQ(answered.responses.size(), 2U);
  for (const AlterConfigsResult& result : answered.responses) {
    EXPECT_EQ(result.error_code, ErrorCode::kInvalidRequest);
  }
  EXPECT_TRUE(of_orders().empty());
}

TEST_F(Settings, OfTwoChangesUnderWayTheSecondBuildsOnTheFirst) {
  IncrementalAlterConfigsRequest first;
  first.resources = {{ResourceType::kTopic, "orders", {{"retention.ms", kSet, "5000"}}}};
  IncrementalAlterConfigsRequest second;
  second.resources = {{ResourceType::kTopic, "orders", {{"segment.ms", kSet, "60000"}}}};
  (void)broker().send(1, first);
  (void)broker().send(1, second);
  broker().settle();
  EXPECT_EQ(of_orders().size(), 2U);
}

TEST_F(Settings, AlterConfigsReplacesWhatWasThere) {
  (void)alter_topic({{"retention.ms", kSet, "5000"}});
  AlterConfigsRequest request;
  request.resources = {{ResourceType::kTopic, "orders", {{"segment.ms", "60000"}}}};
  EXPECT_EQ(broker().ask<AlterConfigsResponse>(2, request).responses.at(0).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(of_orders(), (log::TopicSettings{{"segment.ms", "60000"}}));
  request.resources[0].configs[0].value.reset();
  EXPECT_EQ(broker().ask<AlterConfigsResponse>(2, request).responses.at(0).error_code,
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(of_orders().size(), 1U);
}

TEST_F(Settings, AStoreThatFailsIsSaid) {
  store.fail_appends(Code::kIo);
  EXPECT_EQ(alter_topic({{"retention.ms", kSet, "5000"}}).error_code,
            ErrorCode::kKafkaStorageError);
  store.fail_appends(std::nullopt);
  EXPECT_EQ(alter_topic({{"segment.ms", kSet, "60000"}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(of_orders().size(), 1U);
}

// --- a broker's, a group's

TEST_F(Settings, ABrokersAreNeverAcceptedSilently) {
  const auto refused = alter(ResourceType::kBroker, "1", {{"num.partitions", kSet, "9"}});
  EXPECT_EQ(refused.error_code, ErrorCode::kInvalidRequest);
  EXPECT_NE(refused.error_message->find("Cannot update these configs dynamically"),
            std::string::npos);
  EXPECT_EQ(alter(ResourceType::kBroker, "", {{"x", kSet, "9"}}).error_code,
            ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(ResourceType::kBroker, "2", {}).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(alter(ResourceType::kClientMetrics, "m", {{"metrics", kSet, "*"}}).error_code,
            ErrorCode::kInvalidRequest);
  EXPECT_TRUE(store.properties().empty());
}

TEST_F(Settings, TakingAwayWhatABrokerWasNeverToldChangesNothing) {
  const std::string_view rate = "leader.replication.throttled.rate";
  EXPECT_EQ(alter(ResourceType::kBroker, "1", {{rate, kDelete, std::nullopt}}).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(alter(ResourceType::kBroker, "1", {{rate, kDelete, std::nullopt}, {"x", kSet, "9"}})
                .error_code,
            ErrorCode::kInvalidRequest);
}

TEST_F(Settings, AGroupsAreKeptInTheStoreAndToldBack) {
  const std::string_view session = "consumer.session.timeout.ms";
  EXPECT_EQ(alter(ResourceType::kGroup, "a:b", {{session, kSet, "50000"}}).error_code,
            ErrorCode::kNone);
  EXPECT_EQ(store.properties().at("group:a:b:consumer.session.timeout.ms"), "50000");
  EXPECT_EQ(entry(ResourceType::kGroup, "a:b", session)->value, "50000");
  EXPECT_EQ(entry(ResourceType::kGroup, "a:b", session)->config_source, 8);
  EXPECT_EQ(entry(ResourceType::kGroup, "other", session)->value, "45000");
  with({});  // started again
  EXPECT_EQ(entry(ResourceType::kGroup, "a:b", session)->value, "50000");
  EXPECT_EQ(alter(ResourceType::kGroup, "a:b", {{session, kDelete, {}}}).error_code,
            ErrorCode::kNone);
  EXPECT_TRUE(store.properties().empty());
  EXPECT_EQ(entry(ResourceType::kGroup, "a:b", session)->config_source, 5);
}

TEST_F(Settings, AGroupsTakeEffectWhileItLives) {
  const auto heartbeat = [&](std::string_view member, std::int32_t epoch) {
    ConsumerGroupHeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.member_epoch = epoch;
    request.rebalance_timeout_ms = 60'000;
    request.subscribed_topic_names = {{"orders"}};
    if (epoch == 0) request.topic_partitions.emplace();
    return broker().ask<ConsumerGroupHeartbeatResponse>(1, request);
  };
  ASSERT_TRUE(broker().broker.coordinator.load());
  FindCoordinatorRequest find;
  find.key = "g";
  (void)broker().ask<FindCoordinatorResponse>(0, find);
  const auto joined = heartbeat("m", 0);
  ASSERT_EQ(joined.error_code, ErrorCode::kNone) << joined.error_message.value_or("");
  EXPECT_EQ(joined.heartbeat_interval_ms, 5'000);
  (void)alter(ResourceType::kGroup, "g", {{"consumer.heartbeat.interval.ms", kSet, "9000"}});
  EXPECT_EQ(heartbeat("m", joined.member_epoch).heartbeat_interval_ms, 9'000);
}

TEST_F(Settings, AGroupsHaveBounds) {
  for (const auto& [name, value] : {std::pair("consumer.session.timeout.ms", "44999"),
                                    {"consumer.session.timeout.ms", "60001"},
                                    {"consumer.heartbeat.interval.ms", "4999"},
                                    {"consumer.heartbeat.interval.ms", "soon"},
                                    {"share.session.timeout.ms", "45000"}}) {
    EXPECT_EQ(alter(ResourceType::kGroup, "g", {{name, kSet, value}}).error_code,
              ErrorCode::kInvalidConfig)
        << name << '=' << value;
  }
  EXPECT_EQ(alter(ResourceType::kGroup, "", {}).error_code, ErrorCode::kInvalidRequest);
}

// --- listing

TEST_F(Settings, ResourcesAreListedByTypeAndOldClientsAskForMetricsAlone) {
  (void)alter(ResourceType::kGroup, "g", {{"consumer.session.timeout.ms", kSet, "50000"}});
  ListConfigResourcesRequest request;
  EXPECT_TRUE(broker().ask<ListConfigResourcesResponse>(0, request).config_resources.empty());
  const auto all = broker().ask<ListConfigResourcesResponse>(1, request).config_resources;
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].resource_name, "orders");
  EXPECT_EQ(all[1].resource_name, "1");
  EXPECT_EQ(all[2].resource_name, "g");
  request.resource_types = {32};
  EXPECT_EQ(broker().ask<ListConfigResourcesResponse>(1, request).config_resources.size(), 1U);
  request.resource_types = {2, 99};
  const auto unknown = broker().ask<ListConfigResourcesResponse>(1, request);
  EXPECT_EQ(unknown.error_code, ErrorCode::kUnsupportedVersion);
  EXPECT_TRUE(unknown.config_resources.empty());
}

}  // namespace
}  // namespace stele::kafka::test
