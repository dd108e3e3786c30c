// ApiVersions (key 18): the first thing that a client asks.
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

struct ApiVersionsRequest {
  std::string_view client_software_name;
  std::string_view client_software_version;

  using Self = ApiVersionsRequest;
  static constexpr ApiKey kApi = ApiKey::kApiVersions;
  static constexpr Message kMessage = message_of(kApi, "ApiVersionsRequest");
  static constexpr auto kFields = fields(field<&Self::client_software_name>(from(3)),
                                         field<&Self::client_software_version>(from(3)));
};

struct ApiVersionRange {
  std::int16_t api_key = 0;
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;

  using Self = ApiVersionRange;
  static constexpr auto kFields =
      fields(field<&Self::api_key>(from(0)), field<&Self::min_version>(from(0)),
             field<&Self::max_version>(from(0)));
};

struct SupportedFeature {
  std::string name;
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;

  using Self = SupportedFeature;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(3)), field<&Self::min_version>(from(3)),
             field<&Self::max_version>(from(3)));
};

struct FinalizedFeature {
  std::string name;
  std::int16_t max_version_level = 0;
  std::int16_t min_version_level = 0;

  using Self = FinalizedFeature;
  friend bool operator==(const Self&, const Self&) = default;
  static constexpr auto kFields =
      fields(field<&Self::name>(from(3)), field<&Self::max_version_level>(from(3)),
             field<&Self::min_version_level>(from(3)));
};

struct ApiVersionsResponse {
  ErrorCode error_code = ErrorCode::kNone;
  std::vector<ApiVersionRange> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  using Self = ApiVersionsResponse;
  static constexpr ApiKey kApi = ApiKey::kApiVersions;
  static constexpr Message kMessage = message_of(kApi, "ApiVersionsResponse");
  static constexpr auto kFields = fields(
      field<&Self::error_code>(from(0)), field<&Self::api_keys>(from(0)),
      field<&Self::throttle_time_ms>(from(1)), tagged<&Self::supported_features>(0, from(3)),
      tagged<&Self::finalized_features_epoch>(1, from(3)),
      tagged<&Self::finalized_features>(2, from(3)), tagged<&Self::zk_migration_ready>(3, from(3)));
};

/// Every API of kApis with the range that it advertises.
[[nodiscard]] std::vector<ApiVersionRange> advertised_ranges();

}  // namespace stele::kafka
