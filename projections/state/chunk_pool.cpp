#include "projections/state/chunk_pool.h"

#include <bit>

namespace stele::projections {

std::size_t ChunkPool::size_index(std::size_t bytes) {
  return static_cast<std::size_t>(std::countr_zero(bytes) - std::countr_zero(kPieceBytesMin));
}

ChunkPool::Piece ChunkPool::take(std::size_t bytes, std::size_t align) {
  if (bytes < kPieceBytesMin || !std::has_single_bit(bytes)) {
    auto* const piece = static_cast<std::byte*>(::operator new[](bytes, std::align_val_t(align)));
    return {piece, {.pool = nullptr, .bytes = bytes, .align = align}};
  }
  const GiveBack to{.pool = this, .bytes = bytes, .align = align};
  if (bytes > log::kHugePageBytes) return {log::allocate_pages(bytes).release(), to};
  const ShardHold hold(lock_);
  std::size_t index = size_index(bytes);
  while (index < kSizes && free_[index].empty()) ++index;
  if (index == kSizes) {
    slabs_.push_back(log::allocate_pages(log::kHugePageBytes));
    free_[--index].push_back(slabs_.back().get());
  }
  std::byte* const piece = free_[index].back();
  free_[index].pop_back();
  // The lower half of what is too large, again and again; the upper ones are for others.
  for (std::size_t half = kPieceBytesMin << index; half > bytes;) {
    half /= 2;
    free_[size_index(half)].push_back(piece + half);
  }
  return {piece, to};
}

void ChunkPool::give_back(std::byte* piece, std::size_t bytes) {
  if (bytes > log::kHugePageBytes) {
    const log::Pages freed(piece);
    return;
  }
  const ShardHold hold(lock_);
  free_[size_index(bytes)].push_back(piece);
}

}  // namespace stele::projections
