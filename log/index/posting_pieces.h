// A term's postings within one stretch of positions (a tail or a run), read piece by piece: nobody
// decodes a list of millions to find one place in it.
//
//   piece 0          piece 1               piece 2
//   [p0 p1 … p127]   [p128 … p3000]        [p3001 … ]      found by index or by position
//
// Thread: one reader at a time; what it reads never changes, but for a tail, which is locked.
#pragma once

#include <cstdint>
#include <vector>

#include "log/base/error.h"
#include "log/base/ordinal.h"

namespace stele::log {

/// Postings that follow each other; `positions` ascend and are never empty.
struct PostingPiece {
  std::int64_t first_index = 0;  ///< of positions[0], among the stretch's postings of the term
  std::vector<Position> positions;

  [[nodiscard]] std::int64_t end_index() const {
    return first_index + static_cast<std::int64_t>(positions.size());
  }
};

class PostingPieces {
public:
  PostingPieces() = default;
  PostingPieces(const PostingPieces&) = delete;
  PostingPieces& operator=(const PostingPieces&) = delete;
  virtual ~PostingPieces() = default;

  /// How many there are; at least one.
  [[nodiscard]] virtual std::int64_t count() const = 0;
  /// The piece that holds posting `index`, 0 <= index < count(). kCorrupt, kIo.
  [[nodiscard]] virtual Result<PostingPiece> by_index(std::int64_t index) const = 0;
  /// The piece that holds the last posting at or before `position`; the first piece if there is
  /// none. kCorrupt, kIo.
  [[nodiscard]] virtual Result<PostingPiece> by_position(Position position) const = 0;
};

}  // namespace stele::log
