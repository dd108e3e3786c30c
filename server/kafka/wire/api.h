// The APIs of the Kafka protocol that are spoken here, and in which versions: one table, from which
// the messages, the ApiVersions answer and the tests all draw. Ranges are those of a Kafka 4.3
// broker.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "server/kafka/wire/schema.h"

namespace stele::kafka {

enum class ApiKey : std::int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kFindCoordinator = 10,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kDescribeConfigs = 32,
  kDescribeCluster = 60,
};

struct Api {
  ApiKey key;
  std::string_view name;
  Versions served;
  Versions advertised;  ///< what ApiVersions says; wider than `served` only for Produce
  std::int16_t flexible_from;
};

/// By rising key. Produce is advertised from 0 but served from 3, as Kafka 4 does itself:
/// librdkafka before 2.11.1 does not compress unless the range contains version 0 (KAFKA-18659).
inline constexpr std::array kApis = std::to_array<Api>({
    {ApiKey::kProduce, "Produce", {3, 13}, {0, 13}, 9},
    {ApiKey::kFetch, "Fetch", {4, 18}, {4, 18}, 12},
    {ApiKey::kListOffsets, "ListOffsets", {1, 11}, {1, 11}, 6},
    {ApiKey::kMetadata, "Metadata", {0, 13}, {0, 13}, 9},
    {ApiKey::kFindCoordinator, "FindCoordinator", {0, 6}, {0, 6}, 3},
    {ApiKey::kApiVersions, "ApiVersions", {0, 4}, {0, 4}, 3},
    {ApiKey::kCreateTopics, "CreateTopics", {2, 7}, {2, 7}, 5},
    {ApiKey::kDeleteTopics, "DeleteTopics", {1, 6}, {1, 6}, 4},
    {ApiKey::kInitProducerId, "InitProducerId", {0, 5}, {0, 5}, 2},
    {ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", {2, 4}, {2, 4}, 4},
    {ApiKey::kDescribeConfigs, "DescribeConfigs", {1, 4}, {1, 4}, 4},
    {ApiKey::kDescribeCluster, "DescribeCluster", {0, 2}, {0, 2}, 0},
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
