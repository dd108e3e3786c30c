#include "server/kafka/handlers.h"
#include "server/kafka/wire/api_versions.h"

namespace stele::kafka {

namespace {

constexpr std::string_view kMetadataVersion = "metadata.version";
constexpr std::int16_t kMetadataLevel = 30;  // 4.3-IV0: what the served ranges are those of
constexpr std::int16_t kMetadataLevelMin = 7;
constexpr std::string_view kGroupVersion = "group.version";
constexpr std::int16_t kGroupLevel = 1;  // the group protocol of KIP-848

/// What clients and tools decide by. A feature whose least version is 0 is told from v4 on only:
/// older clients drop the connection over it (KAFKA-17011).
void tell_features(std::int16_t version, ApiVersionsResponse& response) {
  constexpr std::int16_t kZeroFrom = 4;
  response.supported_features = {
      {std::string(kMetadataVersion), kMetadataLevelMin, kMetadataLevel}};
  if (version >= kZeroFrom) {
    response.supported_features.push_back({std::string(kGroupVersion), 0, kGroupLevel});
  }
  response.finalized_features_epoch = 0;
  response.finalized_features = {{std::string(kMetadataVersion), kMetadataLevel, kMetadataLevel},
                                 {std::string(kGroupVersion), kGroupLevel, kGroupLevel}};
}

}  // namespace

Next handle_api_versions(Broker& broker, const Request& request) {
  const auto asked = read_body<ApiVersionsRequest>(request);
  if (!asked) return Next::kClose;
  ApiVersionsResponse response;
  response.api_keys = advertised_ranges();
  tell_features(request.version, response);
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

void answer_unsupported_api_versions(Broker& broker, Request request) {
  broker.metrics.count_error(ApiKey::kApiVersions, ErrorCode::kUnsupportedVersion);
  const Api& api = api_of(ApiKey::kApiVersions);
  ApiVersionsResponse response;
  response.error_code = ErrorCode::kUnsupportedVersion;
  response.api_keys = {
      {static_cast<std::int16_t>(api.key), api.advertised.first, api.advertised.last}};
  request.api = ApiKey::kApiVersions;
  request.version = 0;
  answer(request, response, broker.env.now());
}

}  // namespace stele::kafka
