// `.batches`: where the batches of one segment stand, for searches by offset and time. Derived: it
// can be rebuilt from the segment and the order log. One entry of 48 bytes a batch:
//
//   0 offset delta u32 | 4 offset count u32 | 8 file at u32 | 12 bytes u32 | 16 position i64 | 24
//   recorded µs i64 32 least timestamp ms i64 | 40 greatest timestamp ms i64
//
// Offset count is what the batch takes of the partition's offsets: as many as it had records when
// it was appended. Compaction removes records and whole batches; it changes no offset, so that
// there are gaps between the entries of a compacted segment.
//
// Threads: one appends (the core), any number search.
#pragma once

#include <functional>
#include <optional>

#include "log/base/ordinal.h"
#include "log/base/partition_id.h"
#include "log/segment/block_log.h"

namespace stele::log {

inline constexpr std::uint32_t kBatchEntryBytes = 48;

struct BatchEntry {
  Offset base_offset;
  std::uint32_t offset_count = 0;
  std::uint32_t file_at = 0;
  std::uint32_t batch_bytes = 0;
  Position position;
  std::int64_t recorded_us = 0;
  std::int64_t min_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;

  [[nodiscard]] Offset next_offset() const { return base_offset.next(offset_count); }
  friend bool operator==(const BatchEntry&, const BatchEntry&) = default;
};

/// Makes `count` entries anew, those that follow `before` (or the segment's first).
using RebuildBatches = std::function<Result<std::vector<BatchEntry>>(
    std::optional<BatchEntry> before, std::uint32_t count)>;

class BatchIndex {
public:
  /// `rebuild` is called, by whoever reads, when a block fails its checksum.
  BatchIndex(FileCache& files, std::string path, std::uint64_t seed, Offset segment_base,
             RebuildBatches rebuild);

  [[nodiscard]] std::uint64_t count() const { return blocks_.count(); }

  // --- the core ---

  /// Begins with `count` entries, to be found on disk.
  void restore(std::uint64_t count) { blocks_.restore_written(count); }
  /// Reads the unfinished block back, or rebuilds it; before the first append after restore().
  /// Cheap if done already.
  Result<void> resume();
  /// A failed write is not an error: the block is rebuilt when it is next read.
  void append(const BatchEntry& entry);
  void write_tail();
  /// Its file is about to be removed: a block that is missing is damage from now on, not rebuilt.
  void retire() { retired_.store(true, std::memory_order_release); }

  // --- anybody ---

  Result<BatchEntry> entry(std::uint64_t ordinal) const;
  /// The last entry whose base offset is at most `offset`. The index is not empty.
  Result<BatchEntry> find_offset(Offset offset) const;
  /// The ordinal of the first entry that ends behind `offset`; count() if there is none.
  Result<std::uint64_t> find_at_or_after(Offset offset) const;
  /// The first entry whose greatest timestamp is at least `timestamp_ms`, among the first `count`.
  Result<std::optional<BatchEntry>> find_time(std::int64_t timestamp_ms, std::uint64_t count) const;
  /// All entries of block `index`, repaired if need be.
  Result<std::vector<BatchEntry>> block(std::uint64_t index) const;

  [[nodiscard]] std::uint32_t entries_per_block() const { return blocks_.entries_per_block(); }
  /// The block as it stands on disk, not repaired: for `stele verify`.
  [[nodiscard]] Result<Block> raw_block(std::uint64_t index) const {
    return blocks_.read_disk(index);
  }
  [[nodiscard]] BatchEntry decode(const std::byte* from) const;

private:
  struct Found {
    std::uint64_t ordinal = 0;
    BatchEntry entry;
  };
  [[nodiscard]] Result<Found> find_last_at_or_before(Offset offset) const;
  [[nodiscard]] Result<Block> checked_block(std::uint64_t index) const;
  [[nodiscard]] std::array<std::byte, kBatchEntryBytes> encode(const BatchEntry& entry) const;
  [[nodiscard]] std::uint32_t count_of(std::uint64_t index, std::uint64_t total) const;

  mutable BlockLog blocks_;
  bool resumed_ = false;
  std::atomic<bool> retired_ = false;
  Offset segment_base_;
  RebuildBatches rebuild_;
};

}  // namespace stele::log
