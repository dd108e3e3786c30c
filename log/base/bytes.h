// Byte spans, and integers in them. Disk formats of ours are little-endian, Kafka's are big-endian.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace stele {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

static_assert(std::endian::native == std::endian::little, "Stele runs on little-endian machines");

/// Reads a little-endian integer. The caller has checked that sizeof(T) bytes are there.
template <std::integral T>
[[nodiscard]] T load_le(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <std::integral T>
void store_le(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// Reads a big-endian integer. The caller has checked that sizeof(T) bytes are there.
template <std::integral T>
[[nodiscard]] T load_be(const std::byte* from) {
  return std::byteswap(load_le<T>(from));
}
template <std::integral T>
void store_be(std::byte* to, T value) {
  store_le(to, std::byteswap(value));
}

}  // namespace stele
