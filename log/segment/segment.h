// One segment file of a partition: record batches as on the wire, nothing between them, no zero
// tail.
//
// A segment that compaction wrote is a file of its own, `<base>.<generation>.log`: it was whole and
// durable before anybody knew of it, and never changes.
//
//   [ batch ][ batch ][ batch ] | reserved blocks beyond the size, given back at seal()
//                              ^ published_bytes(): readers go this far
//
// Invariants: a published byte never changes. Batches are written at the places the sequencer gave
// them, after their journal entry is durable. The file's true end comes from journal and
// checkpoint, never from scanning. Threads: the core writes; any number read.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "log/segment/batch_index.h"
#include "log/segment/file_cache.h"

namespace stele::log {

/// What a checkpoint remembers of a segment.
struct SegmentImage {
  Offset base;
  std::uint64_t bytes = 0;
  std::uint64_t batch_count = 0;
  std::int64_t max_timestamp_ms = -1;
  std::int64_t created_us = 0;
  std::uint32_t generation = 0;   ///< how often its records went through compaction; 0: as appended
  Offset dirty_from = kAllClean;  ///< generation > 0: records from here on are still as appended

  static constexpr Offset kAllClean{-1};
  friend bool operator==(const SegmentImage&, const SegmentImage&) = default;
};

class Segment {
public:
  /// `folder` is the partition's; `seed` that of its `.batches`.
  Segment(FileCache& files, const std::string& folder, std::uint64_t seed,
          const SegmentImage& image, RebuildBatches rebuild);

  [[nodiscard]] Offset base() const { return base_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string index_path() const;
  [[nodiscard]] std::int64_t created_us() const { return created_us_; }
  [[nodiscard]] std::uint64_t published_bytes() const {
    return bytes_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::int64_t max_timestamp_ms() const {
    return max_timestamp_ms_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool compacted() const { return generation_ > 0; }
  [[nodiscard]] std::uint32_t generation() const { return generation_; }
  [[nodiscard]] Offset dirty_from() const { return dirty_from_; }
  [[nodiscard]] SegmentImage image() const;

  // --- the core ---

  /// Opens (creating it if need be) and takes disk space up to byte `end`. kNoSpace, kOverloaded,
  /// kIo: nothing changed.
  Result<void> prepare(std::uint64_t end);
  /// Opens it for what is replayed: its space was taken before the crash. kOverloaded, kIo,
  /// kCorrupt.
  Result<void> open_for_writing();
  /// Pieces one after the other from byte `at`; prepare() was called for their end.
  Result<void> write(std::span<const ByteView> pieces, std::uint64_t at);
  /// The batch is in the file: readers may find it. In order.
  void publish(const BatchEntry& entry);
  /// No more batches: gives back reserved space and finishes the index.
  Result<void> seal();
  /// Makes what was written durable: for a replacement, whose writer is not the core, so that a
  /// large one does not hand the disk all of it at once. kIo.
  Result<void> sync();
  /// No more batches, and all of it durable but the folder's entries.
  Result<void> finish();
  /// After replay: what stands in the file beyond the known end (nothing should). kCorrupt if the
  /// file is too short, kNotFound if it is gone.
  [[nodiscard]] Result<Bytes> read_beyond() const;
  Result<void> cut_beyond();
  /// For the checkpoint: the file, if it was written to since the last call.
  std::shared_ptr<File> take_dirty();

  [[nodiscard]] BatchIndex& index() { return index_; }
  [[nodiscard]] const BatchIndex& index() const { return index_; }

  // --- anybody ---

  /// Up to into.size() bytes from `at`, at most to published_bytes(). kCorrupt if the file is
  /// shorter than it should be.
  Result<std::size_t> read(ByteSpan into, std::uint64_t at) const;

private:
  FileCache& files_;
  std::string path_;
  Offset base_;
  std::int64_t created_us_;
  std::uint32_t generation_;
  Offset dirty_from_;
  std::atomic<std::uint64_t> bytes_;
  std::atomic<std::int64_t> max_timestamp_ms_;
  BatchIndex index_;
  std::shared_ptr<File> file_;  ///< held from the first write until the next checkpoint
  bool opened_ = false;
  std::uint64_t reserved_to_ = 0;
  bool dirty_ = false;
};

}  // namespace stele::log
