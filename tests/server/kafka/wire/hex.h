// Bytes as hexadecimal text and back, for golden bytes.
#pragma once

#include <string>
#include <string_view>

#include "log/base/bytes.h"

namespace stele::kafka {

[[nodiscard]] inline std::string to_hex(ByteView bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::byte byte : bytes) {
    text.push_back(kDigits[static_cast<std::size_t>(byte >> 4)]);
    text.push_back(kDigits[static_cast<std::size_t>(byte & std::byte{15})]);
  }
  return text;
}

/// Blanks are ignored, so that golden bytes can be grouped. Digits are lower case.
[[nodiscard]] inline Bytes from_hex(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  int high = -1;
  for (char c : text) {
    if (c == ' ' || c == '\n') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
      continue;
    }
    bytes.push_back(static_cast<std::byte>(high * 16 + digit));
    high = -1;
  }
  return bytes;
}

}  // namespace stele::kafka
