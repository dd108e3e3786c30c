// The two checksums on disk: CRC-32C (Kafka's, over a record batch) and seeded XXH3 (ours, over our
// structures).
#pragma once

#include <cstdint>

#include "log/base/bytes.h"

namespace stele {

/// CRC-32C (Castagnoli) as Kafka stores it; `seed` continues an earlier one. Hardware where the
/// machine has it.
[[nodiscard]] std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// XXH3-64 of `bytes`. `seed` binds the bytes to their place: same bytes elsewhere, other sum.
[[nodiscard]] std::uint64_t checksum(ByteView bytes, std::uint64_t seed);

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};
/// XXH3-128 of `bytes`: with a seed that nobody can guess, equal hashes mean equal bytes.
[[nodiscard]] Hash128 hash128(ByteView bytes, std::uint64_t seed);

/// Mixes place numbers (store id, lap, sequence, file position, …) into one seed; the order of
/// parts matters.
[[nodiscard]] std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t part);

}  // namespace stele
