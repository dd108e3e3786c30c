// Fetch (key 1): reads record batches.
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
#include "server/kafka/wire/leader.h"

namespace stele::kafka {

struct FetchReplicaState {
  std::int32_t replica_id = -1;
  std::int64_t replica_epoch = -1;

  using Self = FetchReplicaState;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::replica_id>(from(15)), field<&Self::replica_epoch>(from(15)));
};

struct FetchRequestPartition {
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int64_t fetch_offset = 0;
  std::int32_t last_fetched_epoch = -1;
  std::int64_t log_start_offset = -1;  ///< of followers only
  std::int32_t partition_max_bytes = 0;
  Uuid replica_directory_id;
  std::int64_t high_watermark = std::numeric_limits<std::int64_t>::max();

  using Self = FetchRequestPartition;
  static constexpr auto kFields = fields(
      field<&Self::partition>(from(0)), field<&Self::current_leader_epoch>(from(9)),
      field<&Self::fetch_offset>(from(0)), field<&Self::last_fetched_epoch>(from(12)),
      field<&Self::log_start_offset>(from(5)), field<&Self::partition_max_bytes>(from(0)),
      tagged<&Self::replica_directory_id>(0, from(17)), tagged<&Self::high_watermark>(1, from(18)));
};

struct FetchRequestTopic {
  std::string_view name;  ///< up to v12
  Uuid topic_id;          ///< from v13
  std::vector<FetchRequestPartition> partitions;

  using Self = FetchRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 12)), field<&Self::topic_id>(from(13)),
             field<&Self::partitions>(from(0)));
};

struct FetchForgottenTopic {
  std::string_view name;  ///< up to v12
  Uuid topic_id;          ///< from v13
  std::vector<std::int32_t> partitions;

  using Self = FetchForgottenTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(7, 12)), field<&Self::topic_id>(from(13)),
             field<&Self::partitions>(from(7)));
};

struct FetchRequest {
  std::optional<std::string_view> cluster_id;
  std::int32_t replica_id = -1;  ///< up to v14; -1 is a consumer
  FetchReplicaState replica_state;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = std::numeric_limits<std::int32_t>::max();
  std::int8_t isolation_level = 0;  ///< 0 read uncommitted, 1 read committed
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<FetchRequestTopic> topics;
  std::vector<FetchForgottenTopic> forgotten_topics;
  std::string_view rack_id;

  using Self = FetchRequest;
  static constexpr ApiKey kApi = ApiKey::kFetch;
  static constexpr Message kMessage = message_of(kApi, "FetchRequest");
  static constexpr auto kFields =
      fields(tagged<&Self::cluster_id>(0, from(12)).nullable(from(12)),
             field<&Self::replica_id>(between(0, 14)), tagged<&Self::replica_state>(1, from(15)),
             field<&Self::max_wait_ms>(from(0)), field<&Self::min_bytes>(from(0)),
             field<&Self::max_bytes>(from(3)), field<&Self::isolation_level>(from(4)),
             field<&Self::session_id>(from(7)), field<&Self::session_epoch>(from(7)),
             field<&Self::topics>(from(0)), field<&Self::forgotten_topics>(from(7)),
             field<&Self::rack_id>(from(11)));
};

struct FetchEpochEnd {
  std::int32_t epoch = -1;
  std::int64_t end_offset = -1;

  using Self = FetchEpochEnd;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::epoch>(from(12)), field<&Self::end_offset>(from(12)));
};

struct FetchSnapshotId {
  std::int64_t end_offset = -1;
  std::int32_t epoch = -1;

  using Self = FetchSnapshotId;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::end_offset>(from(0)), field<&Self::epoch>(from(0)));
};

struct FetchAbortedTransaction {
  std::int64_t producer_id = 0;
  std::int64_t first_offset = 0;

  using Self = FetchAbortedTransaction;
  static constexpr auto kFields =
      fields(field<&Self::producer_id>(from(4)), field<&Self::first_offset>(from(4)));
};

struct FetchResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int64_t high_watermark = 0;
  std::int64_t last_stable_offset = -1;
  std::int64_t log_start_offset = -1;
  FetchEpochEnd diverging_epoch;
  LeaderIdAndEpoch current_leader;
  FetchSnapshotId snapshot_id;
  /// Null: not asked for (read uncommitted).
  std::optional<std::vector<FetchAbortedTransaction>> aborted_transactions =
      std::vector<FetchAbortedTransaction>{};
  std::int32_t preferred_read_replica = -1;
  Records records;  ///< borrowed until the frame is sent

  using Self = FetchResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::high_watermark>(from(0)), field<&Self::last_stable_offset>(from(4)),
             field<&Self::log_start_offset>(from(5)), tagged<&Self::diverging_epoch>(0, from(12)),
             tagged<&Self::current_leader>(1, from(12)), tagged<&Self::snapshot_id>(2, from(12)),
             field<&Self::aborted_transactions>(from(4)).nullable(from(4)),
             field<&Self::preferred_read_replica>(from(11)),
             field<&Self::records>(from(0)).nullable(from(0)));
};

struct FetchResponseTopic {
  std::string name;  ///< up to v12
  Uuid topic_id;     ///< from v13
  std::vector<FetchResponsePartition> partitions;

  using Self = FetchResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 12)), field<&Self::topic_id>(from(13)),
             field<&Self::partitions>(from(0)));
};

struct FetchResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int32_t session_id = 0;  ///< 0: no session
  std::vector<FetchResponseTopic> topics;
  std::vector<NodeEndpoint> node_endpoints;

  using Self = FetchResponse;
  static constexpr ApiKey kApi = ApiKey::kFetch;
  static constexpr Message kMessage = message_of(kApi, "FetchResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::error_code>(from(7)),
             field<&Self::session_id>(from(7)), field<&Self::topics>(from(0)),
             tagged<&Self::node_endpoints>(0, from(16)));
};

}  // namespace stele::kafka
