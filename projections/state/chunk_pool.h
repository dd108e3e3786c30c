// Memory for tables that are looked into in no order: pieces cut from pages of 2 MiB, which the
// tables of a store share, so that few looks also miss the table of pages. A small store takes one.
//
// A piece is a power of two, and begins at a multiple of its size. What is given back is cut for
// others; the system gets it when the pool ends. Thread: any. It outlives its pieces.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "log/index/huge_pages.h"
#include "projections/state/shard_lock.h"

namespace stele::projections {

class ChunkPool {
public:
  static constexpr std::size_t kPieceBytesMin = std::size_t{4} << 10;

  /// Whoever has a piece gives it back by destroying this.
  struct GiveBack {
    ChunkPool* pool = nullptr;  ///< null: of the heap
    std::size_t bytes = 0;
    std::size_t align = 8;
    void operator()(std::byte* piece) const {
      if (pool != nullptr) {
        pool->give_back(piece, bytes);
      } else {
        ::operator delete[](piece, std::align_val_t(align));
      }
    }
  };
  using Piece = std::unique_ptr<std::byte[], GiveBack>;

  ChunkPool() = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  /// Of a power of two from kPieceBytesMin on: cut from a page, or pages of its own. Of any other
  /// size: from the heap.
  [[nodiscard]] Piece take(std::size_t bytes, std::size_t align);

private:
  static constexpr std::size_t kSizes = 10;  ///< 4 KiB … 2 MiB

  [[nodiscard]] static std::size_t size_index(std::size_t bytes);
  void give_back(std::byte* piece, std::size_t bytes);

  ShardLock lock_;
  std::vector<log::Pages> slabs_;
  std::array<std::vector<std::byte*>, kSizes> free_;
};

}  // namespace stele::projections
