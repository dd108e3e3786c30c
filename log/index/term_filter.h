// A blocked Bloom filter over hashes: which terms a run certainly does not hold. Sixteen bits a
// term, fewer in a run so large that its filter would not be held in memory, never under eight; one
// line of 64 bytes answers, wrongly "maybe" for about one term in 900 (eight bits: in 40).
//
// A term's line follows from its hash's upper bits, so that lines are made and written in the order
// of the hashes, one at a time, and any one is found without the others.
// Thread: value types.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "log/base/bytes.h"
#include "log/index/run_format.h"

namespace stele::log {

inline constexpr std::uint64_t kFilterBitsPerTerm = 16;
inline constexpr std::uint64_t kFilterBitsPerTermMin = 8;
/// Filters of so many bytes are held in memory, the newest runs' first, so that a term is known to
/// be new without a system call. Those of larger runs are read from the file.
inline constexpr std::uint64_t kFilterMemoryBytesMax = 96 << 20;
/// One filter alone leaves room for those of newer runs.
inline constexpr std::uint64_t kFilterBytesAim = 80 << 20;

[[nodiscard]] constexpr std::uint64_t filter_lines_for(std::uint64_t term_count) {
  constexpr std::uint64_t kLineBits = kFilterLineBytes * 8;
  const std::uint64_t bits = std::clamp(kFilterBytesAim * 8, term_count * kFilterBitsPerTermMin,
                                        term_count * kFilterBitsPerTerm);
  return (bits + kLineBits - 1) / kLineBits;
}

/// Which line of `lines`.
[[nodiscard]] constexpr std::uint64_t filter_line_of(std::uint64_t hash, std::uint64_t lines) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide{hash} * lines >> 64);
}

/// The bits of a hash within its line: 7 of 512.
[[nodiscard]] constexpr std::array<std::uint16_t, 7> filter_bits_of(std::uint64_t hash) {
  // The upper bits chose the line: all of them are mixed again.
  std::uint64_t mixed = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
  mixed ^= mixed >> 32;
  std::array<std::uint16_t, 7> bits{};
  for (auto& bit : bits) {
    bit = static_cast<std::uint16_t>(mixed & 511);
    mixed >>= 9;
  }
  return bits;
}

[[nodiscard]] inline bool filter_line_may_hold(const std::byte* line, std::uint64_t hash) {
  for (const std::uint16_t bit : filter_bits_of(hash)) {
    if ((line[bit / 8] >> (bit % 8) & std::byte{1}) == std::byte{0}) return false;
  }
  return true;
}
inline void filter_line_add(std::byte* line, std::uint64_t hash) {
  for (const std::uint16_t bit : filter_bits_of(hash)) line[bit / 8] |= std::byte{1} << (bit % 8);
}

}  // namespace stele::log
