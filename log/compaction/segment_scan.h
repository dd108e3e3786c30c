// Reads a sealed segment from front to back, batch by batch, each checked against its crc and
// against what the index says of it.
//
//   SegmentScan scan(partition, segment, buffer);
//   while (true) {
//     STELE_TRY(const bool more, scan.next());
//     if (!more) break;
//     … scan.header(), scan.batch(), scan.entry()
//   }
//
// Invariants: reads go forward, in pieces of kPieceBytes, each byte once but for the batch that a
// piece cuts. A batch is valid until the next call of next().
// Thread: its owner's. `partition`, `segment` and `buffer`, which scans one after the other share,
// outlive it.
#pragma once

#include <vector>

#include "log/partition/partition.h"

namespace stele::log {

class SegmentScan {
public:
  static constexpr std::size_t kPieceBytes = 1 << 20;

  SegmentScan(const TopicPartition& partition, const Segment& segment, Bytes& buffer)
      : partition_(partition), segment_(segment), buffer_(buffer) {}

  /// False at the end. kCorrupt: a batch is damaged (partition, offset and file named), or the file
  /// is gone. kIo.
  [[nodiscard]] Result<bool> next();

  [[nodiscard]] const BatchEntry& entry() const { return entries_[entry_]; }
  [[nodiscard]] const BatchHeader& header() const { return header_; }
  [[nodiscard]] ByteView batch() const { return batch_; }
  /// Bytes read from the file so far.
  [[nodiscard]] std::uint64_t read_bytes() const { return read_bytes_; }

private:
  Result<bool> next_entry();
  Result<void> fill(const BatchEntry& entry);

  const TopicPartition& partition_;
  const Segment& segment_;
  Bytes& buffer_;
  std::uint64_t ordinal_ = 0;  ///< of the next entry
  std::vector<BatchEntry> entries_;
  std::size_t entry_ = 0;
  std::uint64_t buffer_at_ = 0;  ///< where in the file the buffer begins
  std::size_t buffered_ = 0;
  std::uint64_t read_bytes_ = 0;
  BatchHeader header_;
  ByteView batch_;
};

}  // namespace stele::log
