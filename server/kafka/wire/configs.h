// DescribeConfigs (key 32): every setting of a topic or broker, where its value comes from.
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

/// Kinds of resources that have settings.
enum class ResourceType : std::int8_t {
  kUnknown = 0,
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

struct DescribeConfigsRequestResource {
  ResourceType resource_type = ResourceType::kUnknown;
  std::string_view resource_name;
  /// Null means all; so does empty, from some clients.
  std::optional<std::vector<std::string_view>> configuration_keys = std::vector<std::string_view>{};

  using Self = DescribeConfigsRequestResource;
  static constexpr auto kFields =
      fields(field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
             field<&Self::configuration_keys>(from(0)).nullable(from(0)));
};

struct DescribeConfigsRequest {
  std::vector<DescribeConfigsRequestResource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  using Self = DescribeConfigsRequest;
  static constexpr ApiKey kApi = ApiKey::kDescribeConfigs;
  static constexpr Message kMessage = message_of(kApi, "DescribeConfigsRequest");
  static constexpr auto kFields =
      fields(field<&Self::resources>(from(0)), field<&Self::include_synonyms>(from(1)),
             field<&Self::include_documentation>(from(3)));
};

struct DescribeConfigsSynonym {
  std::string name;
  std::optional<std::string> value = "";
  std::int8_t source = 0;

  using Self = DescribeConfigsSynonym;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(1)), field<&Self::value>(from(1)).nullable(from(0)),
             field<&Self::source>(from(1)));
};

struct DescribeConfigsEntry {
  std::string name;
  std::optional<std::string> value = "";
  bool read_only = false;
  std::int8_t config_source = -1;  ///< 1 topic, 2 dynamic broker, 4 static broker, 5 default
  bool is_sensitive = false;
  std::vector<DescribeConfigsSynonym> synonyms;
  std::int8_t config_type = 0;  ///< 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list
  std::optional<std::string> documentation = "";

  using Self = DescribeConfigsEntry;
  static constexpr auto kFields = fields(
      field<&Self::name>(from(0)), field<&Self::value>(from(0)).nullable(from(0)),
      field<&Self::read_only>(from(0)), field<&Self::config_source>(from(1)),
      field<&Self::is_sensitive>(from(0)), field<&Self::synonyms>(from(1)),
      field<&Self::config_type>(from(3)), field<&Self::documentation>(from(3)).nullable(from(0)));
};

struct DescribeConfigsResult {
  ErrorCode error_code = ErrorCode::kNone;
  std::optional<std::string> error_message = "";
  ResourceType resource_type = ResourceType::kUnknown;
  std::string resource_name;
  std::vector<DescribeConfigsEntry> configs;

  using Self = DescribeConfigsResult;
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::error_message>(from(0)).nullable(from(0)),
      field<&Self::resource_type>(from(0)), field<&Self::resource_name>(from(0)),
      field<&Self::configs>(from(0)));
};

struct DescribeConfigsResponse {
  std::int32_t throttle_time_ms = 0;
  std::vector<DescribeConfigsResult> results;

  using Self = DescribeConfigsResponse;
  static constexpr ApiKey kApi = ApiKey::kDescribeConfigs;
  static constexpr Message kMessage = message_of(kApi, "DescribeConfigsResponse");
  static constexpr auto kFields =
      fields(field<&Self::throttle_time_ms>(from(0)), field<&Self::results>(from(0)));
};

}  // namespace stele::kafka
