#include "server/cloudevents/json_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "log/events/utf8.h"
#include "server/cloudevents/json_words.h"

namespace stele::cloudevents {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr auto kBase64Values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Digits.size(); ++i)
    values[static_cast<std::uint8_t>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

constexpr std::size_t kIntegerCharsMax = 20;

/// Appends what `write(begin)` writes, which is at most `most` characters and ends where it says.
template <class Write>
void append_at_most(std::size_t most, std::string& out, const Write& write) {
  const std::size_t before = out.size();
  out.resize_and_overwrite(before + most, [&](char* text, std::size_t) {
    return static_cast<std::size_t>(write(text + before) - text);
  });
}

char* write_digits(std::int64_t value, char* to) {
  return std::to_chars(to, to + kIntegerCharsMax, value).ptr;
}

constexpr bool is_plain(char c) {
  return static_cast<std::uint8_t>(c) >= 0x20 && c != '"' && c != '\\';
}

void append_escape(char c, std::string& out) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  out.push_back('\\');
  if (const std::size_t known = kNamed.find(c); known != std::string_view::npos) {
    out.push_back(kNames[known]);
    return;
  }
  const auto byte = static_cast<std::uint8_t>(c);
  out.append("u00");
  out.push_back(kHexDigits[byte >> 4]);
  out.push_back(kHexDigits[byte & 15]);
}

void append_escaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.substr(0, plain));
    if (plain == text.size()) return;
    append_escape(text[plain], out);
    text.remove_prefix(plain + 1);
  }
}

/// The text with every byte replaced that is in no well-formed sequence.
std::string repaired(std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  constexpr std::size_t kSequenceBytesMax = 4;
  std::string result;
  while (!text.empty()) {
    std::size_t size = 1;
    while (size <= kSequenceBytesMax && size <= text.size() && !log::is_utf8(text.substr(0, size)))
      ++size;
    const bool well_formed = size <= kSequenceBytesMax && size <= text.size();
    result.append(well_formed ? text.substr(0, size) : kReplacement);
    text.remove_prefix(well_formed ? size : 1);
  }
  return result;
}

}  // namespace

void write_json_string(std::string_view text, std::string& out) {
  if (is_plain_ascii(text)) [[likely]] {
    append_at_most(text.size() + 2, out, [&](char* to) {
      *to++ = '"';
      to = std::ranges::copy(text, to).out;
      *to++ = '"';
      return to;
    });
    return;
  }
  out.push_back('"');
  if (log::is_utf8(text))
    append_escaped(text, out);
  else
    append_escaped(repaired(text), out);
  out.push_back('"');
}

void write_integer(std::int64_t value, std::string& out) {
  append_at_most(kIntegerCharsMax, out, [&](char* to) { return write_digits(value, to); });
}

void write_wide(std::int64_t value, std::string& out) {
  append_at_most(kIntegerCharsMax + 2, out, [&](char* to) {
    *to++ = '"';
    to = write_digits(value, to);
    *to++ = '"';
    return to;
  });
}

void append_base64(ByteView bytes, std::string& out) {
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0U;
  };
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out.push_back(kBase64Digits[bits >> 18]);
    out.push_back(kBase64Digits[bits >> 12 & 63]);
    out.push_back(i + 1 < bytes.size() ? kBase64Digits[bits >> 6 & 63] : '=');
    out.push_back(i + 2 < bytes.size() ? kBase64Digits[bits & 63] : '=');
  }
}

bool decode_base64(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t value = kBase64Values[static_cast<std::uint8_t>(text[i])];
    if (value == kNoDigit) return false;
    bits = bits << 6 | value;
    if (i % 4 != 3) continue;
    out.push_back(static_cast<char>(bits >> 16));
    out.push_back(static_cast<char>(bits >> 8));
    out.push_back(static_cast<char>(bits));
    bits = 0;
  }
  // What the padding stands for has to be zero: one text for the same bytes.
  if (padding == 1) {
    out.push_back(static_cast<char>(bits >> 10));
    out.push_back(static_cast<char>(bits >> 2));
    return (bits & 3) == 0;
  }
  if (padding == 2) {
    out.push_back(static_cast<char>(bits >> 4));
    return (bits & 15) == 0;
  }
  return true;
}

std::string& JsonObject::at(std::string_view name) {
  append_at_most(name.size() + 4, out_, [&](char* to) {
    if (!first_) *to++ = ',';
    *to++ = '"';
    to = std::ranges::copy(name, to).out;
    *to++ = '"';
    *to++ = ':';
    return to;
  });
  first_ = false;
  return out_;
}

}  // namespace stele::cloudevents
