#include "server/kafka/handlers.h"
#include "server/kafka/wire/api_versions.h"

namespace stele::kafka {

Next handle_api_versions(Broker& broker, const Request& request) {
  const auto asked = read<ApiVersionsRequest>(request.version, request.body);
  if (!asked) return Next::kClose;
  ApiVersionsResponse response;
  response.api_keys = advertised_ranges();
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
