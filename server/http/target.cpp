#include "server/http/target.h"

#include <algorithm>
#include <cstdint>

#include "log/base/fail.h"

namespace stele::http {

namespace {

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

int base64url_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  return digit == '-' ? 62 : digit == '_' ? 63 : -1;
}

bool is_unreserved(char letter) {
  return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
         (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' || letter == '_' ||
         letter == '~';
}

/// "http://host:port/path" -> "/path"
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
}

Result<void> parse_query(std::string_view query, Target& into) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) continue;
    if (into.query.size() == kQueryParametersMax) {
      return fail(Code::kInvalid, "over {} query parameters", kQueryParametersMax);
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    STELE_TRY(std::string name, percent_decoded(pair.substr(0, equals), true));
    STELE_TRY(std::string value,
              percent_decoded(pair.substr(std::min(equals + 1, pair.size())), true));
    into.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

const std::string* Target::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? nullptr : &found->second;
}

Result<std::string> percent_decoded(std::string_view text, bool plus_is_space) {
  if (text.find_first_of(plus_is_space ? "%+" : "%") == std::string_view::npos) {
    return std::string(text);
  }
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at] == '+' && plus_is_space ? ' ' : text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(Code::kInvalid, "a percent sign without two hex digits in the URL");
    }
    decoded += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char letter : text) {
    if (is_unreserved(letter)) {
      encoded += letter;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(letter);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

Result<std::string> base64url_decoded(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return fail(Code::kInvalid, "not base64url: its length");
  std::string decoded;
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (const char digit : text) {
    const int value = base64url_value(digit);
    if (value < 0) return fail(Code::kInvalid, "not base64url: a letter outside of it");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    decoded += static_cast<char>(bits >> bit_count & 0xff);
  }
  if ((bits & ((1u << bit_count) - 1)) != 0) return fail(Code::kInvalid, "not base64url: its end");
  return decoded;
}

void Target::clear() {
  segments.clear();
  query.clear();
}

Result<Target> parse_target(std::string_view text) {
  Target parsed;
  STELE_DO(parse_target(text, parsed));
  return parsed;
}

Result<void> parse_target(std::string_view text, Target& into) {
  const std::string_view target = origin_form(text);
  if (target.empty()) return fail(Code::kInvalid, "the target is not a path");
  const std::size_t question = std::min(target.find('?'), target.size());
  std::string_view path = target.substr(1, question - 1);
  while (true) {
    const std::size_t slash = path.find('/');
    STELE_TRY(std::string segment, percent_decoded(path.substr(0, slash), false));
    into.segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parse_query(target.substr(std::min(question + 1, target.size())), into);
}

}  // namespace stele::http
