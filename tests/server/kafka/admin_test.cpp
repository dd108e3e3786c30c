// Rules of ApiVersions, Metadata, topics, offsets, settings and producer ids, by their names.
#include "server/kafka/handlers.h"
#include "server/kafka/wire/api_versions.h"
#include "server/kafka/wire/configs.h"
#include "server/kafka/wire/coordinators.h"
#include "server/kafka/wire/offsets.h"
#include "server/kafka/wire/topics.h"
#include "tests/server/kafka/broker_harness.h"
#include "tests/server/kafka/wire/every_message.h"

namespace stele::kafka::test {
namespace {

class AdminRules : public BrokerTest {
protected:
  MetadataResponseTopic metadata(std::string_view name, bool allow_creation = false,
                                 std::int16_t version = 9) {
    MetadataRequest request;
    request.topics = {{{}, name}};
    request.allow_auto_topic_creation = allow_creation;
    return broker().ask<MetadataResponse>(version, request).topics.at(0);
  }
  CreateTopicsResponseTopic create_topic(const CreateTopicsRequestTopic& topic,
                                         bool validate_only = false) {
    CreateTopicsRequest request;
    request.topics = {topic};
    request.validate_only = validate_only;
    return broker().ask<CreateTopicsResponse>(7, request).topics.at(0);
  }
  ListOffsetsResponsePartition list(std::int64_t timestamp, std::int32_t epoch = -1) {
    ListOffsetsRequest request;
    request.topics = {{"orders", {{0, epoch, timestamp}}}};
    return broker().ask<ListOffsetsResponse>(7, request).topics.at(0).partitions.at(0);
  }
  DescribeConfigsResult describe(ResourceType type, std::string_view name,
                                 std::optional<std::vector<std::string_view>> keys = {}) {
    DescribeConfigsRequest request;
    request.include_documentation = request.include_synonyms = true;
    request.resources = {{type, name, std::move(keys)}};
    return broker().ask<DescribeConfigsResponse>(4, request).results.at(0);
  }
};

// --- ApiVersions

TEST_F(AdminRules, Rule1_ALaterApiVersionsIsAnsweredInV0WithItsOwnRangeAlone) {
  // key 18, version 99, correlation id 7, then a header that nobody knows
  const Bytes frame{std::byte{0}, std::byte{18}, std::byte{0}, std::byte{99},   std::byte{0},
                    std::byte{0}, std::byte{0},  std::byte{7}, std::byte{0xff}, std::byte{0xf0}};
  const auto response = broker().decode<ApiVersionsResponse>(broker().send_bytes(frame, 0));
  EXPECT_EQ(response.error_code, ErrorCode::kUnsupportedVersion);
  ASSERT_EQ(response.api_keys.size(), 1U);
  EXPECT_EQ(response.api_keys[0].api_key, 18);
  EXPECT_EQ(response.api_keys[0].max_version, 4);
}

TEST_F(AdminRules, Rule2_OtherUnservedVersionsAndKeysClose) {
  const auto frame = [](std::uint8_t key, std::uint8_t version) {
    Bytes bytes(20);
    bytes[1] = std::byte{key};
    bytes[3] = std::byte{version};
    return bytes;
  };
  EXPECT_EQ(broker().send_bytes(frame(0, 2)).next, RequestHandler::Next::kClose);  // Produce v2
  EXPECT_EQ(broker().send_bytes(frame(3, 14)).next, RequestHandler::Next::kClose);
  EXPECT_EQ(broker().send_bytes(frame(34, 1)).next, RequestHandler::Next::kClose);  // log dirs
  EXPECT_EQ(broker().send_bytes(frame(255, 0)).next, RequestHandler::Next::kClose);
  EXPECT_EQ(broker().metrics.invalid_requests, 4);
}

TEST_F(AdminRules, Rule3_FeaturesWhoseLeastVersionIsZeroAreToldFromVersionFourOn) {
  const auto of_version = [&](std::int16_t version) {
    const Sent sent = broker().send(version, ApiVersionsRequest{"librdkafka", "2.0.2"});
    return broker().decode<ApiVersionsResponse>(sent);
  };
  const auto third = of_version(3);
  EXPECT_EQ(third.error_code, ErrorCode::kNone);
  EXPECT_EQ(third.api_keys.size(), kApis.size());
  EXPECT_EQ(third.api_keys[0].min_version, 0);  // Produce, or librdkafka won't compress
  ASSERT_EQ(third.supported_features.size(), 1U);
  EXPECT_EQ(third.supported_features[0], (SupportedFeature{"metadata.version", 7, 30}));
  EXPECT_EQ(third.finalized_features[1], (FinalizedFeature{"group.version", 1, 1}));
  EXPECT_EQ(third.finalized_features_epoch, 0);
  EXPECT_EQ(of_version(4).supported_features[1], (SupportedFeature{"group.version", 0, 1}));
}

TEST_F(AdminRules, Rule6_ArraysLargerThanTheirBytesClose) {
  const RequestHeader header{3, 4, 7, "test"};
  Bytes frame = request_frame(header, MetadataRequest{}).value().flat();
  store_be<std::int32_t>(frame.data() + frame.size() - 5, 0x7fffffff);
  EXPECT_EQ(broker().send_bytes(ByteView(frame).subspan(4), 4).next, RequestHandler::Next::kClose);
}

TEST_F(AdminRules, EveryAdvertisedApiIsHandled) {
  EveryApiMessage::each([&]<class M> {
    if constexpr (std::string_view(M::kMessage.name).ends_with("Request")) {
      for (std::int16_t v = M::kMessage.versions.first; v <= M::kMessage.versions.last; ++v) {
        M request;
        if constexpr (std::is_same_v<M, ProduceRequest>) request.acks = -1;
        EXPECT_NE(broker().send(v, request).next, RequestHandler::Next::kClose)
            << M::kMessage.name << " v" << v;
      }
    }
  });
}

// --- Metadata

TEST_F(AdminRules, Rule9_ClientsAreToldTheAddressThatTheyReached) {
  EXPECT_EQ(broker().broker.advertised_to(broker().client).text(), "127.0.0.1:9092");
  BrokerOptions both;
  both.listens_on_both_loopbacks = true;
  with(both);
  EXPECT_EQ(broker().broker.advertised_to(broker().client).text(), "localhost:9092");
  BrokerOptions told;
  told.advertised = server::HostPort{"stele.example", 19092};
  with(told);
  const auto response = broker().ask<MetadataResponse>(9, MetadataRequest{});
  EXPECT_EQ(response.brokers.at(0).host, "stele.example");
  EXPECT_EQ(response.brokers.at(0).port, 19092);
  EXPECT_EQ(response.controller_id, 1);
  EXPECT_EQ(response.cluster_id, store.id().text());
}

TEST_F(AdminRules, Rule10_WhatAllTopicsAndNoTopicsAre) {
  MetadataRequest none;
  none.topics.emplace();
  MetadataRequest all;
  all.topics.reset();
  EXPECT_EQ(broker().ask<MetadataResponse>(0, none).topics.size(), 1U);
  EXPECT_EQ(broker().ask<MetadataResponse>(1, none).topics.size(), 0U);
  EXPECT_EQ(broker().ask<MetadataResponse>(1, all).topics.size(), 1U);
}

TEST_F(AdminRules, Rule10_TopicIdsWorkFromVersionTwelve) {
  MetadataRequest request;
  request.topics = {{orders->id, std::nullopt}, {Uuid::from_random(5, 5), std::nullopt}};
  const auto response = broker().ask<MetadataResponse>(12, request);
  EXPECT_EQ(response.topics[0].name, "orders");
  EXPECT_EQ(response.topics[0].topic_id, orders->id);
  EXPECT_EQ(response.topics[0].partitions.size(), 2U);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::kUnknownTopicId);
  EXPECT_EQ(response.topics[1].name, std::nullopt);
  EXPECT_EQ(broker().ask<MetadataResponse>(11, request).topics[0].error_code,
            ErrorCode::kInvalidRequest);
}

TEST_F(AdminRules, Rule11_TopicsAreCreatedOnlyWhenTheRequestAllowsIt) {
  EXPECT_EQ(metadata("new").error_code, ErrorCode::kUnknownTopicOrPartition);
  const auto created = metadata("new", true);
  EXPECT_EQ(created.error_code, ErrorCode::kNone);
  EXPECT_EQ(created.partitions.size(), 1U);
  EXPECT_EQ(store.topics().size(), 2U);
  BrokerOptions off;
  off.auto_create_topics = false;
  with(off);
  EXPECT_EQ(metadata("newer", true).error_code, ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(AdminRules, Rule11_InvalidNamesAreSaid) {
  const std::string long_name(250, 'x');
  for (const std::string_view name :
       {std::string_view(".."), std::string_view("."), std::string_view("a/b"),
        std::string_view("a\0b", 3), std::string_view(long_name), std::string_view("caf\xc3\xa9"),
        std::string_view("__consumer_offsets"), std::string_view("")}) {
    EXPECT_EQ(metadata(name, true).error_code, ErrorCode::kInvalidTopicException) << name;
  }
  EXPECT_EQ(store.topics().size(), 1U);
}

// --- CreateTopics, DeleteTopics

TEST_F(AdminRules, Rule13_OneResultForEachTopicAskedFor) {
  CreateTopicsRequest request;
  request.topics = {{"a", 1, 1, {}, {}},
                    {"orders", 1, 1, {}, {}},
                    {"b/", 1, 1, {}, {}},
                    {"twice", 1, 1, {}, {}},
                    {"twice", 1, 1, {}, {}}};
  const auto response = broker().ask<CreateTopicsResponse>(7, request);
  ASSERT_EQ(response.topics.size(), 4U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.topics[0].topic_id, store.find_topic("a")->id);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::kTopicAlreadyExists);
  EXPECT_EQ(response.topics[2].error_code, ErrorCode::kInvalidTopicException);
  EXPECT_EQ(response.topics[3].error_code, ErrorCode::kInvalidRequest);
}

TEST_F(AdminRules, Rule16_ReplicationIsStrictOrClamped) {
  EXPECT_EQ(create_topic({"three", 1, 3, {}, {}}).error_code, ErrorCode::kInvalidReplicationFactor);
  EXPECT_EQ(create_topic({"zero", 1, 0, {}, {}}).error_code, ErrorCode::kInvalidReplicationFactor);
  const auto defaults = create_topic({"default", -1, -1, {}, {}});
  EXPECT_EQ(defaults.replication_factor, 1);
  EXPECT_EQ(defaults.partition_count, 1);
  BrokerOptions clamp;
  clamp.clamp_replication = true;
  with(clamp);
  EXPECT_EQ(create_topic({"three", 1, 3, {}, {}}).error_code, ErrorCode::kNone);
}

TEST_F(AdminRules, BadTopicsAreRefusedWithTheirOwnCode) {
  struct Case {
    CreateTopicsRequestTopic topic;
    ErrorCode error;
  };
  for (const Case& c :
       {Case{{"t", 0, 1, {}, {}}, ErrorCode::kInvalidPartitions},
        Case{{"t", 1, 1, {}, {{"no.such", "1"}}}, ErrorCode::kInvalidConfig},
        Case{{"t", 1, 1, {}, {{"retention.ms", "soon"}}}, ErrorCode::kInvalidConfig},
        Case{{"t", 1, 1, {}, {{"retention.ms", std::nullopt}}}, ErrorCode::kInvalidConfig},
        Case{{"t", 2, 1, {{0, {1}}}, {}}, ErrorCode::kInvalidRequest},
        Case{{"t", -1, -1, {{0, {7}}}, {}}, ErrorCode::kInvalidReplicaAssignment},
        Case{{"t", -1, -1, {{1, {1}}}, {}}, ErrorCode::kInvalidReplicaAssignment}}) {
    EXPECT_EQ(create_topic(c.topic).error_code, c.error);
  }
  EXPECT_EQ(create_topic({"t", -1, -1, {{1, {1}}, {0, {1}}}, {}}).partition_count, 2);
}

TEST_F(AdminRules, ValidateOnlyCreatesNothing) {
  const auto checked = create_topic({"t", 3, 1, {}, {{"retention.ms", "5"}}}, true);
  EXPECT_EQ(checked.error_code, ErrorCode::kNone);
  EXPECT_EQ(checked.partition_count, 3);
  EXPECT_EQ(store.find_topic("t"), nullptr);
}

TEST_F(AdminRules, NothingOvertakesACreation) {
  CreateTopicsRequest request;
  request.topics = {{"a", 1, 1, {}, {}}};
  EXPECT_EQ(broker().send(7, request).next, RequestHandler::Next::kWait);
}

TEST_F(AdminRules, TopicsAreDeletedByNameAndById) {
  create("other");
  DeleteTopicsRequest request;
  request.topics = {{std::nullopt, orders->id},
                    {"other", {}},
                    {"nowhere", {}},
                    {std::nullopt, Uuid::from_random(5, 5)},
                    {std::nullopt, {}}};
  const auto response = broker().ask<DeleteTopicsResponse>(6, request);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.topics[0].name, "orders");
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.topics[2].error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[3].error_code, ErrorCode::kUnknownTopicId);
  EXPECT_EQ(response.topics[4].error_code, ErrorCode::kInvalidRequest);
  EXPECT_TRUE(store.topics().empty());
}

// --- ListOffsets, OffsetForLeaderEpoch

TEST_F(AdminRules, Rule40_WhatEachTimestampAsksFor) {
  for (const std::int64_t time : {100, 300, 200}) {
    broker().produce("orders", make_batch({.timestamp_ms = time}));
  }
  EXPECT_EQ(list(kLatestTimestamp).offset, 3);
  EXPECT_EQ(list(kEarliestTimestamp).offset, 0);
  EXPECT_EQ(list(kEarliestLocalTimestamp).offset, 0);
  EXPECT_EQ(list(kLatestTieredTimestamp).offset, -1);
  EXPECT_EQ(list(kMaxTimestamp).offset, 1);
  EXPECT_EQ(list(kMaxTimestamp).timestamp, 300);
  EXPECT_EQ(list(150).offset, 1);
  EXPECT_EQ(list(301).offset, -1);
  EXPECT_EQ(list(301).timestamp, -1);
  EXPECT_EQ(list(301).error_code, ErrorCode::kNone);
}

TEST_F(AdminRules, Rule39_TheEpochIsTheRecords) {
  store.set_epoch(3);
  broker().produce("orders", make_batch({.timestamp_ms = 100}));
  store.set_epoch(4);
  EXPECT_EQ(list(50).leader_epoch, 3);
  EXPECT_EQ(list(kEarliestTimestamp).leader_epoch, 3);
  EXPECT_EQ(list(kLatestTimestamp).leader_epoch, 4);
}

TEST_F(AdminRules, Rule37_ListOffsetsChecksTheEpoch) {
  store.set_epoch(3);
  EXPECT_EQ(list(kLatestTimestamp, 2).error_code, ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(list(kLatestTimestamp, 4).error_code, ErrorCode::kUnknownLeaderEpoch);
}

TEST_F(AdminRules, Rule38_AnUnknownEpochIsUndefinedNotAnError) {
  store.set_epoch(3);
  broker().produce("orders", make_batch());
  OffsetForLeaderEpochRequest request;
  request.topics = {{"orders", {{0, -1, 3}, {0, -1, 2}, {0, -1, 9}, {5, -1, 3}}}};
  const auto answers = broker().ask<OffsetForLeaderEpochResponse>(4, request).topics[0].partitions;
  EXPECT_EQ(answers[0].end_offset, 1);
  EXPECT_EQ(answers[0].leader_epoch, 3);
  for (const std::size_t unknown : {1U, 2U}) {
    EXPECT_EQ(answers[unknown].error_code, ErrorCode::kNone);
    EXPECT_EQ(answers[unknown].end_offset, -1);
    EXPECT_EQ(answers[unknown].leader_epoch, -1);
  }
  EXPECT_EQ(answers[3].error_code, ErrorCode::kUnknownTopicOrPartition);
}

// --- DescribeConfigs, DescribeCluster

TEST_F(AdminRules, Rule14_EverySettingWithItsSource) {
  create("kept", {{"retention.ms", "5000"}});
  for (const auto& keys : {std::optional<std::vector<std::string_view>>{},
                           std::optional(std::vector<std::string_view>{})}) {
    const auto all = describe(ResourceType::kTopic, "kept", keys);
    EXPECT_EQ(all.configs.size(), log::topic_setting_table().size());
    for (const DescribeConfigsEntry& entry : all.configs) {
      EXPECT_FALSE(entry.documentation.value_or("").empty()) << entry.name;
      EXPECT_FALSE(entry.synonyms.empty()) << entry.name;
      EXPECT_GT(entry.config_type, 0) << entry.name;
      EXPECT_EQ(entry.config_source, entry.name == "retention.ms" ? 1 : 5);
    }
  }
  const auto one =
      describe(ResourceType::kTopic, "kept", std::vector<std::string_view>{"retention.ms"});
  ASSERT_EQ(one.configs.size(), 1U);
  EXPECT_EQ(one.configs[0].value, "5000");
  ASSERT_EQ(one.configs[0].synonyms.size(), 2U);
  EXPECT_EQ(one.configs[0].synonyms[1].name, "log.retention.ms");
}

TEST_F(AdminRules, Rule14_BrokerSettingsAndWhoIsNotThere) {
  BrokerOptions options;
  options.configs = {{"num.partitions", "4", "1", "Partitions.", false, 3}};
  with(options);
  const auto here =
      describe(ResourceType::kBroker, "1", std::vector<std::string_view>{"num.partitions"});
  ASSERT_EQ(here.configs.size(), 1U);
  EXPECT_EQ(here.configs[0].value, "4");
  EXPECT_EQ(here.configs[0].config_source, 4);
  EXPECT_EQ(describe(ResourceType::kBroker, "2").error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe(ResourceType::kTopic, "none").error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(describe(ResourceType::kGroup, "").error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe(ResourceType::kBrokerLogger, "1").error_code, ErrorCode::kInvalidRequest);
}

TEST_F(AdminRules, DescribeClusterNamesTheBroker) {
  DescribeClusterRequest request;
  const auto response = broker().ask<DescribeClusterResponse>(2, request);
  EXPECT_EQ(response.cluster_id, store.id().text());
  EXPECT_EQ(response.brokers.at(0).broker_id, 1);
  request.endpoint_type = 2;
  EXPECT_EQ(broker().ask<DescribeClusterResponse>(2, request).error_code,
            ErrorCode::kMismatchedEndpointType);
}

// --- FindCoordinator

TEST_F(AdminRules, ThisNodeCoordinatesEveryGroupAndNothingElse) {
  FindCoordinatorRequest one;
  one.key = "g";
  EXPECT_EQ(broker().ask<FindCoordinatorResponse>(0, one).node_id, 1);
  FindCoordinatorRequest many;
  many.coordinator_keys = {"g", "h"};
  const auto response = broker().ask<FindCoordinatorResponse>(6, many);
  ASSERT_EQ(response.coordinators.size(), 2u);
  EXPECT_EQ(response.coordinators[1].key, "h");
  EXPECT_EQ(response.coordinators[1].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.coordinators[1].port, 9092);
  many.key_type = 1;
  EXPECT_EQ(broker().ask<FindCoordinatorResponse>(6, many).coordinators.at(0).error_code,
            ErrorCode::kTransactionalIdAuthorizationFailed);
  many.key_type = 2;
  EXPECT_EQ(broker().ask<FindCoordinatorResponse>(6, many).coordinators.at(0).error_code,
            ErrorCode::kInvalidRequest);
}

// --- InitProducerId

TEST_F(AdminRules, ProducerIdsAreNeverGivenTwice) {
  InitProducerIdRequest request;
  request.transactional_id.reset();
  std::int64_t last = -1;
  for (int i = 0; i < 2500; ++i) {
    const auto response = broker().ask<InitProducerIdResponse>(4, request);
    ASSERT_EQ(response.error_code, ErrorCode::kNone);
    ASSERT_GT(response.producer_id, last);
    EXPECT_EQ(response.producer_epoch, 0);
    last = response.producer_id;
  }
}

TEST_F(AdminRules, TransactionalIdsAreRefused) {
  InitProducerIdRequest request;
  request.transactional_id = "tx";
  EXPECT_EQ(broker().ask<InitProducerIdResponse>(4, request).error_code,
            ErrorCode::kTransactionalIdAuthorizationFailed);
  request.transactional_id = "";
  EXPECT_EQ(broker().ask<InitProducerIdResponse>(4, request).error_code,
            ErrorCode::kInvalidRequest);
}

}  // namespace
// librdkafka writes null lists of flexible versions too long (its issue 5049).
TEST_F(AdminRules, BytesBehindARequestAreLetBe) {
  MetadataRequest request;
  request.topics.reset();
  const RequestHeader header{static_cast<std::int16_t>(ApiKey::kMetadata), 12, 7, "test"};
  Bytes frame = request_frame(header, request).value().flat();
  frame.insert(frame.end(), 3, std::byte{0});
  const Sent sent = broker().send_bytes(ByteView(frame).subspan(4), 12);
  ASSERT_NE(sent.next, Next::kClose);
  broker().settle();
  EXPECT_FALSE(broker().decode<MetadataResponse>(sent).topics.empty());
}

}  // namespace stele::kafka::test
