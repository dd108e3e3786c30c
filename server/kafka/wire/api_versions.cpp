#include "server/kafka/wire/api_versions.h"

#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(ApiVersionsRequest);
STELE_KAFKA_INSTANTIATE(ApiVersionsResponse);

std::vector<ApiVersionRange> advertised_ranges() {
  std::vector<ApiVersionRange> ranges;
  ranges.reserve(kApis.size());
  for (const Api& api : kApis) {
    ranges.push_back(
        {static_cast<std::int16_t>(api.key), api.advertised.first, api.advertised.last});
  }
  return ranges;
}

}  // namespace stele::kafka
