// A set of positions: bits, in pieces of 65,536, of which those that are full take none.
//
// Memory: a bit a position at most, where members and others alternate. Thread: one changes it, any
// number read once nothing changes any more.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "log/base/ordinal.h"

namespace stele::log {

class PositionSet {
public:
  /// Adds [from, to).
  void add(Position from, Position to);
  [[nodiscard]] bool contains(Position position) const;
  [[nodiscard]] std::int64_t count() const { return count_; }
  /// How many there are below `end`.
  [[nodiscard]] std::int64_t count_below(Position end) const;

private:
  struct Piece {
    std::vector<std::uint64_t> bits;  // empty: all of them are set
    std::int64_t count = 0;
  };
  std::map<std::int64_t, Piece> pieces_;
  std::int64_t count_ = 0;
};

}  // namespace stele::log
