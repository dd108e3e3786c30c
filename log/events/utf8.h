// Is it UTF-8? What stands between bytes that anybody may have written and text that JSON and
// Protobuf accept.
// Thread: any.
#pragma once

#include <string_view>

namespace stele::log {

/// True if `text` is well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing beyond
/// U+10FFFF). U+0000 is well-formed.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace stele::log
