// Any bytes as a request's target. Segments are read again as the same when they were encoded.
#include <cstdint>
#include <string>

#include "log/base/check.h"
#include "server/http/target.h"

namespace stele::http {
namespace {

void take(std::string_view text) {
  (void)base64url_decoded(text);
  const auto target = parse_target(text);
  if (!target) return;
  STELE_CHECK(target->query.size() <= kQueryParametersMax);
  std::string path;
  for (const std::string& segment : target->segments) path += "/" + percent_encoded(segment);
  const auto again = parse_target(path);
  STELE_CHECK(target->segments.empty() || (again && again->segments == target->segments));
}

}  // namespace
}  // namespace stele::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::http::take({reinterpret_cast<const char*>(data), size});
  return 0;
}
