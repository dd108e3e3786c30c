// Bytes as text, for golden files: 16 a line, lines of zeros left out, the last line says how many
// bytes there are. Thread: any.
#pragma once

#include <istream>
#include <string>

#include "log/base/bytes.h"

namespace stele {

[[nodiscard]] std::string golden_text(ByteView bytes);
/// The reverse.
[[nodiscard]] Bytes parse_golden_text(std::istream& in);

}  // namespace stele
