// ConsumerGroupHeartbeat and ConsumerGroupDescribe (keys 68, 69): the group protocol of KIP-848, in
// which the service assigns.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/uuid.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct ConsumerGroupOwnedTopic {
  Uuid topic_id;
  std::vector<std::int32_t> partitions;

  using Self = ConsumerGroupOwnedTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_id>(from(0)), field<&Self::partitions>(from(0)));
};

struct ConsumerGroupHeartbeatRequest {
  std::string_view group_id;
  std::string_view member_id;
  /// 0 joins, -1 leaves, -2 leaves for a while (static members)
  std::int32_t member_epoch = 0;
  std::optional<std::string_view> instance_id;  ///< null here and below: as before
  std::optional<std::string_view> rack_id;
  std::int32_t rebalance_timeout_ms = -1;  ///< -1: as before
  std::optional<std::vector<std::string_view>> subscribed_topic_names;
  std::optional<std::string_view> subscribed_topic_regex;
  std::optional<std::string_view> server_assignor;
  std::optional<std::vector<ConsumerGroupOwnedTopic>> topic_partitions;

  using Self = ConsumerGroupHeartbeatRequest;
  static constexpr ApiKey kApi = ApiKey::kConsumerGroupHeartbeat;
  static constexpr Message kMessage = message_of(kApi, "ConsumerGroupHeartbeatRequest");
  static constexpr auto kFields = fields(
      field<&Self::group_id>(from(0)), field<&Self::member_id>(from(0)),
      field<&Self::member_epoch>(from(0)), field<&Self::instance_id>(from(0)).nullable(from(0)),
      field<&Self::rack_id>(from(0)).nullable(from(0)), field<&Self::rebalance_timeout_ms>(from(0)),
      field<&Self::subscribed_topic_names>(from(0)).nullable(from(0)),
      field<&Self::subscribed_topic_regex>(from(1)).nullable(from(1)),
      field<&Self::server_assignor>(from(0)).nullable(from(0)),
      field<&Self::topic_partitions>(from(0)).nullable(from(0)));
};

struct ConsumerGroupAssignedTopic {
  Uuid topic_id;
  std::vector<std::int32_t> partitions;

  using Self = ConsumerGroupAssignedTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_id>(from(0)), field<&Self::partitions>(from(0)));
};

struct ConsumerGroupAssignment {
  std::vector<ConsumerGroupAssignedTopic> topic_partitions;

  using Self = ConsumerGroupAssignment;
  static constexpr auto kFields = fields(field<&Self::topic_partitions>(from(0)));
};

struct ConsumerGroupHeartbeatResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::optional<std::string> member_id;
  std::int32_t member_epoch = 0;
  std::int32_t heartbeat_interval_ms = 0;
  std::optional<ConsumerGroupAssignment> assignment;  ///< null: as before

  using Self = ConsumerGroupHeartbeatResponse;
  static constexpr ApiKey kApi = ApiKey::kConsumerGroupHeartbeat;
  static constexpr Message kMessage = message_of(kApi, "ConsumerGroupHeartbeatResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)),
             field<&Self::member_id>(from(0)).nullable(from(0)),
             field<&Self::member_epoch>(from(0)), field<&Self::heartbeat_interval_ms>(from(0)),
             field<&Self::assignment>(from(0)).nullable(from(0)));
};

struct ConsumerGroupDescribeRequest {
  std::vector<std::string_view> group_ids;
  bool include_authorized_operations = false;

  using Self = ConsumerGroupDescribeRequest;
  static constexpr ApiKey kApi = ApiKey::kConsumerGroupDescribe;
  static constexpr Message kMessage = message_of(kApi, "ConsumerGroupDescribeRequest");
  static constexpr auto kFields = fields(field<&Self::group_ids>(from(0)),
                                         field<&Self::include_authorized_operations>(from(0)));
};

struct DescribedConsumerTopic {
  Uuid topic_id;
  std::string topic_name;
  std::vector<std::int32_t> partitions;

  using Self = DescribedConsumerTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic_id>(from(0)), field<&Self::topic_name>(from(0)),
             field<&Self::partitions>(from(0)));
};

struct DescribedConsumerAssignment {
  std::vector<DescribedConsumerTopic> topic_partitions;

  using Self = DescribedConsumerAssignment;
  static constexpr auto kFields = fields(field<&Self::topic_partitions>(from(0)));
};

struct DescribedConsumer {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<std::string> rack_id;
  std::int32_t member_epoch = 0;
  std::string client_id;
  std::string client_host;
  std::vector<std::string> subscribed_topic_names;
  std::optional<std::string> subscribed_topic_regex;
  DescribedConsumerAssignment assignment;
  DescribedConsumerAssignment target_assignment;
  std::int8_t member_type = -1;  ///< -1 unknown, 0 classic, 1 consumer

  using Self = DescribedConsumer;
  static constexpr auto kFields =
      fields(field<&Self::member_id>(from(0)), field<&Self::instance_id>(from(0)).nullable(from(0)),
             field<&Self::rack_id>(from(0)).nullable(from(0)), field<&Self::member_epoch>(from(0)),
             field<&Self::client_id>(from(0)), field<&Self::client_host>(from(0)),
             field<&Self::subscribed_topic_names>(from(0)),
             field<&Self::subscribed_topic_regex>(from(0)).nullable(from(0)),
             field<&Self::assignment>(from(0)), field<&Self::target_assignment>(from(0)),
             field<&Self::member_type>(from(1)));
};

struct DescribedConsumerGroup {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string group_state;
  std::int32_t group_epoch = 0;
  std::int32_t assignment_epoch = 0;
  std::string assignor_name;
  std::vector<DescribedConsumer> members;
  std::int32_t authorized_operations = std::numeric_limits<std::int32_t>::min();

  using Self = DescribedConsumerGroup;
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(0)).nullable(from(0)),
      field<&Self::group_id>(from(0)), field<&Self::group_state>(from(0)),
      field<&Self::group_epoch>(from(0)), field<&Self::assignment_epoch>(from(0)),
      field<&Self::assignor_name>(from(0)), field<&Self::members>(from(0)),
      field<&Self::authorized_operations>(from(0)));
};

struct ConsumerGroupDescribeResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DescribedConsumerGroup> groups;

  using Self = ConsumerGroupDescribeResponse;
  static constexpr ApiKey kApi = ApiKey::kConsumerGroupDescribe;
  static constexpr Message kMessage = message_of(kApi, "ConsumerGroupDescribeResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::groups>(from(0)));
};

}  // namespace stele::kafka
