// A blocked Bloom filter over hashes: which terms a run certainly does not hold. About ten bits a
// term; one line of 64 bytes answers, wrongly "maybe" for about one term in 80.
//
// A term's line follows from its hash's upper bits, so that lines are made and written in the order
// of the hashes, one at a time, and any one is found without the others.
// Thread: value types.
#pragma once

#include <array>
#include <cstdint>

#include "log/base/bytes.h"
#include "log/index/run_format.h"

namespace stele::log {

inline constexpr std::uint64_t kFilterBitsPerTerm = 10;

[[nodiscard]] constexpr std::uint64_t filter_lines_for(std::uint64_t term_count) {
  return (term_count * kFilterBitsPerTerm + kFilterLineBytes * 8 - 1) / (kFilterLineBytes * 8);
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
