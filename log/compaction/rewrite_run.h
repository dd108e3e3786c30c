// Sealed segments of one partition being written anew without some of their records, in pieces that
// run off the core:
//
//   prepare()        reads what it has to know
//   next_group()     neighbours that become one new segment
//   write(group)     their records that stay, durable; the core swaps it in
//
// What goes is told to a RemovalLog, which is durable before write() answers, and so before the
// swap is journaled.
// Invariants: nothing that could not be read whole is written anew; the inputs are not touched.
// Threads: one piece at a time, each handed over by the core; cancel() from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "log/compaction/batch_rewriter.h"
#include "log/compaction/throttle.h"
#include "log/partition/partition.h"

namespace stele::log {

/// Counters that other threads read.
struct CompactionCounts {
  std::atomic<std::int64_t> read_bytes = 0, written_bytes = 0, removed_records = 0;
};

/// Keeps what the index must know of records that go.
class RemovalLog {
public:
  RemovalLog() = default;
  RemovalLog(const RemovalLog&) = delete;
  RemovalLog& operator=(const RemovalLog&) = delete;
  virtual ~RemovalLog() = default;
  /// In the order of positions. `removed`: offset deltas, ascending, in the batch as it stood.
  virtual Result<void> remove(const BatchEntry& entry, ByteView batch,
                              std::span<const std::int32_t> removed) = 0;
  /// Durable. Without it nothing is kept.
  virtual Result<void> keep() = 0;
};
using RemovalLogMaker = std::function<std::unique_ptr<RemovalLog>()>;

struct RewriteInput {
  std::shared_ptr<Partition> partition;
  Partition::SegmentList segments;         ///< sealed, one after the other; not empty
  Offset end;                              ///< base of the segment behind them
  std::uint64_t bytes_per_second_max = 0;  ///< read and written; 0: no limit
  RemovalLogMaker removals = {};           ///< none: nobody wants to know
};

struct CompactionGroup {
  Partition::SegmentList segments;
  Offset next;  ///< base of the segment behind them
};

class RewriteRun {
public:
  /// `files` and `counts` outlive it.
  RewriteRun(FileCache& files, RewriteInput input, CompactionCounts& counts);
  RewriteRun(const RewriteRun&) = delete;
  RewriteRun& operator=(const RewriteRun&) = delete;
  virtual ~RewriteRun() = default;

  /// kCorrupt: a batch is damaged (named); kIo; kCancelled.
  virtual Result<void> prepare() = 0;
  /// Once it is prepared; nullopt when there is no more.
  [[nodiscard]] virtual std::optional<CompactionGroup> next_group() = 0;
  /// The new segment; it has no batch, and no file, if nothing is left of the group. On error
  /// nothing is left behind. kCorrupt, kNoSpace, kOverloaded, kIo, kTooLarge, kCancelled.
  Result<std::shared_ptr<Segment>> write(const CompactionGroup& group);

  void cancel() { throttle_.cancel(); }
  [[nodiscard]] bool cancelled() const { return throttle_.cancelled(); }
  [[nodiscard]] const RewriteInput& input() const { return input_; }

protected:
  [[nodiscard]] virtual RecordFilter& filter() = 0;
  /// Where records of the group's new segment are as no compaction has left them (SegmentImage).
  [[nodiscard]] virtual Offset dirty_from(const CompactionGroup& group) const = 0;

  [[nodiscard]] Offset end_of(std::size_t segment) const;
  /// Calls `each` for the batches of a segment; it answers false to end. True: it was the last.
  using EachBatch = std::function<Result<bool>(const BatchEntry& entry, const BatchHeader& header,
                                               ByteView batch)>;
  Result<bool> scan(const Segment& segment, const EachBatch& each);

private:
  Result<void> write_segment(const Segment& from, class ReplacementWriter& to,
                             RemovalLog* removals);
  Result<void> check_space(const CompactionGroup& group) const;
  Result<void> read_so_far(std::uint64_t bytes, std::uint64_t& counted);

  FileCache& files_;
  RewriteInput input_;
  CompactionCounts& counts_;
  Throttle throttle_;
  Bytes read_buffer_;
  Bytes write_buffer_;
};

}  // namespace stele::log
