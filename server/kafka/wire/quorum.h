// DescribeQuorum (key 55): who leads the metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/uuid.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct DescribeQuorumRequestPartition {
  std::int32_t partition = 0;

  using Self = DescribeQuorumRequestPartition;
  static constexpr auto kFields = fields(field<&Self::partition>(from(0)));
};

struct DescribeQuorumRequestTopic {
  std::string_view topic_name;
  std::vector<DescribeQuorumRequestPartition> partitions;

  using Self = DescribeQuorumRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_name>(from(0)), field<&Self::partitions>(from(0)));
};

struct DescribeQuorumRequest {
  std::vector<DescribeQuorumRequestTopic> topics;

  using Self = DescribeQuorumRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeQuorum;
  static constexpr Message kMessage = message_of(kApi, "DescribeQuorumRequest");
  static constexpr auto kFields = fields(field<&Self::topics>(from(0)));
};

struct QuorumReplica {
  std::int32_t replica_id = 0;
  Uuid replica_directory_id;
  std::int64_t log_end_offset = 0;
  std::int64_t last_fetch_timestamp = -1;
  std::int64_t last_caught_up_timestamp = -1;

  using Self = QuorumReplica;
  static constexpr auto kFields =
      fields(field<&Self::replica_id>(from(0)), field<&Self::replica_directory_id>(from(2)),
             field<&Self::log_end_offset>(from(0)), field<&Self::last_fetch_timestamp>(from(1)),
             field<&Self::last_caught_up_timestamp>(from(1)));
};

struct DescribeQuorumResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = 0;
  std::int64_t high_watermark = 0;
  std::vector<QuorumReplica> current_voters;
  std::vector<QuorumReplica> observers;

  using Self = DescribeQuorumResponsePartition;
  static constexpr auto kFields = fields(
      field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)),
      field<&Self::error_message>(from(2)).nullable(from(2)), field<&Self::leader_id>(from(0)),
      field<&Self::leader_epoch>(from(0)), field<&Self::high_watermark>(from(0)),
      field<&Self::current_voters>(from(0)), field<&Self::observers>(from(0)));
};

struct DescribeQuorumResponseTopic {
  std::string topic_name;
  std::vector<DescribeQuorumResponsePartition> partitions;

  using Self = DescribeQuorumResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_name>(from(0)), field<&Self::partitions>(from(0)));
};

struct QuorumListener {
  std::string name;
  std::string host;
  std::uint16_t port = 0;

  using Self = QuorumListener;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(2)), field<&Self::host>(from(2)), field<&Self::port>(from(2)));
};

struct QuorumNode {
  std::int32_t node_id = 0;
  std::vector<QuorumListener> listeners;

  using Self = QuorumNode;
  static constexpr auto kFields =
      fields(field<&Self::node_id>(from(2)), field<&Self::listeners>(from(2)));
};

struct DescribeQuorumResponse {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<DescribeQuorumResponseTopic> topics;
  std::vector<QuorumNode> nodes;

  using Self = DescribeQuorumResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeQuorum;
  static constexpr Message kMessage = message_of(kApi, "DescribeQuorumResponse");
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(2)).nullable(from(2)),
      field<&Self::topics>(from(0)), field<&Self::nodes>(from(2)));
};

}  // namespace stele::kafka
