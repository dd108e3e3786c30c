// Eight bytes of JSON text at a time, in a word: which of them cannot stand in a string as they
// are.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace stele::cloudevents {

inline constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
inline constexpr std::uint64_t kWordOnes = 0x0101010101010101ULL;
inline constexpr std::uint64_t kWordHighBits = 0x8080808080808080ULL;

[[nodiscard]] inline std::uint64_t load_word(const char* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// High bits of the bytes of `word` that are below `limit` (at most 0x80); those above the lowest
/// may be wrong.
[[nodiscard]] constexpr std::uint64_t bytes_below(std::uint64_t word, std::uint8_t limit) {
  return (word - kWordOnes * limit) & ~word & kWordHighBits;
}

/// The same of quotes, backslashes and control characters.
[[nodiscard]] constexpr std::uint64_t string_stops(std::uint64_t word) {
  return bytes_below(word ^ (kWordOnes * std::uint64_t{'"'}), 1) |
         bytes_below(word ^ (kWordOnes * std::uint64_t{'\\'}), 1) | bytes_below(word, 0x20);
}

/// True if it is ASCII that stands in a string as it is.
[[nodiscard]] inline bool is_plain_ascii(std::string_view text) {
  const char* at = text.begin();
  const char* const end = text.end();
  std::uint64_t odd = 0;
  for (; static_cast<std::size_t>(end - at) >= kWordBytes; at += kWordBytes) {
    const std::uint64_t word = load_word(at);
    odd |= string_stops(word) | (word & kWordHighBits);
  }
  std::uint64_t rest = kWordOnes * std::uint64_t{' '};
  if (at != end) std::memcpy(&rest, at, static_cast<std::size_t>(end - at));
  return (odd | string_stops(rest) | (rest & kWordHighBits)) == 0;
}

}  // namespace stele::cloudevents
