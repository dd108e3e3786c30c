// CreatePartitions and DeleteRecords (keys 37, 21), DescribeTopicPartitions (key 75): the
// partitions of a topic.
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

struct CreatePartitionsAssignment {
  std::vector<std::int32_t> broker_ids;

  using Self = CreatePartitionsAssignment;
  static constexpr auto kFields = fields(field<&Self::broker_ids>(from(0)));
};

struct CreatePartitionsTopic {
  std::string_view name;
  std::int32_t count = 0;  ///< in all, not more
  std::optional<std::vector<CreatePartitionsAssignment>> assignments =
      std::vector<CreatePartitionsAssignment>{};

  using Self = CreatePartitionsTopic;
  static constexpr auto kFields = fields(field<&Self::name>(from(0)), field<&Self::count>(from(0)),
                                         field<&Self::assignments>(from(0)).nullable(from(0)));
};

struct CreatePartitionsRequest {
  std::vector<CreatePartitionsTopic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  using Self = CreatePartitionsRequest;
  static constexpr ApiKey kApi = ApiKey::kCreatePartitions;
  static constexpr Message kMessage = message_of(kApi, "CreatePartitionsRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)), field<&Self::timeout_ms>(from(0)),
             field<&Self::validate_only>(from(0)));
};

struct CreatePartitionsResult {
  std::string name;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;

  using Self = CreatePartitionsResult;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)));
};

struct CreatePartitionsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<CreatePartitionsResult> results;

  using Self = CreatePartitionsResponse;
  static constexpr ApiKey kApi = ApiKey::kCreatePartitions;
  static constexpr Message kMessage = message_of(kApi, "CreatePartitionsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::results>(from(0)));
};

struct DeleteRecordsRequestPartition {
  std::int32_t partition = 0;
  std::int64_t offset = 0;  ///< what is before goes; -1: all

  using Self = DeleteRecordsRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::offset>(from(0)));
};

struct DeleteRecordsRequestTopic {
  std::string_view name;
  std::vector<DeleteRecordsRequestPartition> partitions;

  using Self = DeleteRecordsRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct DeleteRecordsRequest {
  std::vector<DeleteRecordsRequestTopic> topics;
  std::int32_t timeout_ms = 0;

  using Self = DeleteRecordsRequest;
  static constexpr ApiKey kApi = ApiKey::kDeleteRecords;
  static constexpr Message kMessage = message_of(kApi, "DeleteRecordsRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)), field<&Self::timeout_ms>(from(0)));
};

struct DeleteRecordsResponsePartition {
  std::int32_t partition = 0;
  std::int64_t low_watermark = 0;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = DeleteRecordsResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::low_watermark>(from(0)),
             field<&Self::error_code>(from(0)));
};

struct DeleteRecordsResponseTopic {
  std::string name;
  std::vector<DeleteRecordsResponsePartition> partitions;

  using Self = DeleteRecordsResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct DeleteRecordsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DeleteRecordsResponseTopic> topics;

  using Self = DeleteRecordsResponse;
  static constexpr ApiKey kApi = ApiKey::kDeleteRecords;
  static constexpr Message kMessage = message_of(kApi, "DeleteRecordsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::topics>(from(0)));
};

struct DescribeTopicPartitionsRequestTopic {
  std::string_view name;

  using Self = DescribeTopicPartitionsRequestTopic;
  static constexpr auto kFields = fields(field<&Self::name>(from(0)));
};

struct TopicPartitionCursor {
  std::string_view topic_name;
  std::int32_t partition = 0;

  using Self = TopicPartitionCursor;
  static constexpr auto kFields =
      fields(field<&Self::topic_name>(from(0)), field<&Self::partition>(from(0)));
};

struct DescribeTopicPartitionsRequest {
  std::vector<DescribeTopicPartitionsRequestTopic> topics;  ///< empty: all
  std::int32_t response_partition_limit = 2000;
  std::optional<TopicPartitionCursor> cursor;  ///< where to go on; null: from the first

  using Self = DescribeTopicPartitionsRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeTopicPartitions;
  static constexpr Message kMessage = message_of(kApi, "DescribeTopicPartitionsRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)), field<&Self::response_partition_limit>(from(0)),
             field<&Self::cursor>(from(0)).nullable(from(0)));
};

struct DescribeTopicPartitionsResponsePartition {
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t partition = 0;
  std::int32_t leader_id = 0;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replica_nodes;
  std::vector<std::int32_t> isr_nodes;
  std::optional<std::vector<std::int32_t>> eligible_leader_replicas;
  std::optional<std::vector<std::int32_t>> last_known_elr;
  std::vector<std::int32_t> offline_replicas;

  using Self = DescribeTopicPartitionsResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::partition>(from(0)),
             field<&Self::leader_id>(from(0)), field<&Self::leader_epoch>(from(0)),
             field<&Self::replica_nodes>(from(0)), field<&Self::isr_nodes>(from(0)),
             field<&Self::eligible_leader_replicas>(from(0)).nullable(from(0)),
             field<&Self::last_known_elr>(from(0)).nullable(from(0)),
             field<&Self::offline_replicas>(from(0)));
};

struct DescribeTopicPartitionsResponseTopic {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> name = "";
  Uuid topic_id;
  bool is_internal = false;
  std::vector<DescribeTopicPartitionsResponsePartition> partitions;
  std::int32_t topic_authorized_operations = std::numeric_limits<std::int32_t>::min();

  using Self = DescribeTopicPartitionsResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::name>(from(0)).nullable(from(0)),
             field<&Self::topic_id>(from(0)), field<&Self::is_internal>(from(0)),
             field<&Self::partitions>(from(0)), field<&Self::topic_authorized_operations>(from(0)));
};

struct NextTopicPartitionCursor {
  std::string topic_name;
  std::int32_t partition = 0;

  using Self = NextTopicPartitionCursor;
  static constexpr auto kFields =
      fields(field<&Self::topic_name>(from(0)), field<&Self::partition>(from(0)));
};

struct DescribeTopicPartitionsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DescribeTopicPartitionsResponseTopic> topics;
  std::optional<NextTopicPartitionCursor> next_cursor;  ///< null: that was all

  using Self = DescribeTopicPartitionsResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeTopicPartitions;
  static constexpr Message kMessage = message_of(kApi, "DescribeTopicPartitionsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::topics>(from(0)),
             field<&Self::next_cursor>(from(0)).nullable(from(0)));
};

}  // namespace stele::kafka
