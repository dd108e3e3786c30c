// Kafka's variable-length integers: seven bits a byte, least significant first, high bit = another
// byte follows; signed ones are zigzag-coded first (0, -1, 1, -2 … become 0, 1, 2, 3 …).
//
// VarintReader is a bounds-checked cursor with a sticky failure: after the first malformed read it
// stands at the end, failed() is true and every later read answers 0. A caller reads several fields
// and checks once. It never reads at or behind `end`.
// An encoding longer than 5 bytes (10 for 64 bits), or with bits beyond the type, is malformed; a
// longer one than needed is accepted, as Kafka does (ByteUtils.readVarint).
// Thread: any; a cursor belongs to its caller.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "log/base/bytes.h"

namespace stele {

inline constexpr std::size_t kVarintBytesMax = 5;
inline constexpr std::size_t kVarlongBytesMax = 10;

[[nodiscard]] constexpr std::uint32_t zigzag(std::int32_t value) {
  return static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31);
}
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int32_t unzigzag(std::uint32_t raw) {
  return static_cast<std::int32_t>(raw >> 1 ^ (0 - (raw & 1)));
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t raw) {
  return static_cast<std::int64_t>(raw >> 1 ^ (0 - (raw & 1)));
}

/// Bytes that write_uvarint() takes for `value`: 1…10.
[[nodiscard]] constexpr std::size_t uvarint_bytes(std::uint64_t value) {
  return static_cast<std::size_t>(std::bit_width(value | 1) * 9 + 64) / 64;
}
[[nodiscard]] constexpr std::size_t varint_bytes(std::int32_t value) {
  return uvarint_bytes(zigzag(value));
}
[[nodiscard]] constexpr std::size_t varlong_bytes(std::int64_t value) {
  return uvarint_bytes(zigzag(value));
}

/// Writes `value` and answers the place behind it. The caller has made room for uvarint_bytes().
inline std::byte* write_uvarint(std::byte* to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>(value | 0x80);
  *to++ = static_cast<std::byte>(value);
  return to;
}
inline std::byte* write_varint(std::byte* to, std::int32_t value) {
  return write_uvarint(to, zigzag(value));
}
inline std::byte* write_varlong(std::byte* to, std::int64_t value) {
  return write_uvarint(to, zigzag(value));
}

class VarintReader {
public:
  VarintReader(const std::byte* at, const std::byte* end) : at_(at), end_(end) {}
  explicit VarintReader(ByteView bytes) : VarintReader(bytes.data(), bytes.data() + bytes.size()) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const std::byte* at() const { return at_; }
  [[nodiscard]] std::size_t left_bytes() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] ByteView rest() const { return {at_, left_bytes()}; }

  [[nodiscard]] std::uint32_t unsigned_varint() {
    return static_cast<std::uint32_t>(read(kVarintBytesMax));
  }
  [[nodiscard]] std::uint64_t unsigned_varlong() { return read(kVarlongBytesMax); }
  [[nodiscard]] std::int32_t varint() { return unzigzag(unsigned_varint()); }
  [[nodiscard]] std::int64_t varlong() { return unzigzag(unsigned_varlong()); }

  /// The next `count` bytes; fails if there are fewer.
  [[nodiscard]] ByteView take(std::size_t count) {
    if (count > left_bytes()) [[unlikely]] {
      fail();
      return {};
    }
    const std::byte* from = at_;
    at_ += count;
    return {from, count};
  }
  void skip(std::size_t count) { static_cast<void>(take(count)); }

  void fail() {
    failed_ = true;
    at_ = end_;
  }

private:
  struct Decoded {
    std::uint64_t value;
    const std::byte* next;  ///< null: malformed
  };

  // By value and out of line, so that the cursor of a hot loop stays in registers.
  [[gnu::noinline]] static Decoded decode(const std::byte* at, const std::byte* end,
                                          std::size_t bytes_max) {
    const unsigned bits = bytes_max == kVarintBytesMax ? 32 : 64;
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (std::size_t i = 0; i < bytes_max && at != end; ++i, shift += 7) {
      const auto low = std::to_integer<std::uint64_t>(*at & std::byte{0x7f});
      const unsigned room = bits - shift;
      if (room < 7 && low >> room != 0) return {0, nullptr};
      value |= low << shift;
      if (std::to_integer<unsigned>(*at++) < 0x80) return {value, at};
    }
    return {0, nullptr};
  }

  // One and two bytes are decoded in place: lengths up to 8 KiB, which is nearly all of them.
  [[gnu::always_inline]] std::uint64_t read(std::size_t bytes_max) {
    if (left_bytes() >= 2) [[likely]] {
      const auto first = std::to_integer<std::uint64_t>(at_[0]);
      if (first < 0x80) [[likely]] {
        at_ += 1;
        return first;
      }
      const auto second = std::to_integer<std::uint64_t>(at_[1]);
      if (second < 0x80) [[likely]] {
        at_ += 2;
        return (first & 0x7f) | second << 7;
      }
    }
    const Decoded decoded = decode(at_, end_, bytes_max);
    if (decoded.next == nullptr) [[unlikely]] {
      fail();
      return 0;
    }
    at_ = decoded.next;
    return decoded.value;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool failed_ = false;
};

}  // namespace stele
