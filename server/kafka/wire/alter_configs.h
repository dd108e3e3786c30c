// AlterConfigs, IncrementalAlterConfigs and ListConfigResources (keys 33, 44, 74): changing
// settings, and which resources have some.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/kafka/wire/codec.h"
#include "server/kafka/wire/configs.h"
#include "server/kafka/wire/error_code.h"

namespace stele::kafka {

struct AlterConfigsRequestEntry {
  std::string_view name;
  std::optional<std::string_view> value = "";

  using Self = AlterConfigsRequestEntry;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::value>(from(0)).nullable(from(0)));
};

struct AlterConfigsRequestResource {
  ResourceType resource_type = ResourceType::kUnknown;
  std::string_view resource_name;
  std::vector<AlterConfigsRequestEntry> configs;

  using Self = AlterConfigsRequestResource;
  static constexpr auto kFields =
      fields(field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
             field<&Self::configs>(from(0)));
};

struct AlterConfigsRequest {
  std::vector<AlterConfigsRequestResource> resources;
  bool validate_only = false;

  using Self = AlterConfigsRequest;
  static constexpr ApiKey kApi = ApiKey::kAlterConfigs;
  static constexpr Message kMessage = message_of(kApi, "AlterConfigsRequest");
  static constexpr auto kFields =
      fields(field<&Self::resources>(from(0)), field<&Self::validate_only>(from(0)));
};

struct AlterConfigsResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  ResourceType resource_type = ResourceType::kUnknown;
  std::string resource_name;

  using Self = AlterConfigsResult;
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(0)).nullable(from(0)),
      field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)));
};

struct AlterConfigsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<AlterConfigsResult> responses;

  using Self = AlterConfigsResponse;
  static constexpr ApiKey kApi = ApiKey::kAlterConfigs;
  static constexpr Message kMessage = message_of(kApi, "AlterConfigsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::responses>(from(0)));
};

struct IncrementalAlterConfigsEntry {
  std::string_view name;
  std::int8_t config_operation = 0;  ///< 0 set, 1 delete, 2 append, 3 subtract
  std::optional<std::string_view> value = "";

  using Self = IncrementalAlterConfigsEntry;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(0)), field<&Self::config_operation>(from(0)),
             field<&Self::value>(from(0)).nullable(from(0)));
};

struct IncrementalAlterConfigsResource {
  ResourceType resource_type = ResourceType::kUnknown;
  std::string_view resource_name;
  std::vector<IncrementalAlterConfigsEntry> configs;

  using Self = IncrementalAlterConfigsResource;
  static constexpr auto kFields =
      fields(field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
             field<&Self::configs>(from(0)));
};

struct IncrementalAlterConfigsRequest {
  std::vector<IncrementalAlterConfigsResource> resources;
  bool validate_only = false;

  using Self = IncrementalAlterConfigsRequest;
  static constexpr ApiKey kApi = ApiKey::kIncrementalAlterConfigs;
  static constexpr Message kMessage = message_of(kApi, "IncrementalAlterConfigsRequest");
  static constexpr auto kFields =
      fields(field<&Self::resources>(from(0)), field<&Self::validate_only>(from(0)));
};

struct IncrementalAlterConfigsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<AlterConfigsResult> responses;

  using Self = IncrementalAlterConfigsResponse;
  static constexpr ApiKey kApi = ApiKey::kIncrementalAlterConfigs;
  static constexpr Message kMessage = message_of(kApi, "IncrementalAlterConfigsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::responses>(from(0)));
};

struct ListConfigResourcesRequest {
  std::vector<std::int8_t> resource_types;

  using Self = ListConfigResourcesRequest;
  static constexpr ApiKey kApi = ApiKey::kListConfigResources;
  static constexpr Message kMessage = message_of(kApi, "ListConfigResourcesRequest");
  static constexpr auto kFields = fields(field<&Self::resource_types>(from(1)));
};

struct ListedConfigResource {
  std::string resource_name;
  ResourceType resource_type = ResourceType::kClientMetrics;  ///< v0 lists no others

  using Self = ListedConfigResource;
  static constexpr auto kFields =
      fields(field<&Self::resource_name>(from(0)), field<&Self::resource_type>(from(1)));
};

struct ListConfigResourcesResponse {
  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ListedConfigResource> config_resources;

  using Self = ListConfigResourcesResponse;
  static constexpr ApiKey kApi = ApiKey::kListConfigResources;
  static constexpr Message kMessage = message_of(kApi, "ListConfigResourcesResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::error_code>(from(0)),
             field<&Self::config_resources>(from(0)));
};

}  // namespace stele::kafka
