#include "log/index/position_set.h"

#include <algorithm>
#include <bit>

namespace stele::log {
namespace {

constexpr std::int64_t kPiecePositions = 65'536;
constexpr std::int64_t kWordBits = 64;

/// Bits [from, to) of one word.
constexpr std::uint64_t bits_between(std::int64_t from, std::int64_t to) {
  const std::uint64_t below_to = to == kWordBits ? ~std::uint64_t{0} : (std::uint64_t{1} << to) - 1;
  return below_to & ~((std::uint64_t{1} << from) - 1);
}

}  // namespace

void PositionSet::add(Position from, Position to) {
  for (std::int64_t at = from.raw(); at < to.raw();) {
    const std::int64_t number = at / kPiecePositions;
    const std::int64_t begin = number * kPiecePositions;
    const std::int64_t end = std::min(to.raw(), begin + kPiecePositions);
    const auto [found, fresh] = pieces_.try_emplace(number);
    Piece& piece = found->second;
    const std::int64_t before = piece.count;
    if (fresh) piece.bits.resize(kPiecePositions / kWordBits);
    while (!piece.bits.empty() && at < end) {
      const std::int64_t bit = (at - begin) % kWordBits;
      const std::int64_t bit_end = std::min(kWordBits, bit + end - at);
      std::uint64_t& word = piece.bits[static_cast<std::size_t>((at - begin) / kWordBits)];
      const std::uint64_t mask = bits_between(bit, bit_end);
      piece.count += std::popcount(mask & ~word);
      word |= mask;
      at += bit_end - bit;
    }
    at = end;
    count_ += piece.count - before;
    if (piece.count == kPiecePositions) std::vector<std::uint64_t>().swap(piece.bits);
  }
}

bool PositionSet::contains(Position position) const {
  if (position.raw() < 0) return false;
  const auto found = pieces_.find(position.raw() / kPiecePositions);
  if (found == pieces_.end()) return false;
  if (found->second.bits.empty()) return true;
  const std::int64_t at = position.raw() % kPiecePositions;
  return (found->second.bits[static_cast<std::size_t>(at / kWordBits)] >> (at % kWordBits) & 1) !=
         0;
}

std::int64_t PositionSet::count_below(Position end) const {
  std::int64_t count = 0;
  for (const auto& [number, piece] : pieces_) {
    const std::int64_t begin = number * kPiecePositions;
    if (begin + kPiecePositions <= end.raw()) {
      count += piece.count;
      continue;
    }
    for (std::int64_t at = begin; at < end.raw(); ++at) count += contains(Position(at)) ? 1 : 0;
    break;
  }
  return count;
}

}  // namespace stele::log
