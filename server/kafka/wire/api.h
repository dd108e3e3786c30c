// The APIs of the Kafka protocol that are spoken here, and in which versions: one table, from which
// the messages, the ApiVersions answer and the tests all draw. Ranges are those of a Kafka 4.3
// broker.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "server/kafka/wire/schema.h"

namespace stele::kafka {

enum class ApiKey : std::int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDeleteAcls = 31,
  kDescribeConfigs = 32,
  kAlterConfigs = 33,
  kDescribeLogDirs = 35,
  kCreatePartitions = 37,
  kDeleteGroups = 42,
  kElectLeaders = 43,
  kIncrementalAlterConfigs = 44,
  kAlterPartitionReassignments = 45,
  kListPartitionReassignments = 46,
  kOffsetDelete = 47,
  kDescribeClientQuotas = 48,
  kAlterClientQuotas = 49,
  kDescribeQuorum = 55,
  kDescribeCluster = 60,
  kDescribeProducers = 61,
  kConsumerGroupHeartbeat = 68,
  kConsumerGroupDescribe = 69,
  kListConfigResources = 74,
  kDescribeTopicPartitions = 75,
};

struct Api {
  ApiKey key;
  std::string_view name;
  Versions served;
  Versions advertised;  ///< what ApiVersions says; wider than `served` only for Produce
  std::int16_t flexible_from;
};

inline constexpr std::int16_t kNeverFlexible = std::numeric_limits<std::int16_t>::max();

/// By rising key. Produce is advertised from 0 but served from 3, as Kafka 4 does itself:
/// librdkafka before 2.11.1 does not compress unless the range contains version 0 (KAFKA-18659).
inline constexpr std::array kApis = std::to_array<Api>({
    {ApiKey::kProduce, "Produce", {3, 13}, {0, 13}, 9},
    {ApiKey::kFetch, "Fetch", {4, 18}, {4, 18}, 12},
    {ApiKey::kListOffsets, "ListOffsets", {1, 11}, {1, 11}, 6},
    {ApiKey::kMetadata, "Metadata", {0, 13}, {0, 13}, 9},
    {ApiKey::kOffsetCommit, "OffsetCommit", {2, 10}, {2, 10}, 8},
    {ApiKey::kOffsetFetch, "OffsetFetch", {1, 10}, {1, 10}, 6},
    {ApiKey::kFindCoordinator, "FindCoordinator", {0, 6}, {0, 6}, 3},
    {ApiKey::kJoinGroup, "JoinGroup", {0, 9}, {0, 9}, 6},
    {ApiKey::kHeartbeat, "Heartbeat", {0, 4}, {0, 4}, 4},
    {ApiKey::kLeaveGroup, "LeaveGroup", {0, 5}, {0, 5}, 4},
    {ApiKey::kSyncGroup, "SyncGroup", {0, 5}, {0, 5}, 4},
    {ApiKey::kDescribeGroups, "DescribeGroups", {0, 6}, {0, 6}, 5},
    {ApiKey::kListGroups, "ListGroups", {0, 5}, {0, 5}, 3},
    {ApiKey::kApiVersions, "ApiVersions", {0, 4}, {0, 4}, 3},
    {ApiKey::kCreateTopics, "CreateTopics", {2, 7}, {2, 7}, 5},
    {ApiKey::kDeleteTopics, "DeleteTopics", {1, 6}, {1, 6}, 4},
    {ApiKey::kDeleteRecords, "DeleteRecords", {0, 2}, {0, 2}, 2},
    {ApiKey::kInitProducerId, "InitProducerId", {0, 5}, {0, 5}, 2},
    {ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", {2, 4}, {2, 4}, 4},
    {ApiKey::kDescribeAcls, "DescribeAcls", {1, 3}, {1, 3}, 2},
    {ApiKey::kCreateAcls, "CreateAcls", {1, 3}, {1, 3}, 2},
    {ApiKey::kDeleteAcls, "DeleteAcls", {1, 3}, {1, 3}, 2},
    {ApiKey::kDescribeConfigs, "DescribeConfigs", {1, 4}, {1, 4}, 4},
    {ApiKey::kAlterConfigs, "AlterConfigs", {0, 2}, {0, 2}, 2},
    {ApiKey::kDescribeLogDirs, "DescribeLogDirs", {1, 5}, {1, 5}, 2},
    {ApiKey::kCreatePartitions, "CreatePartitions", {0, 3}, {0, 3}, 2},
    {ApiKey::kDeleteGroups, "DeleteGroups", {0, 2}, {0, 2}, 2},
    {ApiKey::kElectLeaders, "ElectLeaders", {0, 2}, {0, 2}, 2},
    {ApiKey::kIncrementalAlterConfigs, "IncrementalAlterConfigs", {0, 1}, {0, 1}, 1},
    {ApiKey::kAlterPartitionReassignments, "AlterPartitionReassignments", {0, 1}, {0, 1}, 0},
    {ApiKey::kListPartitionReassignments, "ListPartitionReassignments", {0, 0}, {0, 0}, 0},
    {ApiKey::kOffsetDelete, "OffsetDelete", {0, 0}, {0, 0}, kNeverFlexible},
    {ApiKey::kDescribeClientQuotas, "DescribeClientQuotas", {0, 1}, {0, 1}, 1},
    {ApiKey::kAlterClientQuotas, "AlterClientQuotas", {0, 1}, {0, 1}, 1},
    {ApiKey::kDescribeQuorum, "DescribeQuorum", {0, 2}, {0, 2}, 0},
    {ApiKey::kDescribeCluster, "DescribeCluster", {0, 2}, {0, 2}, 0},
    {ApiKey::kDescribeProducers, "DescribeProducers", {0, 0}, {0, 0}, 0},
    {ApiKey::kConsumerGroupHeartbeat, "ConsumerGroupHeartbeat", {0, 1}, {0, 1}, 0},
    {ApiKey::kConsumerGroupDescribe, "ConsumerGroupDescribe", {0, 1}, {0, 1}, 0},
    {ApiKey::kListConfigResources, "ListConfigResources", {0, 1}, {0, 1}, 0},
    {ApiKey::kDescribeTopicPartitions, "DescribeTopicPartitions", {0, 0}, {0, 0}, 0},
});

/// nullptr: not spoken here.
[[nodiscard]] constexpr const Api* find_api(std::int16_t key) {
  for (const Api& api : kApis) {
    if (static_cast<std::int16_t>(api.key) == key) return &api;
  }
  return nullptr;
}
[[nodiscard]] constexpr const Api& api_of(ApiKey key) {
  return *find_api(static_cast<std::int16_t>(key));
}

/// What a message of this API says of itself in its kMessage.
[[nodiscard]] constexpr Message message_of(ApiKey key, std::string_view name) {
  return {name, api_of(key).served, api_of(key).flexible_from};
}

/// Headers have versions of their own: the one with tagged fields goes with flexible bodies.
[[nodiscard]] constexpr std::int16_t request_header_version(const Api& api, std::int16_t version) {
  return version >= api.flexible_from ? 2 : 1;
}
[[nodiscard]] constexpr std::int16_t request_header_version(ApiKey key, std::int16_t version) {
  return request_header_version(api_of(key), version);
}
/// The ApiVersions response always has the old header: whoever reads it does not know yet what we
/// speak.
[[nodiscard]] constexpr std::int16_t response_header_version(ApiKey key, std::int16_t version) {
  if (key == ApiKey::kApiVersions) return 0;
  return version >= api_of(key).flexible_from ? 1 : 0;
}

}  // namespace stele::kafka
