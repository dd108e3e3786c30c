#include "server/http/api/origin.h"

namespace stele::http {

bool is_foreign(const Request& request) {
  const Header* origin = request.find("origin");
  if (origin == nullptr) return false;
  const std::size_t scheme = origin->value.find("://");
  if (scheme == std::string_view::npos) return true;  // "null"
  return !equals_ignoring_case(origin->value.substr(scheme + 3), request.header("host"));
}

}  // namespace stele::http
