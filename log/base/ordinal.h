// Strong types for places: an Offset is never taken for a Position.
#pragma once

#include <compare>
#include <cstdint>

namespace stele {

/// A place in something ordered. No implicit way out, no Offset + Offset: only what a place needs.
template <class Tag>
class Ordinal {
public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(std::int64_t raw) : raw_(raw) {}
  [[nodiscard]] constexpr std::int64_t raw() const { return raw_; }
  [[nodiscard]] constexpr Ordinal next(std::int64_t count = 1) const {
    return Ordinal(raw_ + count);
  }
  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;

private:
  std::int64_t raw_ = 0;
};

using Offset = Ordinal<struct OffsetTag>;  ///< counts records of one partition, from 0
using Position =
    Ordinal<struct PositionTag>;  ///< counts committed records of the whole store, from 0
using Version = Ordinal<struct VersionTag>;  ///< counts events of one stream, from 0

/// How many records from `from` up to `to`, `to` not included.
template <class Tag>
[[nodiscard]] constexpr std::int64_t distance(Ordinal<Tag> from, Ordinal<Tag> to) {
  return to.raw() - from.raw();
}

}  // namespace stele
