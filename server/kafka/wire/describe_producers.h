// DescribeProducers (key 61): the producers that a partition remembers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct DescribeProducersRequestTopic {
  std::string_view name;
  std::vector<std::int32_t> partition_indexes;

  using Self = DescribeProducersRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partition_indexes>(from(0)));
};

struct DescribeProducersRequest {
  std::vector<DescribeProducersRequestTopic> topics;

  using Self = DescribeProducersRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeProducers;
  static constexpr Message kMessage = message_of(kApi, "DescribeProducersRequest");
  static constexpr auto kFields = fields(field<&Self::topics>(from(0)));
};

struct DescribedProducer {
  std::int64_t producer_id = 0;
  std::int32_t producer_epoch = 0;
  std::int32_t last_sequence = -1;
  std::int64_t last_timestamp = -1;
  std::int32_t coordinator_epoch = 0;
  std::int64_t current_txn_start_offset = -1;  ///< -1: no open transaction

  using Self = DescribedProducer;
  static constexpr auto kFields = fields(
      field<&Self::producer_id>(from(0)), field<&Self::producer_epoch>(from(0)),
      field<&Self::last_sequence>(from(0)), field<&Self::last_timestamp>(from(0)),
      field<&Self::coordinator_epoch>(from(0)), field<&Self::current_txn_start_offset>(from(0)));
};

struct DescribeProducersResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;
  std::vector<DescribedProducer> active_producers;

  using Self = DescribeProducersResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)),
             field<&Self::active_producers>(from(0)));
};

struct DescribeProducersResponseTopic {
  std::string name;
  std::vector<DescribeProducersResponsePartition> partitions;

  using Self = DescribeProducersResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct DescribeProducersResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DescribeProducersResponseTopic> topics;

  using Self = DescribeProducersResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeProducers;
  static constexpr Message kMessage = message_of(kApi, "DescribeProducersResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::topics>(from(0)));
};

}  // namespace stele::kafka
