// Finds what stands at a position: the batch, its topic, the record. Reads that jump about go
// through the cache of decoded batches; reads that go through everything fetch many batches at once
// and keep none.
//
// Thread: its owner's; made for one page.
#pragma once

#include "log/event_store/batch_cache.h"
#include "log/events/event_record.h"

namespace stele::log {

/// True if events of the topic are part of reads that don't name it: it is not the service's own.
[[nodiscard]] bool is_public(const TopicInfo& topic);

struct PositionReaderOptions {
  bool in_order = false;           ///< positions are asked for one after the other, forward
  std::optional<Uuid> topic = {};  ///< only batches of it are looked at; none: of all public topics
};

class PositionReader {
public:
  /// `store` and `cache` outlive it.
  PositionReader(const Store& store, BatchCache& cache, const PositionReaderOptions& options)
      : store_(store), cache_(cache), options_(options) {}

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
  Result<void> load_next(Position position);
  Result<void> fetch_ahead(Position position);
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

  // What was fetched ahead, if options_.in_order.
  OrderedRead ahead_;
  std::shared_ptr<const Bytes> ahead_owner_;
  std::size_t next_ahead_ = 0;
};

}  // namespace stele::log
