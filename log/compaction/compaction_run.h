// One compaction of one partition, in pieces that run off the core:
//
//   build_map()      reads the dirty segments: the last offset of each key, as far as memory goes
//   next_group()     neighbours that fit into one segment together, from the log's first one on
//   write(group)     their records that stay, in one new segment, durable; the core swaps it in
//
//   [ clean: compacted before ][ dirty                       ][ too young ][ active ]
//   ^ first segment            ^ dirty_from      ^ map's end  ^ end
//
// Everything up to the map's end is rewritten, as Kafka does: a key that stands in the dirty part
// may have older records anywhere before it. Groups are written and swapped in ascending order, so
// that whatever a run that ends early leaves is a log that a shorter run might have left: when a
// tombstone goes, all that it deletes has gone before it.
//
// Invariants: nothing that could not be read whole is written anew; the inputs are not touched.
// Threads: one piece at a time, each handed over by the core; cancel() from any.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "log/compaction/batch_filter.h"
#include "log/compaction/throttle.h"
#include "log/partition/partition.h"

namespace stele::log {

struct CompactionPlan {
  std::shared_ptr<Partition> partition;
  Partition::SegmentList segments;  ///< sealed, from the first one on; not empty
  Offset end;                       ///< base of the segment behind them
  Offset dirty_from;                ///< below it, all is clean
  LastBatches last_batches;
  FilterRules rules;
  std::uint64_t segment_bytes_max = 0;
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t bytes_per_second_max = 0;  ///< read and written; 0: no limit
};

/// Counters that other threads read.
struct CompactionCounts {
  std::atomic<std::int64_t> read_bytes = 0, written_bytes = 0, removed_records = 0;
};

struct CompactionGroup {
  Partition::SegmentList segments;
  Offset next;  ///< base of the segment behind them
};

class CompactionRun {
public:
  /// `files` and `counts` outlive it.
  CompactionRun(FileCache& files, CompactionPlan plan, CompactionCounts& counts);

  /// kCorrupt: a batch is damaged (named); kIo; kCancelled.
  Result<void> build_map();
  /// Once the map is built; nullopt when there is no more.
  [[nodiscard]] std::optional<CompactionGroup> next_group();
  /// The new segment; it has no batch, and no file, if nothing is left of the group. On error
  /// nothing is left behind. kCorrupt, kNoSpace, kOverloaded, kIo, kTooLarge, kCancelled.
  Result<std::shared_ptr<Segment>> write(const CompactionGroup& group);

  void cancel() { throttle_.cancel(); }
  [[nodiscard]] bool cancelled() const { return throttle_.cancelled(); }
  [[nodiscard]] const CompactionPlan& plan() const { return plan_; }
  /// Whether the map has all dirty keys: else there is more to do at once.
  [[nodiscard]] bool whole() const { return map_.end() == plan_.end; }

private:
  [[nodiscard]] Offset end_of(std::size_t segment) const;
  [[nodiscard]] std::size_t first_dirty() const;
  [[nodiscard]] std::uint64_t key_count_most() const;
  Result<bool> map_batch(const BatchHeader& header, ByteView batch);
  Result<void> write_segment(const Segment& from, class ReplacementWriter& to);
  Result<void> check_space(const CompactionGroup& group) const;
  Result<void> read_so_far(std::uint64_t bytes, std::uint64_t& counted);

  FileCache& files_;
  CompactionPlan plan_;
  CompactionCounts& counts_;
  Throttle throttle_;
  KeyMap map_;
  BatchFilter filter_;
  Decompressor decompressor_;
  std::vector<std::pair<Hash128, Offset>> keys_;  ///< of one batch
  std::size_t next_segment_ = 0;                  ///< where the next group begins
  Bytes read_buffer_;
  Bytes write_buffer_;
};

}  // namespace stele::log
