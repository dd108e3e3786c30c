// Writes the one segment that takes the place of several: gathers batches, takes disk space ahead,
// hands the disk what was written in portions, and makes all of it durable at the end.
//
// Invariants: nothing is created before the first batch; until finish() has answered nobody knows
// of the files, and discard() removes them. Thread: its owner's, which is not the core.
#pragma once

#include "log/compaction/throttle.h"
#include "log/partition/partition.h"

namespace stele::log {

class ReplacementWriter {
public:
  /// `buffer` is shared by writers one after the other. All outlive it.
  ReplacementWriter(FileCache& files, const Partition& partition, std::shared_ptr<Segment> segment,
                    Throttle& throttle, Bytes& buffer);

  /// The batch as it is to stand in the new segment; of `entry` all but the place in the file
  /// counts. kNoSpace, kOverloaded, kIo, kTooLarge, kCancelled.
  Result<void> add(ByteView batch, BatchEntry entry);
  /// Durable, the folder's entries included. The same errors.
  Result<void> finish();
  /// Removes what was made.
  void discard();

  [[nodiscard]] std::uint64_t written_bytes() const { return end_; }

private:
  Result<void> flush();

  FileCache& files_;
  const Partition& partition_;
  std::shared_ptr<Segment> segment_;
  Throttle& throttle_;
  Bytes& buffer_;
  std::size_t buffered_ = 0;
  std::uint64_t end_ = 0;      ///< of the batches so far, in the new file
  std::uint64_t flushed_ = 0;  ///< written
  std::uint64_t synced_ = 0;
  bool created_ = false;
};

/// Removes the two files of a segment that nobody knows of.
Result<void> remove_segment_files(FileCache& files, const Segment& segment);

}  // namespace stele::log
