// OffsetCommit, OffsetFetch and OffsetDelete (keys 8, 9, 47): how far groups have got.
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

struct OffsetCommitRequestPartition {
  std::int32_t partition = 0;
  std::int64_t committed_offset = 0;
  std::int32_t committed_leader_epoch = -1;
  std::optional<std::string_view> committed_metadata = "";

  using Self = OffsetCommitRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::committed_offset>(from(0)),
             field<&Self::committed_leader_epoch>(from(6)),
             field<&Self::committed_metadata>(from(0)).nullable(from(0)));
};

struct OffsetCommitRequestTopic {
  std::string_view name;  ///< up to v9
  Uuid topic_id;          ///< from v10
  std::vector<OffsetCommitRequestPartition> partitions;

  using Self = OffsetCommitRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 9)), field<&Self::topic_id>(from(10)),
             field<&Self::partitions>(from(0)));
};

struct OffsetCommitRequest {
  std::string_view group_id;
  std::int32_t generation_id_or_member_epoch = -1;  ///< -1: not of a member
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::int64_t retention_time_ms = -1;  ///< up to v4; -1: the service's
  std::vector<OffsetCommitRequestTopic> topics;

  using Self = OffsetCommitRequest;
  static constexpr ApiKey kApi = ApiKey::kOffsetCommit;
  static constexpr Message kMessage = message_of(kApi, "OffsetCommitRequest");
  static constexpr auto kFields = fields(
      field<&Self::group_id>(from(0)), field<&Self::generation_id_or_member_epoch>(from(1)),
      field<&Self::member_id>(from(1)), field<&Self::group_instance_id>(from(7)).nullable(from(7)),
      field<&Self::retention_time_ms>(between(2, 4)), field<&Self::topics>(from(0)));
};

struct OffsetCommitResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = OffsetCommitResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)));
};

struct OffsetCommitResponseTopic {
  std::string name;  ///< up to v9
  Uuid topic_id;     ///< from v10
  std::vector<OffsetCommitResponsePartition> partitions;

  using Self = OffsetCommitResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 9)), field<&Self::topic_id>(from(10)),
             field<&Self::partitions>(from(0)));
};

struct OffsetCommitResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<OffsetCommitResponseTopic> topics;

  using Self = OffsetCommitResponse;
  static constexpr ApiKey kApi = ApiKey::kOffsetCommit;
  static constexpr Message kMessage = message_of(kApi, "OffsetCommitResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(3)), field<&Self::topics>(from(0)));
};

struct OffsetFetchRequestTopic {
  std::string_view name;  ///< up to v9
  Uuid topic_id;          ///< from v10
  std::vector<std::int32_t> partition_indexes;

  using Self = OffsetFetchRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 9)), field<&Self::topic_id>(from(10)),
             field<&Self::partition_indexes>(from(0)));
};

struct OffsetFetchRequestGroup {
  std::string_view group_id;
  std::optional<std::string_view> member_id;
  std::int32_t member_epoch = -1;
  /// null: all
  std::optional<std::vector<OffsetFetchRequestTopic>> topics =
      std::vector<OffsetFetchRequestTopic>{};

  using Self = OffsetFetchRequestGroup;
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(8)), field<&Self::member_id>(from(9)).nullable(from(9)),
             field<&Self::member_epoch>(from(9)), field<&Self::topics>(from(8)).nullable(from(8)));
};

struct OffsetFetchRequest {
  std::string_view group_id;  ///< up to v7
  /// up to v7; null: all
  std::optional<std::vector<OffsetFetchRequestTopic>> topics =
      std::vector<OffsetFetchRequestTopic>{};
  std::vector<OffsetFetchRequestGroup> groups;  ///< from v8
  bool require_stable = false;

  using Self = OffsetFetchRequest;
  static constexpr ApiKey kApi = ApiKey::kOffsetFetch;
  static constexpr Message kMessage = message_of(kApi, "OffsetFetchRequest");
  static constexpr auto kFields =
      fields(field<&Self::group_id>(between(0, 7)),
             field<&Self::topics>(between(0, 7)).nullable(between(2, 7)),
             field<&Self::groups>(from(8)), field<&Self::require_stable>(from(7)));
};

struct OffsetFetchResponsePartition {
  std::int32_t partition = 0;
  std::int64_t committed_offset = 0;  ///< -1: none
  std::int32_t committed_leader_epoch = -1;
  std::optional<std::string> metadata = "";
  ErrorCode error_code = ErrorCode::kNone;

  using Self = OffsetFetchResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::committed_offset>(from(0)),
             field<&Self::committed_leader_epoch>(from(5)),
             field<&Self::metadata>(from(0)).nullable(from(0)), field<&Self::error_code>(from(0)));
};

struct OffsetFetchResponseTopic {
  std::string name;  ///< up to v9
  Uuid topic_id;     ///< from v10
  std::vector<OffsetFetchResponsePartition> partitions;

  using Self = OffsetFetchResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 9)), field<&Self::topic_id>(from(10)),
             field<&Self::partitions>(from(0)));
};

struct OffsetFetchResponseGroup {
  std::string group_id;
  std::vector<OffsetFetchResponseTopic> topics;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = OffsetFetchResponseGroup;
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(8)), field<&Self::topics>(from(8)),
             field<&Self::error_code>(from(8)));
};

struct OffsetFetchResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<OffsetFetchResponseTopic> topics;  ///< up to v7
  ErrorCode error_code = ErrorCode::kNone;       ///< up to v7
  std::vector<OffsetFetchResponseGroup> groups;  ///< from v8

  using Self = OffsetFetchResponse;
  static constexpr ApiKey kApi = ApiKey::kOffsetFetch;
  static constexpr Message kMessage = message_of(kApi, "OffsetFetchResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(3)), field<&Self::topics>(between(0, 7)),
             field<&Self::error_code>(between(2, 7)), field<&Self::groups>(from(8)));
};

struct OffsetDeleteRequestPartition {
  std::int32_t partition = 0;

  using Self = OffsetDeleteRequestPartition;
  static constexpr auto kFields = fields(field<&Self::partition>(from(0)));
};

struct OffsetDeleteRequestTopic {
  std::string_view name;
  std::vector<OffsetDeleteRequestPartition> partitions;

  using Self = OffsetDeleteRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct OffsetDeleteRequest {
  std::string_view group_id;
  std::vector<OffsetDeleteRequestTopic> topics;

  using Self = OffsetDeleteRequest;
  static constexpr ApiKey kApi = ApiKey::kOffsetDelete;
  static constexpr Message kMessage = message_of(kApi, "OffsetDeleteRequest");
  static constexpr auto kFields =
      fields(field<&Self::group_id>(from(0)), field<&Self::topics>(from(0)));
};

struct OffsetDeleteResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;

  using Self = OffsetDeleteResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)));
};

struct OffsetDeleteResponseTopic {
  std::string name;
  std::vector<OffsetDeleteResponsePartition> partitions;

  using Self = OffsetDeleteResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct OffsetDeleteResponse {
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t throttle_time_ms = 0;
  std::vector<OffsetDeleteResponseTopic> topics;

  using Self = OffsetDeleteResponse;
  static constexpr ApiKey kApi = ApiKey::kOffsetDelete;
  static constexpr Message kMessage = message_of(kApi, "OffsetDeleteResponse");
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::throttle_time_ms>(from(0)),
             field<&Self::topics>(from(0)));
};

}  // namespace stele::kafka
