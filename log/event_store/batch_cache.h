// Decoded batches that reads have used lately, by the position of their first record. Bounded in
// bytes; what was not used for longest goes first.
//
// A stream's events often sit in few large batches: each is read and decompressed once. What scans
// read in order is not put here. Nor are batches of compacted topics: compaction replaces them.
// Thread: any.
#pragma once

#include <list>
#include <map>
#include <mutex>

#include "log/event_store/decoded_batch.h"

namespace stele::log {

class BatchCache {
public:
  explicit BatchCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  /// Null: not here.
  [[nodiscard]] DecodedBatchPtr find(Position position);
  void put(DecodedBatchPtr batch);
  /// Forgets all of them: scavenge has replaced some.
  void clear();

  [[nodiscard]] std::size_t bytes() const;

private:
  using Uses = std::list<DecodedBatchPtr>;  ///< the newest use first

  std::size_t bytes_max_;
  mutable std::mutex mutex_;  ///< guards what follows
  Uses uses_;
  std::map<Position, Uses::iterator> by_first_;
  std::size_t bytes_ = 0;
};

}  // namespace stele::log
