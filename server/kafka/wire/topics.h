// CreateTopics (key 19) and DeleteTopics (key 20).
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

struct CreateTopicsRequestAssignment {
  std::int32_t partition = 0;
  std::vector<std::int32_t> broker_ids;

  using Self = CreateTopicsRequestAssignment;
  static constexpr auto kFields =
      fields(field<&Self::partition>(from(0)), field<&Self::broker_ids>(from(0)));
};

struct CreateTopicsRequestConfig {
  std::string_view name;
  std::optional<std::string_view> value = "";

  using Self = CreateTopicsRequestConfig;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::value>(from(0)).nullable(from(0)));
};

struct CreateTopicsRequestTopic {
  std::string_view name;
  std::int32_t partition_count = 0;     ///< -1: the broker's default
  std::int16_t replication_factor = 0;  ///< -1: the broker's default
  std::vector<CreateTopicsRequestAssignment> assignments;
  std::vector<CreateTopicsRequestConfig> configs;

  using Self = CreateTopicsRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::partition_count>(from(0)),
             field<&Self::replication_factor>(from(0)), field<&Self::assignments>(from(0)),
             field<&Self::configs>(from(0)));
};

struct CreateTopicsRequest {
  std::vector<CreateTopicsRequestTopic> topics;
  std::int32_t timeout_ms = 60'000;
  bool validate_only = false;

  using Self = CreateTopicsRequest;
  static constexpr ApiKey kApi = ApiKey::kCreateTopics;
  static constexpr Message kMessage = message_of(kApi, "CreateTopicsRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(0)), field<&Self::timeout_ms>(from(0)),
             field<&Self::validate_only>(from(1)));
};

struct CreateTopicsResponseConfig {
  std::string name;
  std::optional<std::string> value = "";
  bool read_only = false;
  std::int8_t config_source = -1;
  bool is_sensitive = false;

  using Self = CreateTopicsResponseConfig;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(5)), field<&Self::value>(from(5)).nullable(from(5)),
             field<&Self::read_only>(from(5)), field<&Self::config_source>(from(5)),
             field<&Self::is_sensitive>(from(5)));
};

struct CreateTopicsResponseTopic {
  std::string name;
  Uuid topic_id;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  /// Why `configs` is null, if the caller may not see it.
  ErrorCode topic_config_error_code = ErrorCode::kNone;
  std::int32_t partition_count = -1;
  std::int16_t replication_factor = -1;
  std::optional<std::vector<CreateTopicsResponseConfig>> configs =
      std::vector<CreateTopicsResponseConfig>{};

  using Self = CreateTopicsResponseTopic;
  static constexpr auto kFields = fields(
      field<&Self::name>(from(0)), field<&Self::topic_id>(from(7)),
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(1)).nullable(from(0)),
      tagged<&Self::topic_config_error_code>(0, from(5)), field<&Self::partition_count>(from(5)),
      field<&Self::replication_factor>(from(5)), field<&Self::configs>(from(5)).nullable(from(5)));
};

struct CreateTopicsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<CreateTopicsResponseTopic> topics;

  using Self = CreateTopicsResponse;
  static constexpr ApiKey kApi = ApiKey::kCreateTopics;
  static constexpr Message kMessage = message_of(kApi, "CreateTopicsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(2)), field<&Self::topics>(from(0)));
};

struct DeleteTopicsRequestTopic {
  std::optional<std::string_view> name;
  Uuid topic_id;

  using Self = DeleteTopicsRequestTopic;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(6)).nullable(from(6)), field<&Self::topic_id>(from(6)));
};

struct DeleteTopicsRequest {
  std::vector<DeleteTopicsRequestTopic> topics;  ///< from v6
  std::vector<std::string_view> topic_names;     ///< up to v5
  std::int32_t timeout_ms = 0;

  using Self = DeleteTopicsRequest;
  static constexpr ApiKey kApi = ApiKey::kDeleteTopics;
  static constexpr Message kMessage = message_of(kApi, "DeleteTopicsRequest");
  static constexpr auto kFields =
      fields(field<&Self::topics>(from(6)), field<&Self::topic_names>(between(0, 5)),
             field<&Self::timeout_ms>(from(0)));
};

struct DeleteTopicsResponseTopic {
  std::optional<std::string> name = "";
  Uuid topic_id;
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message;

  using Self = DeleteTopicsResponseTopic;
  static constexpr auto kFields = fields(
      field<&Self::name>(from(0)).nullable(from(6)), field<&Self::topic_id>(from(6)),
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(5)).nullable(from(5)));
};

struct DeleteTopicsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DeleteTopicsResponseTopic> topics;

  using Self = DeleteTopicsResponse;
  static constexpr ApiKey kApi = ApiKey::kDeleteTopics;
  static constexpr Message kMessage = message_of(kApi, "DeleteTopicsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(1)), field<&Self::topics>(from(0)));
};

}  // namespace stele::kafka
