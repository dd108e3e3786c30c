// A partition: its segments, what readers may see of them, and what the sequencer knows ahead of
// that.
//
//   log_start          end (watermark)        next_offset (sequenced)
//      |  durable, visible  |  in a commit group, not yet durable  |
//
// Compaction replaces runs of sealed segments by one new segment of the same offsets with fewer
// records; then offsets have gaps, and log_start may stand in one.
//
// Invariants: log_start <= end <= next_offset. Readers see nothing at or above end(). A segment
// list that readers hold stays readable: its files are removed from the folder, not from under
// them. Threads: "the core" functions belong to whoever runs the core; the others to anybody.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/base/partition_id.h"
#include "log/order/order_log.h"
#include "log/partition/producer_state.h"
#include "log/segment/segment.h"

namespace stele::log {

/// What a checkpoint remembers of a partition.
struct PartitionImage {
  TopicPartition id;
  Offset log_start;
  Offset end;
  std::vector<SegmentImage> segments;  ///< by base offset
  ProducerStates producers;
};

/// Where the sequencer put a batch.
struct BatchPlace {
  std::shared_ptr<Segment> segment;
  Offset base_offset;
  std::uint64_t file_at = 0;
};

/// What decides that a segment is full.
struct RollLimits {
  std::int64_t segment_bytes = 1 << 30;
  std::int64_t segment_ms = INT64_MAX;
};

/// What a read gives: see Store::read().
struct PartitionRead {
  std::size_t bytes = 0;
  Offset next;
  std::size_t needed = 0;
};

/// Where a batch that the order log names stands now.
struct StoredBatch {
  std::shared_ptr<const Segment> segment;
  Offset base_offset;
  std::uint64_t file_at = 0;
  std::uint32_t batch_bytes = 0;
  std::optional<std::uint32_t> crc;  ///< none: compaction may have made another batch of it
};

/// The batch that the entry says stands in `bytes`, exactly; kCorrupt names partition, offset and
/// file. Base offset and epoch, which a batch's crc does not cover, are checked as well.
[[nodiscard]] Result<BatchHeader> check_stored_batch(const TopicPartition& partition,
                                                     const Segment& segment,
                                                     const BatchEntry& entry, ByteView bytes);

/// True if `bytes` are exactly the batch that was appended (or left by compaction) at the offset.
/// `crc`: none if compaction may have made another one.
[[nodiscard]] bool is_batch_at(Offset base_offset, std::optional<std::uint32_t> crc,
                               ByteView bytes);

struct TimedRecord {
  Offset offset;
  std::int64_t timestamp_ms = -1;
};

class Partition {
public:
  using SegmentList = std::vector<std::shared_ptr<Segment>>;

  /// `folder` is <data>/topics/<topic id>/<partition>.
  Partition(FileCache& files, const OrderLog& order, std::string folder, std::uint64_t store_seed,
            PartitionImage image);

  [[nodiscard]] const TopicPartition& id() const { return id_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // --- anybody ---

  [[nodiscard]] Offset log_start() const {
    return Offset(log_start_.load(std::memory_order_acquire));
  }
  [[nodiscard]] Offset end() const { return Offset(end_.load(std::memory_order_acquire)); }
  /// kOutOfRange, kCorrupt (partition, offset and file named), kIo.
  [[nodiscard]] Result<PartitionRead> read(Offset from, ByteSpan into) const;
  /// The first record at or after log_start whose timestamp is at least `timestamp_ms`.
  [[nodiscard]] Result<std::optional<TimedRecord>> find_time(std::int64_t timestamp_ms) const;
  /// The first record that has the greatest timestamp.
  [[nodiscard]] Result<std::optional<TimedRecord>> find_latest_time() const;
  /// Nullopt if it was let go of, or compaction removed it.
  [[nodiscard]] Result<std::optional<StoredBatch>> find_batch(const OrderEntry& ordered) const;
  /// The batch, checked; `into` has its size. kNotFound: it was let go of or replaced meanwhile.
  [[nodiscard]] Result<void> read_batch(const StoredBatch& batch, ByteSpan into) const;
  [[nodiscard]] std::shared_ptr<const SegmentList> segments() const { return segments_.load(); }
  [[nodiscard]] std::int64_t size_bytes() const;

  // --- the core ---

  [[nodiscard]] Offset next_offset() const { return next_offset_; }
  [[nodiscard]] ProducerStates& producers() { return producers_; }
  /// Takes disk space for a batch, in a new segment if the last one is full. Sequences nothing.
  /// kNoSpace, kOverloaded, kIo: the append is to be refused.
  Result<BatchPlace> prepare(std::uint32_t batch_bytes, std::int64_t now_us,
                             const RollLimits& limits);
  /// The prepared batch is sequenced: offsets and bytes are taken.
  void sequence(const BatchPlace& place, std::uint32_t batch_bytes, std::int32_t record_count);
  /// The batch is durable and in its file: readers find it once set_end() was called.
  Result<void> publish(const std::shared_ptr<Segment>& segment, const BatchEntry& entry);
  void set_end(Offset end) { end_.store(end.raw(), std::memory_order_release); }
  /// Replay: a batch stands there, whatever this partition knew. Creates the segment if it is new.
  Result<std::shared_ptr<Segment>> replay(Offset segment_base, const BatchEntry& entry,
                                          std::int64_t recorded_us);
  /// The log start is to move up to `log_start` (at most end()): gives the base of the first
  /// segment to keep. If nothing is to be kept, the next batch begins a new segment.
  [[nodiscard]] Offset sequence_trim(Offset log_start);
  /// The trim is durable: moves the log start and gives the segments below `keep_base`, whose files
  /// are the caller's to remove.
  SegmentList apply_trim(Offset log_start, Offset keep_base);
  /// A segment that is not in the list and may be written by one thread that is not the core.
  [[nodiscard]] std::shared_ptr<Segment> make_replacement(const SegmentImage& image) {
    return make_segment(image);
  }
  /// The base of the segment behind `replaced`, if these are, one after the other, segments of the
  /// list as it is and as everything sequenced will leave it. Nullopt: they are no longer.
  [[nodiscard]] std::optional<Offset> find_swap_end(
      std::span<const std::shared_ptr<Segment>> replaced) const;
  /// The segments from base `first` to below base `next` (see find_swap_end()) are to be replaced.
  void sequence_swap(Offset first, Offset next) { pending_swap_ = {first, next}; }
  /// The swap is durable: readers find `replacement` (null: nothing is left) from now on. Gives the
  /// segments replaced, whose files are the caller's to remove.
  SegmentList apply_swap(Offset first, Offset next, std::shared_ptr<Segment> replacement);
  /// Replay: the same. `image` of 0 batches: nothing is left. kCorrupt if there is no such run.
  Result<SegmentList> replay_swap(const SegmentImage& image, Offset next);
  /// Where the log start goes by retention; log_start() if it stays.
  [[nodiscard]] Offset retention_end(std::int64_t now_ms, std::int64_t retention_ms,
                                     std::int64_t retention_bytes) const;
  [[nodiscard]] PartitionImage image() const;
  /// Its topic was deleted: from now on readers get kNotFound instead of damage.
  void set_removed() { removed_.store(true, std::memory_order_release); }
  [[nodiscard]] bool removed() const { return removed_.load(std::memory_order_acquire); }
  /// True once after a file was created in the folder.
  [[nodiscard]] bool take_folder_dirty() { return std::exchange(folder_dirty_, false); }

private:
  [[nodiscard]] std::shared_ptr<Segment> make_segment(const SegmentImage& image);
  Result<void> make_folder();
  void add_segment(std::shared_ptr<Segment> segment);
  [[nodiscard]] Result<PartitionRead> read_list(const SegmentList& list, Offset end, Offset from,
                                                ByteSpan into) const;
  [[nodiscard]] Result<PartitionRead> read_dense(const Segment& segment, Offset end, Offset from,
                                                 ByteSpan into) const;
  [[nodiscard]] Result<PartitionRead> read_compacted(const Segment& segment, std::uint64_t ordinal,
                                                     ByteSpan into) const;
  [[nodiscard]] Result<std::optional<TimedRecord>> find_time_in(const SegmentList& list, Offset end,
                                                                std::int64_t timestamp_ms) const;
  [[nodiscard]] Error explained(Error error, Offset from) const;
  [[nodiscard]] Result<BatchEntry> rebuild_entry(const File* file, const OrderEntry& ordered) const;
  [[nodiscard]] Result<std::vector<BatchEntry>> rebuild(Offset segment_base,
                                                        const std::string& segment_path,
                                                        std::optional<BatchEntry> before,
                                                        std::uint32_t count) const;
  [[nodiscard]] Result<std::vector<BatchEntry>> rebuild_compacted(const std::string& segment_path,
                                                                  std::optional<BatchEntry> before,
                                                                  std::uint32_t count) const;
  [[nodiscard]] Result<std::optional<TimedRecord>> find_in_batch(const Segment& segment,
                                                                 const BatchEntry& entry,
                                                                 std::int64_t timestamp_ms) const;

  FileCache& files_;
  const OrderLog& order_;
  TopicPartition id_;
  std::string folder_;
  std::uint64_t seed_;
  std::atomic<std::int64_t> log_start_;
  std::atomic<std::int64_t> end_;
  std::atomic<bool> removed_ = false;
  std::atomic<std::shared_ptr<const SegmentList>> segments_;

  Offset next_offset_;
  std::shared_ptr<Segment> active_;    ///< where the sequencer appends; may not be published yet
  std::uint64_t sequenced_bytes_ = 0;  ///< of active_
  Offset sequenced_keep_base_;         ///< of the trims sequenced so far
  struct PendingSwap {
    Offset first, next;
  };
  std::optional<PendingSwap> pending_swap_;  ///< sequenced, not applied yet
  ProducerStates producers_;
  bool folder_made_ = false;
  bool folder_dirty_ = false;
};

/// Gives every batch from the log's start to its end, in order, checked. Ends with what `visit`
/// fails with. kCorrupt (place named), kIo.
Result<void> for_each_batch(const Partition& partition,
                            const std::function<Result<void>(ByteView batch)>& visit);

}  // namespace stele::log
