// Produce (key 0): appends record batches.
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
#include "server/kafka/wire/leader.h"

namespace stele::kafka {

struct ProduceRequestPartition {
  std::int32_t index = 0;
  std::optional<ByteView> records;  ///< views the frame

  using Self = ProduceRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::index>(from(0)), field<&Self::records>(from(0)).nullable(from(0)));
};

struct ProduceRequestTopic {
  std::string_view name;  ///< up to v12
  Uuid topic_id;          ///< from v13
  std::vector<ProduceRequestPartition> partitions;

  using Self = ProduceRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 12)), field<&Self::topic_id>(from(13)),
             field<&Self::partitions>(from(0)));
};

struct ProduceRequest {
  std::optional<std::string_view> transactional_id;
  std::int16_t acks = 0;  ///< 0, 1 or -1 (all). 0: no response is sent
  std::int32_t timeout_ms = 0;
  std::vector<ProduceRequestTopic> topics;

  using Self = ProduceRequest;
  static constexpr ApiKey kApi = ApiKey::kProduce;
  static constexpr Message kMessage = message_of(kApi, "ProduceRequest");
  static constexpr auto kFields =
      fields(field<&Self::transactional_id>(from(3)).nullable(from(3)), field<&Self::acks>(from(0)),
             field<&Self::timeout_ms>(from(0)), field<&Self::topics>(from(0)));
};

struct ProduceRecordError {
  std::int32_t batch_index = 0;
  std::optional<std::string> message;

  using Self = ProduceRecordError;
  static constexpr auto kFields =
      fields(field<&Self::batch_index>(from(8)), field<&Self::message>(from(8)).nullable(from(8)));
};

struct ProduceResponsePartition {
  std::int32_t index = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::int64_t base_offset = 0;
  std::int64_t log_append_time_ms = -1;
  std::int64_t log_start_offset = -1;
  std::vector<ProduceRecordError> record_errors;
  std::optional<std::string> error_message;
  LeaderIdAndEpoch current_leader;

  using Self = ProduceResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::index>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::base_offset>(from(0)), field<&Self::log_append_time_ms>(from(2)),
             field<&Self::log_start_offset>(from(5)), field<&Self::record_errors>(from(8)),
             field<&Self::error_message>(from(8)).nullable(from(8)),
             tagged<&Self::current_leader>(0, from(10)));
};

struct ProduceResponseTopic {
  std::string name;  ///< up to v12
  Uuid topic_id;     ///< from v13
  std::vector<ProduceResponsePartition> partitions;

  using Self = ProduceResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(between(0, 12)), field<&Self::topic_id>(from(13)),
             field<&Self::partitions>(from(0)));
};

struct ProduceResponse {
  std::vector<ProduceResponseTopic> topics;
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  using Self = ProduceResponse;
  static constexpr ApiKey kApi = ApiKey::kProduce;
  static constexpr Message kMessage = message_of(kApi, "ProduceResponse");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)), field<&Self::throttle_time_ms>(from(1)),
             tagged<&Self::node_endpoints>(0, from(10)));
};

}  // namespace stele::kafka
