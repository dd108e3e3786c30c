// Rules of partitions and of where they are: growing, cutting, describing, electing, moving.
#include "server/kafka/wire/partitions.h"
#include "server/kafka/wire/acls.h"
#include "server/kafka/wire/describe_producers.h"
#include "server/kafka/wire/log_dirs.h"
#include "server/kafka/wire/quorum.h"
#include "server/kafka/wire/replicas.h"
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

class Partitions : public BrokerTest {
protected:
  CreatePartitionsResult grow(const CreatePartitionsTopic& topic, bool validate_only = false) {
    CreatePartitionsRequest request;
    request.topics = {topic};
    request.validate_only = validate_only;
    return broker().ask<CreatePartitionsResponse>(3, request).results.at(0);
  }
  DeleteRecordsResponsePartition cut(std::string_view topic, std::int64_t before,
                                     std::int32_t partition = 0) {
    DeleteRecordsRequest request;
    request.topics = {{topic, {{partition, before}}}};
    return broker().ask<DeleteRecordsResponse>(2, request).topics.at(0).partitions.at(0);
  }
  DescribeTopicPartitionsResponse describe(std::vector<DescribeTopicPartitionsRequestTopic> topics,
                                           std::int32_t limit,
                                           std::optional<TopicPartitionCursor> cursor = {}) {
    DescribeTopicPartitionsRequest request{std::move(topics), limit, cursor};
    return broker().ask<DescribeTopicPartitionsResponse>(0, request);
  }
  ErrorCode reassign(std::optional<std::vector<std::int32_t>> replicas,
                     std::string_view topic = "orders", std::int32_t partition = 0) {
    AlterPartitionReassignmentsRequest request;
    request.topics = {{topic, {{partition, std::move(replicas)}}}};
    const auto response = broker().ask<AlterPartitionReassignmentsResponse>(1, request);
    EXPECT_EQ(response.error_code, ErrorCode::kNone);
    return response.responses.at(0).partitions.at(0).error_code;
  }
};

// --- CreatePartitions

TEST_F(Partitions, ATopicGrowsToTheCountAskedFor) {
  EXPECT_EQ(grow({"orders", 5, std::nullopt}).error_code, ErrorCode::kNone);
  EXPECT_EQ(store.find_topic("orders")->partition_count, 5);
  EXPECT_EQ(grow({"orders", 6, {{{{1}}}}}).error_code, ErrorCode::kNone);
  EXPECT_EQ(store.find_topic("orders")->partition_count, 6);
}

TEST_F(Partitions, WhatCannotGrowIsRefusedWithItsOwnCode) {
  struct Case {
    CreatePartitionsTopic topic;
    ErrorCode error;
  };
  store.create_topic({.name = "__consumer_offsets", .internal = true}).value();
  for (const Case& c :
       {Case{{"none", 5, std::nullopt}, ErrorCode::kUnknownTopicOrPartition},
        Case{{"orders", 2, std::nullopt}, ErrorCode::kInvalidPartitions},
        Case{{"orders", 1, std::nullopt}, ErrorCode::kInvalidPartitions},
        Case{{"orders", -1, std::nullopt}, ErrorCode::kInvalidPartitions},
        Case{{"orders", 4, {{{{1}}}}}, ErrorCode::kInvalidReplicaAssignment},
        Case{{"orders", 3, {{{{2}}}}}, ErrorCode::kInvalidReplicaAssignment},
        Case{{"orders", 3, {{{{1, 2}}}}}, ErrorCode::kInvalidReplicaAssignment},
        Case{{"__consumer_offsets", 9, std::nullopt}, ErrorCode::kInvalidTopicException}}) {
    EXPECT_EQ(grow(c.topic).error_code, c.error) << c.topic.name << ' ' << c.topic.count;
  }
  EXPECT_EQ(grow({"orders", 1, std::nullopt}).error_message,
            "The topic orders currently has 2 partition(s); 1 would not be an increase.");
  EXPECT_EQ(grow({"orders", 9, std::nullopt}, true).error_code, ErrorCode::kNone);
  EXPECT_EQ(store.find_topic("orders")->partition_count, 2);
}

TEST_F(Partitions, Rule13_OneResultForEachTopicToGrow) {
  create("other");
  CreatePartitionsRequest request;
  request.topics = {{"orders", 3, {}}, {"other", 2, {}}, {"none", 2, {}}, {"other", 3, {}}};
  const auto response = broker().ask<CreatePartitionsResponse>(3, request);
  ASSERT_EQ(response.results.size(), 3U);
  EXPECT_EQ(response.results[0].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.results[1].error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(response.results[2].error_code, ErrorCode::kUnknownTopicOrPartition);
}

// --- DeleteRecords

TEST_F(Partitions, Rule17_MinusOneCutsAtTheEndAndBelowTheStartIsSuccess) {
  for (int i = 0; i < 3; ++i) broker().produce("orders", make_batch());
  EXPECT_EQ(cut("orders", 2).low_watermark, 2);
  EXPECT_EQ(cut("orders", 1).error_code, ErrorCode::kNone);
  EXPECT_EQ(cut("orders", 1).low_watermark, 2);
  EXPECT_EQ(cut("orders", -1).low_watermark, 3);
  EXPECT_EQ(store.ends({orders->id, 0})->log_start, Offset(3));
}

TEST_F(Partitions, WhatCannotBeCutIsRefused) {
  create("compacted", {{"cleanup.policy", "compact"}});
  store.create_topic({.name = "__consumer_offsets", .internal = true}).value();
  EXPECT_EQ(cut("orders", 1).error_code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(cut("orders", 1).low_watermark, -1);
  EXPECT_EQ(cut("orders", -2).error_code, ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(cut("orders", 0, 7).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(cut("none", 0).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(cut("compacted", 0).error_code, ErrorCode::kPolicyViolation);
  EXPECT_EQ(cut("__consumer_offsets", 0).error_code, ErrorCode::kInvalidTopicException);
}

// --- DescribeTopicPartitions

TEST_F(Partitions, PagesGoOnWhereTheCursorSays) {
  create("a");
  create("z");
  std::vector<std::string> seen;
  std::optional<TopicPartitionCursor> cursor;
  std::string cursor_topic;  // the cursor views it
  for (int page = 0; page < 10; ++page) {
    const auto response = describe({}, 1, cursor);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        seen.push_back(*topic.name + std::to_string(partition.partition));
      }
    }
    if (!response.next_cursor) break;
    cursor_topic = response.next_cursor->topic_name;
    cursor = TopicPartitionCursor{cursor_topic, response.next_cursor->partition};
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a0", "orders0", "orders1", "z0"}));
}

TEST_F(Partitions, UnknownTopicsAndBadLimitsAreSaid) {
  const auto response = describe({{"none"}, {"orders"}, {"a/b"}}, 2000);
  ASSERT_EQ(response.topics.size(), 3U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::kInvalidTopicException);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[2].topic_id, orders->id);
  EXPECT_EQ(response.topics[2].partitions.at(1).isr_nodes, std::vector<std::int32_t>{1});
  EXPECT_FALSE(response.next_cursor);
  EXPECT_EQ(describe({{"orders"}}, 0).topics.at(0).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(describe({{"orders"}}, 5, TopicPartitionCursor{"orders", -1}).topics.at(0).error_code,
            ErrorCode::kInvalidRequest);
}

TEST_F(Partitions, APageHoldsTwoThousandPartitionsAtMost) {
  ASSERT_EQ(grow({"orders", 3000, std::nullopt}).error_code, ErrorCode::kNone);
  const auto response = describe({}, 1'000'000);
  EXPECT_EQ(response.topics.at(0).partitions.size(), 2000U);
  EXPECT_EQ(response.next_cursor->partition, 2000);
}

// --- where replicas are

TEST_F(Partitions, NoElectionIsNeeded) {
  ElectLeadersRequest request;
  request.topic_partitions = {{"orders", {0, 9}}, {"none", {0}}};
  const auto response = broker().ask<ElectLeadersResponse>(2, request);
  const auto& results = response.replica_election_results;
  EXPECT_EQ(results.at(0).partition_result.at(0).error_code, ErrorCode::kElectionNotNeeded);
  EXPECT_EQ(results.at(0).partition_result.at(1).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(results.at(1).partition_result.at(0).error_code, ErrorCode::kUnknownTopicOrPartition);
  request.election_type = 2;
  EXPECT_EQ(broker()
                .ask<ElectLeadersResponse>(2, request)
                .replica_election_results.at(0)
                .partition_result.at(0)
                .error_code,
            ErrorCode::kInvalidRequest);
  request.topic_partitions.reset();
  request.election_type = 0;
  EXPECT_TRUE(broker().ask<ElectLeadersResponse>(2, request).replica_election_results.empty());
}

TEST_F(Partitions, PartitionsMoveOnlyToWhereTheyAre) {
  EXPECT_EQ(reassign({{1}}), ErrorCode::kNone);
  EXPECT_EQ(reassign({{2}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign({{1, 2}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign({{1, 1}}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign(std::vector<std::int32_t>{}), ErrorCode::kInvalidReplicaAssignment);
  EXPECT_EQ(reassign(std::nullopt), ErrorCode::kNoReassignmentInProgress);
  EXPECT_EQ(reassign({{1}}, "none"), ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(reassign({{1}}, "orders", 2), ErrorCode::kUnknownTopicOrPartition);
  const auto list =
      broker().ask<ListPartitionReassignmentsResponse>(0, ListPartitionReassignmentsRequest{});
  EXPECT_EQ(list.error_code, ErrorCode::kNone);
  EXPECT_TRUE(list.topics.empty());
}

TEST_F(Partitions, TheFolderTellsTheBytesOfEachPartition) {
  BrokerOptions options;
  options.data_folder = "/data";
  with(options);
  broker().produce("orders", make_batch());
  DescribeLogDirsRequest request;
  request.topics.reset();
  const auto all = broker().ask<DescribeLogDirsResponse>(5, request).results.at(0);
  EXPECT_EQ(all.log_dir, "/data");
  EXPECT_EQ(all.topics.at(0).partitions.size(), 2U);
  EXPECT_EQ(all.topics.at(0).partitions.at(0).partition_size, store.size_bytes({orders->id, 0}));
  EXPECT_GT(all.topics.at(0).partitions.at(0).partition_size, 0);
  request.topics = {{"orders", {1, 9}}, {"none", {0}}};
  const auto some = broker().ask<DescribeLogDirsResponse>(5, request).results.at(0);
  ASSERT_EQ(some.topics.size(), 1U);
  EXPECT_EQ(some.topics[0].partitions.size(), 1U);
}

TEST_F(Partitions, TheNodeIsTheWholeQuorum) {
  DescribeQuorumRequest request;
  request.topics = {{"__cluster_metadata", {{0}, {1}}}, {"orders", {{0}}}};
  const auto response = broker().ask<DescribeQuorumResponse>(2, request);
  const auto& quorum = response.topics.at(0).partitions.at(0);
  EXPECT_EQ(quorum.error_code, ErrorCode::kNone);
  EXPECT_EQ(quorum.leader_id, 1);
  ASSERT_EQ(quorum.current_voters.size(), 1U);
  EXPECT_EQ(quorum.current_voters[0].log_end_offset, quorum.high_watermark);
  EXPECT_EQ(response.topics[0].partitions.at(1).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[1].partitions.at(0).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.nodes.at(0).listeners.at(0).port, 9092);
}

TEST_F(Partitions, ProducersAreDescribed) {
  store.set_producers(
      {orders->id, 1},
      {{.producer_id = 1000, .epoch = 2, .last_sequence = 17, .recorded_us = 5'000'000}});
  DescribeProducersRequest request;
  request.topics = {{"orders", {1, 9}}, {"none", {0}}};
  const auto response = broker().ask<DescribeProducersResponse>(0, request);
  const auto& producer = response.topics.at(0).partitions.at(0).active_producers.at(0);
  EXPECT_EQ(producer.producer_id, 1000);
  EXPECT_EQ(producer.producer_epoch, 2);
  EXPECT_EQ(producer.last_sequence, 17);
  EXPECT_EQ(producer.last_timestamp, 5000);
  EXPECT_EQ(producer.current_txn_start_offset, -1);
  EXPECT_EQ(response.topics[0].partitions.at(1).error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[1].partitions.at(0).error_code, ErrorCode::kUnknownTopicOrPartition);
}

// --- ACLs

TEST_F(Partitions, WithoutAnAuthorizerThereAreNoAcls) {
  const auto told = broker().ask<DescribeAclsResponse>(3, DescribeAclsRequest{});
  EXPECT_EQ(told.error_code, ErrorCode::kSecurityDisabled);
  EXPECT_EQ(told.error_message, "No Authorizer is configured.");
  CreateAclsRequest creations;
  creations.creations.resize(2);
  const auto created = broker().ask<CreateAclsResponse>(3, creations);
  ASSERT_EQ(created.results.size(), 2U);
  EXPECT_EQ(created.results[1].error_code, ErrorCode::kSecurityDisabled);
  DeleteAclsRequest filters;
  filters.filters.resize(2);
  const auto deleted = broker().ask<DeleteAclsResponse>(3, filters);
  ASSERT_EQ(deleted.filter_results.size(), 2U);
  EXPECT_EQ(deleted.filter_results[1].error_code, ErrorCode::kSecurityDisabled);
}

}  // namespace
// Java's Admin takes these lists apart without looking whether they are there.
TEST_F(Partitions, EligibleLeaderReplicasAreEmptyListsNotNull) {
  const auto response = describe({{"orders"}}, 2000);
  const auto& partition = response.topics.at(0).partitions.at(0);
  EXPECT_EQ(partition.eligible_leader_replicas, std::optional(std::vector<std::int32_t>{}));
  EXPECT_EQ(partition.last_known_elr, std::optional(std::vector<std::int32_t>{}));
}

}  // namespace stele::kafka::test
