// The path and the query of a request target, percent-decoded. A path is cut at its slashes before
// it is decoded, so that a stream's name may hold any byte, %2F and %00 too.
//
// Thread: value types.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/base/error.h"

namespace stele::http {

struct Target {
  std::vector<std::string> segments;  ///< "/a/b%2Fc/" -> "a", "b/c", ""
  std::vector<std::pair<std::string, std::string>> query;

  /// The first value of that name; null if there is none.
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
  void clear();
};

inline constexpr std::size_t kQueryParametersMax = 128;

/// kInvalid: no path, a percent sign without two hex digits, too many parameters.
/// "http://host/path" is the path alone.
[[nodiscard]] Result<Target> parse_target(std::string_view target);
/// The same, into one that is cleared; what it holds after a fault is of no use.
[[nodiscard]] Result<void> parse_target(std::string_view target, Target& into);

/// kInvalid: a percent sign without two hex digits. `plus_is_space`: as forms and queries have it.
[[nodiscard]] Result<std::string> percent_decoded(std::string_view text, bool plus_is_space);
/// Whatever is not unreserved (RFC 3986) becomes %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// With or without padding. kInvalid.
[[nodiscard]] Result<std::string> base64url_decoded(std::string_view text);

}  // namespace stele::http
