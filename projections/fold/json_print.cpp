#include "projections/fold/json_print.h"

#include <array>
#include <charconv>
#include <cmath>

namespace stele::projections::detail {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

template <class Number>
void append_number(std::string& to, Number value) {
  std::array<char, 40> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  to.append(text.data(), end);
}

/// How many bytes the UTF-8 character at the front has; 0: there is none.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < count) return 0;
  for (std::size_t at = 1; at < count; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  const unsigned char second = byte(1);
  const bool refused = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                       (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return refused ? 0 : count;
}

void append_escaped(std::string& to, char c) {
  switch (c) {
    case '"':
      to += "\\\"";
      return;
    case '\\':
      to += "\\\\";
      return;
    case '\n':
      to += "\\n";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\t':
      to += "\\t";
      return;
    default:
      to += "\\u00";
      to.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      to.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

void append_json_text(std::string& to, std::string_view text) {
  to.push_back('"');
  while (!text.empty()) {
    const std::size_t count = character_bytes(text);
    const char c = text.front();
    if (count == 0) {
      to += "\xef\xbf\xbd";
    } else if (count == 1 && (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\')) {
      append_escaped(to, c);
    } else {
      to += text.substr(0, count);
    }
    text.remove_prefix(count == 0 ? 1 : count);
  }
  to.push_back('"');
}

void append_json_integer(std::string& to, std::int64_t value) {
  append_number(to, value);
}
void append_json_unsigned(std::string& to, std::uint64_t value) {
  append_number(to, value);
}

void append_json_double(std::string& to, double value) {
  if (std::isfinite(value)) {
    append_number(to, value);
  } else {
    to += "null";
  }
}

void append_json_bytes(std::string& to, ByteView bytes) {
  to.push_back('"');
  for (const std::byte byte : bytes) {
    to.push_back(kDigits[std::to_integer<std::size_t>(byte) >> 4]);
    to.push_back(kDigits[std::to_integer<std::size_t>(byte) & 15]);
  }
  to.push_back('"');
}

}  // namespace stele::projections::detail
