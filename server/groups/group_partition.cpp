#include "server/groups/group_partition.h"

#include <cstddef>
#include <limits>

namespace stele::groups {

namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t bytes;
};

/// Bytes that are not UTF-8 read as the replacement character, one by one.
CodePoint code_point_at(std::string_view text, std::size_t at) {
  constexpr std::uint32_t kReplacement = 0xfffd;
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (bytes == 1 || at + bytes > text.size()) return {kReplacement, 1};
  std::uint32_t value = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0) != 0x80) return {kReplacement, 1};
    value = (value << 6) | (next & 0x3fU);
  }
  return {value, bytes};
}

}  // namespace

std::int32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;  // wraps, as Java's does
  const auto add = [&hash](std::uint32_t unit) { hash = hash * 31 + unit; };
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    if (point.value < 0x10000) {
      add(point.value);
    } else {  // a surrogate pair in Java's UTF-16
      add(0xd800 + ((point.value - 0x10000) >> 10));
      add(0xdc00 + ((point.value - 0x10000) & 0x3ff));
    }
  }
  return static_cast<std::int32_t>(hash);
}

std::int32_t partition_of_group(std::string_view group_id, std::int32_t partition_count) {
  const std::int32_t hash = java_hash(group_id);
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return (hash < 0 ? -hash : hash) % partition_count;
}

}  // namespace stele::groups
