// ElectLeaders, AlterPartitionReassignments and ListPartitionReassignments (keys 43, 45, 46): which
// node holds and leads what. There is one node here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct ElectLeadersRequestTopic {
  std::string_view topic;
  std::vector<std::int32_t> partitions;

  using Self = ElectLeadersRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic>(from(0)), field<&Self::partitions>(from(0)));
};

struct ElectLeadersRequest {
  std::int8_t election_type = 0;  ///< 0 preferred, 1 unclean
  /// null: all
  std::optional<std::vector<ElectLeadersRequestTopic>> topic_partitions =
      std::vector<ElectLeadersRequestTopic>{};
  std::int32_t timeout_ms = 60000;

  using Self = ElectLeadersRequest;
  static constexpr ApiKey kApi = ApiKey::kElectLeaders;
  static constexpr Message kMessage = message_of(kApi, "ElectLeadersRequest");
  static constexpr auto kFields = fields(field<&Self::election_type>(from(1)),
                                         field<&Self::topic_partitions>(from(0)).nullable(from(0)),
                                         field<&Self::timeout_ms>(from(0)));
};

struct ElectLeadersResponsePartition {
  std::int32_t partition_id = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";

  using Self = ElectLeadersResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition_id>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)));
};

struct ElectLeadersResponseTopic {
  std::string topic;
  std::vector<ElectLeadersResponsePartition> partition_result;

  using Self = ElectLeadersResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::topic>(from(0)), field<&Self::partition_result>(from(0)));
};

struct ElectLeadersResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ElectLeadersResponseTopic> replica_election_results;

  using Self = ElectLeadersResponse;
  static constexpr ApiKey kApi = ApiKey::kElectLeaders;
  static constexpr Message kMessage = message_of(kApi, "ElectLeadersResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(1)),
             field<&Self::replica_election_results>(from(0)));
};

struct ReassignmentRequestPartition {
  std::int32_t partition = 0;
  std::optional<std::vector<std::int32_t>> replicas;  ///< null: stop the running one

  using Self = ReassignmentRequestPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::replicas>(from(0)).nullable(from(0)));
};

struct ReassignmentRequestTopic {
  std::string_view name;
  std::vector<ReassignmentRequestPartition> partitions;

  using Self = ReassignmentRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct AlterPartitionReassignmentsRequest {
  std::int32_t timeout_ms = 60000;
  bool allow_replication_factor_change = true;
  std::vector<ReassignmentRequestTopic> topics;

  using Self = AlterPartitionReassignmentsRequest;
  static constexpr ApiKey kApi = ApiKey::kAlterPartitionReassignments;
  static constexpr Message kMessage = message_of(kApi, "AlterPartitionReassignmentsRequest");
  static constexpr auto kFields =
      fields(field<&Self::timeout_ms>(from(0)),
             field<&Self::allow_replication_factor_change>(from(1)), field<&Self::topics>(from(0)));
};

struct ReassignmentResponsePartition {
  std::int32_t partition = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";

  using Self = ReassignmentResponsePartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)));
};

struct ReassignmentResponseTopic {
  std::string name;
  std::vector<ReassignmentResponsePartition> partitions;

  using Self = ReassignmentResponseTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct AlterPartitionReassignmentsResponse {
  std::int32_t throttle_time_ms = 0;
  bool allow_replication_factor_change = true;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<ReassignmentResponseTopic> responses;

  using Self = AlterPartitionReassignmentsResponse;
  static constexpr ApiKey kApi = ApiKey::kAlterPartitionReassignments;
  static constexpr Message kMessage = message_of(kApi, "AlterPartitionReassignmentsResponse");
  static constexpr auto kFields = fields(
      field<&Self::throttle_time_ms>(from(0)),
      field<&Self::allow_replication_factor_change>(from(1)), field<&Self::error_code>(from(0)),
      field<&Self::error_message>(from(0)).nullable(from(0)), field<&Self::responses>(from(0)));
};

struct ListReassignmentsTopic {
  std::string_view name;
  std::vector<std::int32_t> partition_indexes;

  using Self = ListReassignmentsTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partition_indexes>(from(0)));
};

struct ListPartitionReassignmentsRequest {
  std::int32_t timeout_ms = 60000;
  std::optional<std::vector<ListReassignmentsTopic>> topics;  ///< null: all

  using Self = ListPartitionReassignmentsRequest;
  static constexpr ApiKey kApi = ApiKey::kListPartitionReassignments;
  static constexpr Message kMessage = message_of(kApi, "ListPartitionReassignmentsRequest");
  static constexpr auto kFields =
      fields(field<&Self::timeout_ms>(from(0)), field<&Self::topics>(from(0)).nullable(from(0)));
};

struct OngoingReassignmentPartition {
  std::int32_t partition = 0;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> adding_replicas;
  std::vector<std::int32_t> removing_replicas;

  using Self = OngoingReassignmentPartition;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::replicas>(from(0)),
             field<&Self::adding_replicas>(from(0)), field<&Self::removing_replicas>(from(0)));
};

struct OngoingReassignmentTopic {
  std::string name;
  std::vector<OngoingReassignmentPartition> partitions;

  using Self = OngoingReassignmentTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partitions>(from(0)));
};

struct ListPartitionReassignmentsResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  std::vector<OngoingReassignmentTopic> topics;

  using Self = ListPartitionReassignmentsResponse;
  static constexpr ApiKey kApi = ApiKey::kListPartitionReassignments;
  static constexpr Message kMessage = message_of(kApi, "ListPartitionReassignmentsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::error_message>(from(0)).nullable(from(0)), field<&Self::topics>(from(0)));
};

}  // namespace stele::kafka
