// Finds what stands at a position: the batch, its topic, the record. For reads that jump about, or
// go backward; what goes forward through everything is read by OrderedScan.
//
//   jumping     batch by batch, through the cache of decoded batches
//   backward    [ a window of positions, read at once ]◄── the next position
//               through everything, newest first; nothing is kept
//
// Thread: its owner's; made for one page.
#pragma once

#include "log/event_store/batch_cache.h"
#include "log/event_store/ordered_scan.h"
#include "log/events/event_record.h"

namespace stele::log {

struct PositionReaderOptions {
  std::optional<Uuid> topic = {};  ///< only batches of it are looked at; none: of all public topics
  std::int64_t backward_count = 0;  ///< > 0: each position before the last one is asked for in
                                    ///< turn, about so many
};

class PositionReader {
public:
  /// `store` and `cache` outlive it.
  PositionReader(const Store& store, BatchCache& cache, const PositionReaderOptions& options)
      : store_(store), cache_(cache), options_(options), window_count_(options.backward_count) {}

  /// Looks at what holds the position, which is below the store's end. kCorrupt (place named), kIo.
  Result<void> move_to(Position position);

  /// Of the batch (or the gap) that move_to() went to: its first position, and one past its last.
  [[nodiscard]] Position first() const { return first_; }
  [[nodiscard]] Position end() const { return end_; }
  /// Null: nothing of it is to be read: it is of another topic, or retention, compaction or the
  /// deletion of its topic let go of it.
  [[nodiscard]] const DecodedBatch* batch() const { return batch_.get(); }
  /// Not null if batch() is not.
  [[nodiscard]] const TopicPtr& topic() const { return topic_; }
  /// The record that move_to() went to; nullopt if it was let go of. The batch is not null.
  [[nodiscard]] std::optional<RecordView> record(Position position) const;
  /// Where that record stands. Its views are valid until the next move_to().
  [[nodiscard]] RecordPlace place(Position position) const;

  /// Bytes of batches read from the store so far, and a little for each call.
  [[nodiscard]] std::size_t read_bytes() const { return read_bytes_; }

private:
  Result<void> load_one(Position position);
  Result<void> load_before(Position position);
  Result<void> read_window(Position last);
  Result<OrderedRead> read_from(Position from);
  [[nodiscard]] bool find_topic(const TopicPartition& from);
  Result<void> show(const OrderedBatch& ordered, const std::shared_ptr<const Bytes>& owner);
  void show_gap(Position first, Position end);

  const Store& store_;
  BatchCache& cache_;
  PositionReaderOptions options_;
  Decompressor decompressor_;
  Position first_;
  Position end_;
  DecodedBatchPtr batch_;
  TopicPtr topic_;
  Offset log_start_;
  std::size_t read_bytes_ = 0;

  // The window, if reading backward.
  std::int64_t window_count_;  ///< positions of the next one
  Position window_first_;
  OrderedRead window_;
  std::shared_ptr<const Bytes> window_owner_;
};

}  // namespace stele::log
