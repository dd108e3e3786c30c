// Which partition a key belongs to, as Kafka's clients decide it: murmur2 of the key, modulo the
// partitions (org.apache.kafka.common.utils.Utils.murmur2, toPositive).
//
// Thread: any.
#pragma once

#include <cstdint>

#include "log/base/bytes.h"

namespace stele {

/// Kafka's murmur2, with its seed.
[[nodiscard]] inline std::uint32_t murmur2(ByteView key) {
  constexpr std::uint32_t kM = 0x5bd1e995;
  std::uint32_t h = 0x9747b28c ^ static_cast<std::uint32_t>(key.size());
  std::size_t at = 0;
  for (; at + 4 <= key.size(); at += 4) {
    std::uint32_t k = load_le<std::uint32_t>(key.data() + at) * kM;
    k ^= k >> 24;
    h = h * kM ^ k * kM;
  }
  const std::size_t left = key.size() - at;
  if (left >= 3) h ^= std::to_integer<std::uint32_t>(key[at + 2]) << 16;
  if (left >= 2) h ^= std::to_integer<std::uint32_t>(key[at + 1]) << 8;
  if (left >= 1) h = (h ^ std::to_integer<std::uint32_t>(key[at])) * kM;
  h = (h ^ h >> 13) * kM;
  return h ^ h >> 15;
}

/// `partition_count` is at least 1.
[[nodiscard]] inline std::int32_t partition_of_key(ByteView key, std::int32_t partition_count) {
  return static_cast<std::int32_t>((murmur2(key) & INT32_MAX) %
                                   static_cast<std::uint32_t>(partition_count));
}

}  // namespace stele
