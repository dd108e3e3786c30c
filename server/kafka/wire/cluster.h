// Metadata (key 3) and DescribeCluster (key 60): brokers, topics, partitions.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/uuid.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

/// "Authorized operations" not asked for, or not known.
inline constexpr std::int32_t kNoAuthorizedOperations = std::numeric_limits<std::int32_t>::min();

struct MetadataRequestTopic {
  Uuid topic_id;
  std::optional<std::string_view> name = "";

  using Self = MetadataRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_id>(from(10)), field<&Self::name>(from(0)).nullable(from(10)));
};

struct MetadataRequest {
  /// v0: empty means all. From v1: null means all, empty means none.
  std::optional<std::vector<MetadataRequestTopic>> topics = std::vector<MetadataRequestTopic>{};
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  using Self = MetadataRequest;
  static constexpr ApiKey kApi = ApiKey::kMetadata;
  static constexpr Message kMessage = message_of(kApi, "MetadataRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)).nullable(from(1)),
             field<&Self::allow_auto_topic_creation>(from(4)),
             field<&Self::include_cluster_authorized_operations>(between(8, 10)),
             field<&Self::include_topic_authorized_operations>(from(8)));
};

struct MetadataResponseBroker {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  using Self = MetadataResponseBroker;
  static constexpr auto kFields =
      fields(field<&Self::node_id>(from(0)), field<&Self::host>(from(0)),
             field<&Self::port>(from(0)), field<&Self::rack>(from(1)).nullable(from(1)));
};

struct MetadataResponsePartition {
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t partition = 0;
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replica_nodes;
  std::vector<std::int32_t> isr_nodes;
  std::vector<std::int32_t> offline_replicas;

  using Self = MetadataResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::partition>(from(0)),
             field<&Self::leader_id>(from(0)), field<&Self::leader_epoch>(from(7)),
             field<&Self::replica_nodes>(from(0)), field<&Self::isr_nodes>(from(0)),
             field<&Self::offline_replicas>(from(5)));
};

struct MetadataResponseTopic {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> name = "";
  Uuid topic_id;
  bool is_internal = false;
  std::vector<MetadataResponsePartition> partitions;
  std::int32_t topic_authorized_operations = kNoAuthorizedOperations;

  using Self = MetadataResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::name>(from(0)).nullable(from(12)),
             field<&Self::topic_id>(from(10)), field<&Self::is_internal>(from(1)),
             field<&Self::partitions>(from(0)), field<&Self::topic_authorized_operations>(from(8)));
};

struct MetadataResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<MetadataResponseBroker> brokers;
  std::optional<std::string> cluster_id;
  std::int32_t controller_id = -1;
  std::vector<MetadataResponseTopic> topics;
  std::int32_t cluster_authorized_operations = kNoAuthorizedOperations;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = MetadataResponse;
  static constexpr ApiKey kApi = ApiKey::kMetadata;
  static constexpr Message kMessage = message_of(kApi, "MetadataResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(3)), field<&Self::brokers>(from(0)),
      field<&Self::cluster_id>(from(2)).nullable(from(2)), field<&Self::controller_id>(from(1)),
      field<&Self::topics>(from(0)), field<&Self::cluster_authorized_operations>(between(8, 10)),
      field<&Self::error_code>(from(13)));
};

struct DescribeClusterRequest {
  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;  ///< 1 brokers, 2 controllers
  bool include_fenced_brokers = false;

  using Self = DescribeClusterRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeCluster;
  static constexpr Message kMessage = message_of(kApi, "DescribeClusterRequest");
  static constexpr auto kFields =
      fields(field<&Self::include_cluster_authorized_operations>(from(0)),
             field<&Self::endpoint_type>(from(1)), field<&Self::include_fenced_brokers>(from(2)));
};

struct DescribeClusterBroker {
  std::int32_t broker_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;
  bool is_fenced = false;

  using Self = DescribeClusterBroker;
  static constexpr auto kFields = fields(
      field<&Self::broker_id>(from(0)), field<&Self::host>(from(0)), field<&Self::port>(from(0)),
      field<&Self::rack>(from(0)).nullable(from(0)), field<&Self::is_fenced>(from(2)));
};

struct DescribeClusterResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;
  std::string cluster_id;
  std::int32_t controller_id = -1;
  std::vector<DescribeClusterBroker> brokers;
  std::int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  using Self = DescribeClusterResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeCluster;
  static constexpr Message kMessage = message_of(kApi, "DescribeClusterResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
      field<&Self::error_message>(from(0)).nullable(from(0)), field<&Self::endpoint_type>(from(1)),
      field<&Self::cluster_id>(from(0)), field<&Self::controller_id>(from(0)),
      field<&Self::brokers>(from(0)), field<&Self::cluster_authorized_operations>(from(0)));
};

}  // namespace stele::kafka
