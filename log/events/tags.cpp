#include "log/events/tags.h"

#include <algorithm>
#include <optional>

#include "log/base/fail.h"
#include "log/events/utf8.h"

namespace stele::log {
namespace {

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

bool is_plain(char c, char also, bool utf8) {
  if (static_cast<unsigned char>(c) >= 0x80) return utf8;
  return c > ' ' && c != 0x7f && c != '%' && c != ',' && c != '"' && c != also;
}

}  // namespace

bool TagList::parse(std::string_view list) {
  count_ = 0;
  decoded_.clear();
  if (list.find('%') != std::string_view::npos) decoded_.reserve(list.size());
  if (trimmed(list).empty()) return true;
  for (;;) {
    const std::size_t comma = list.find(',');
    if (!add(trimmed(list.substr(0, comma)))) {
      count_ = 0;
      return false;
    }
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

bool TagList::add(std::string_view encoded) {
  std::string_view tag = encoded;
  if (encoded.find('%') != std::string_view::npos && !decode(tag)) return false;
  if (tag.empty() || tag.size() > kTagBytesMax || !is_utf8(tag)) return false;
  if (std::ranges::find(tags(), tag) != tags().end()) return true;
  if (count_ == kTagCountMax) return false;
  tags_[count_++] = tag;
  return true;
}

/// `tag` becomes its decoded bytes, which stand in decoded_ and don't move: it has room for all.
bool TagList::decode(std::string_view& tag) {
  const std::size_t from = decoded_.size();
  if (!append_decoded(decoded_, tag)) return false;
  tag = std::string_view(decoded_).substr(from);
  return true;
}

Result<void> check_tags(std::span<const std::string> tags) {
  if (tags.size() > kTagCountMax)
    return fail(Code::kInvalid, "{} tags, over {}", tags.size(), kTagCountMax);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (tags[i].empty()) return fail(Code::kInvalid, "tag {} is empty", i);
    if (tags[i].size() > kTagBytesMax)
      return fail(Code::kInvalid, "tag {} has {} bytes, over {}", i, tags[i].size(), kTagBytesMax);
    if (!is_utf8(tags[i])) return fail(Code::kInvalid, "tag {} is not UTF-8", i);
  }
  return {};
}

void append_encoded(std::string& to, std::string_view text, char also) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const bool utf8 = is_utf8(text);
  for (const char c : text) {
    if (is_plain(c, also, utf8)) {
      to.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    to.push_back('%');
    to.push_back(kHex[byte >> 4]);
    to.push_back(kHex[byte & 15]);
  }
}

bool append_decoded(std::string& to, std::string_view encoded) {
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      to.push_back(encoded[i]);
      continue;
    }
    if (encoded.size() - i < 3) return false;
    const auto high = hex_value(encoded[i + 1]);
    const auto low = hex_value(encoded[i + 2]);
    if (!high || !low) return false;
    to.push_back(static_cast<char>(*high << 4 | *low));
    i += 2;
  }
  return true;
}

}  // namespace stele::log
