// 16 bytes of identity: of a store, of a topic. Printed as Kafka prints topic ids: 22 characters of
// base64url.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "log/base/bytes.h"
#include "log/base/error.h"

namespace stele {

struct Uuid {
  std::array<std::byte, 16> bytes{};

  /// From 16 random bytes; sets version 4 and variant bits.
  [[nodiscard]] static Uuid from_random(std::uint64_t high, std::uint64_t low);
  /// From its 22 characters of base64url. kInvalid otherwise.
  [[nodiscard]] static Result<Uuid> parse(std::string_view text);
  [[nodiscard]] static Uuid load(const std::byte* from);

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_zero() const { return *this == Uuid{}; }
  [[nodiscard]] std::uint64_t high() const { return load_le<std::uint64_t>(bytes.data()); }
  [[nodiscard]] std::uint64_t low() const { return load_le<std::uint64_t>(bytes.data() + 8); }

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace stele

template <>
struct std::hash<stele::Uuid> {
  std::size_t operator()(const stele::Uuid& id) const noexcept { return id.high() ^ id.low() * 31; }
};
