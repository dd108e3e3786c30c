// ListOffsets (key 2) and OffsetForLeaderEpoch (key 23): where offsets are, by time and by epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/uuid.h"
#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

/// Timestamps of ListOffsets that are questions, not times.
inline constexpr std::int64_t kLatestTimestamp = -1;
inline constexpr std::int64_t kEarliestTimestamp = -2;
inline constexpr std::int64_t kMaxTimestamp = -3;
inline constexpr std::int64_t kEarliestLocalTimestamp = -4;
inline constexpr std::int64_t kLatestTieredTimestamp = -5;

struct ListOffsetsRequestPartition {
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int64_t timestamp = 0;

  using Self = ListOffsetsRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::current_leader_epoch>(from(4)),
             field<&Self::timestamp>(from(0)));
};

struct ListOffsetsRequestTopic {
  std::string_view name;
  std::vector<ListOffsetsRequestPartition> partitions;

  using Self = ListOffsetsRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct ListOffsetsRequest {
  std::int32_t replica_id = 0;
  std::int8_t isolation_level = 0;  ///< 0 read uncommitted, 1 read committed
  std::vector<ListOffsetsRequestTopic> topics;
  std::int32_t timeout_ms = 0;

  using Self = ListOffsetsRequest;
  static constexpr ApiKey kApi = ApiKey::kListOffsets;
  static constexpr Message kMessage = message_of(kApi, "ListOffsetsRequest");
  static constexpr auto kFields =
      fields(field<&Self::replica_id>(from(0)), field<&Self::isolation_level>(from(2)),
             field<&Self::topics>(from(0)), field<&Self::timeout_ms>(from(10)));
};

struct ListOffsetsResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int64_t timestamp = -1;
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;

  using Self = ListOffsetsResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::timestamp>(from(1)), field<&Self::offset>(from(1)),
             field<&Self::leader_epoch>(from(4)));
};

struct ListOffsetsResponseTopic {
  std::string name;
  std::vector<ListOffsetsResponsePartition> partitions;

  using Self = ListOffsetsResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct ListOffsetsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<ListOffsetsResponseTopic> topics;

  using Self = ListOffsetsResponse;
  static constexpr ApiKey kApi = ApiKey::kListOffsets;
  static constexpr Message kMessage = message_of(kApi, "ListOffsetsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(2)), field<&Self::topics>(from(0)));
};

struct OffsetForLeaderEpochRequestPartition {
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int32_t leader_epoch = 0;

  using Self = OffsetForLeaderEpochRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::current_leader_epoch>(from(2)),
             field<&Self::leader_epoch>(from(0)));
};

struct OffsetForLeaderEpochRequestTopic {
  std::string_view name;
  std::vector<OffsetForLeaderEpochRequestPartition> partitions;

  using Self = OffsetForLeaderEpochRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct OffsetForLeaderEpochRequest {
  std::int32_t replica_id = -2;
  std::vector<OffsetForLeaderEpochRequestTopic> topics;

  using Self = OffsetForLeaderEpochRequest;
  static constexpr ApiKey kApi = ApiKey::kOffsetForLeaderEpoch;
  static constexpr Message kMessage = message_of(kApi, "OffsetForLeaderEpochRequest");
  static constexpr auto kFields =
      fields(field<&Self::replica_id>(from(3)), field<&Self::topics>(from(0)));
};

struct OffsetForLeaderEpochResponsePartition {
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t partition = 0;
  std::int32_t leader_epoch = -1;
  std::int64_t end_offset = -1;

  using Self = OffsetForLeaderEpochResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::error_code>(from(0)), field<&Self::partition>(from(0)),
             field<&Self::leader_epoch>(from(1)), field<&Self::end_offset>(from(0)));
};

struct OffsetForLeaderEpochResponseTopic {
  std::string name;
  std::vector<OffsetForLeaderEpochResponsePartition> partitions;

  using Self = OffsetForLeaderEpochResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct OffsetForLeaderEpochResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<OffsetForLeaderEpochResponseTopic> topics;

  using Self = OffsetForLeaderEpochResponse;
  static constexpr ApiKey kApi = ApiKey::kOffsetForLeaderEpoch;
  static constexpr Message kMessage = message_of(kApi, "OffsetForLeaderEpochResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(2)), field<&Self::topics>(from(0)));
};

}  // namespace stele::kafka
