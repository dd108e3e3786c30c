#include "log/base/checksum.h"

#include <xxhash.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include <array>

namespace stele {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, reflected (RFC 3720)

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t crc_portable(ByteView bytes, std::uint32_t crc) {
  for (std::byte b : bytes)
    crc = crc >> 8 ^ kTable[(crc ^ std::to_integer<std::uint32_t>(b)) & 255];
  return crc;
}

#if defined(__x86_64__)
// The crc32 instruction has a latency of three cycles: three chains over three blocks run at once,
// and are then joined by multiplying with x^(8 * block) through a table of the effect of one block
// of zeros.
constexpr std::size_t kBlock = 1024;

constexpr std::uint32_t shift_by_block(std::uint32_t crc) {
  for (std::size_t i = 0; i < kBlock; ++i) crc = crc >> 8 ^ kTable[crc & 255];
  return crc;
}
constexpr std::array<std::array<std::uint32_t, 16>, 8> make_shift_table() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::uint32_t bit = 0; bit < 32; ++bit) of_bit[bit] = shift_by_block(1u << bit);
  std::array<std::array<std::uint32_t, 16>, 8> table{};
  for (std::uint32_t nibble = 0; nibble < 8; ++nibble) {
    for (std::uint32_t value = 0; value < 16; ++value) {
      for (std::uint32_t bit = 0; bit < 4; ++bit) {
        if ((value >> bit & 1) != 0) table[nibble][value] ^= of_bit[nibble * 4 + bit];
      }
    }
  }
  return table;
}
std::uint32_t shift(std::uint64_t crc) {
  static constexpr auto kShift = make_shift_table();
  std::uint32_t out = 0;
  for (std::size_t nibble = 0; nibble < 8; ++nibble)
    out ^= kShift[nibble][crc >> (4 * nibble) & 15];
  return out;
}

[[gnu::target("sse4.2")]] std::uint32_t crc_hardware(ByteView bytes, std::uint32_t seed) {
  const std::byte* p = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t crc = seed;
  while (left >= 3 * kBlock) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kBlock; i += 8) {
      crc = _mm_crc32_u64(crc, load_le<std::uint64_t>(p + i));
      second = _mm_crc32_u64(second, load_le<std::uint64_t>(p + kBlock + i));
      third = _mm_crc32_u64(third, load_le<std::uint64_t>(p + 2 * kBlock + i));
    }
    crc = shift(shift(crc) ^ second) ^ third;
    p += 3 * kBlock;
    left -= 3 * kBlock;
  }
  for (; left >= 8; left -= 8, p += 8) crc = _mm_crc32_u64(crc, load_le<std::uint64_t>(p));
  for (; left > 0; --left, ++p) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), std::to_integer<std::uint8_t>(*p));
  }
  return static_cast<std::uint32_t>(crc);
}
#endif

std::uint32_t (*const kCrc)(ByteView, std::uint32_t) =
#if defined(__x86_64__)
    __builtin_cpu_supports("sse4.2") != 0 ? crc_hardware : crc_portable;
#else
    crc_portable;
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  return ~kCrc(bytes, ~seed);
}

Hash128 hash128(ByteView bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.low64, hash.high64};
}

std::uint64_t checksum(ByteView bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t mix_seed(std::uint64_t seed, std::uint64_t part) {
  std::array<std::byte, 8> bytes;
  store_le(bytes.data(), part);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed ^ 0x9e3779b97f4a7c15ULL);
}

}  // namespace stele
