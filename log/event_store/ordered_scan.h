// Goes through everything, or a topic, in order: record after record, out of large reads of the
// log. Nothing is decoded ahead or kept: a record's views point into what was read.
//
//   seek ─► record ─► seek ─► … ─► end of what was read ─► the next read, up to 1 MiB
//
// A cursor keeps it from page to page. At the end of what was read it holds no memory, so that
// thousands of quiet subscriptions cost none.
// Thread: its owner's.
#pragma once

#include <optional>

#include "log/events/event_record.h"
#include "log/format/decompressor.h"
#include "log/store/store.h"

namespace stele::log {

/// True if events of the topic are part of reads that don't name it: it is not the service's own.
[[nodiscard]] bool is_public(const TopicInfo& topic);

class OrderedScan {
public:
  /// `topic`: only it; none: all public topics. `store` outlives it. `bytes_expected`: about what
  /// is wanted of a page; the first read is as large, later ones up to twice: a page that nobody
  /// takes keeps what it was read from.
  OrderedScan(const Store& store, std::optional<Uuid> topic, std::size_t bytes_expected);

  /// Looks again what is let go of: topics, and the starts of logs.
  void begin_page();
  /// Goes to the first record at or behind `place`, which is below the store's end. False: none
  /// stands between `place` and next(), which is behind it; at most one read of the store was made.
  /// kCorrupt (place named), kIo.
  Result<bool> seek(Position place);

  /// Nothing below it is left to be looked at but record().
  [[nodiscard]] Position next() const { return next_; }
  // Of the record that seek() went to; views are valid until the next seek().
  [[nodiscard]] Position position() const { return position_; }
  [[nodiscard]] const RecordView& record() const { return reader_->record(); }
  [[nodiscard]] std::size_t record_bytes() const { return reader_->record_bytes().size(); }
  [[nodiscard]] const TopicPtr& topic() const { return topic_; }
  [[nodiscard]] RecordPlace place() const;

  /// Bytes of batches read from the store so far, and a little for each.
  [[nodiscard]] std::size_t read_bytes() const { return read_bytes_; }

private:
  Result<bool> move_on(Position place, bool& fetched);
  Result<void> fetch(Position place);
  Result<void> open(const OrderedBatch& batch);
  Result<void> read_on();
  Result<void> close();
  [[nodiscard]] bool find_topic(const TopicPartition& from);
  void drop();

  const Store& store_;
  std::optional<Uuid> only_;
  std::size_t fetch_bytes_;
  std::size_t fetch_bytes_max_;
  Decompressor decompressor_;

  OrderedRead ahead_;
  std::size_t opened_ = 0;  ///< batches of it
  Position next_;
  std::size_t read_bytes_ = 0;

  OrderedBatch batch_;                  ///< the one that was opened last
  std::optional<RecordReader> reader_;  ///< of it; none: it is over
  std::int64_t shift_ = 0;              ///< what is added to the deltas of its records
  bool found_ = false;                  ///< reader_ is at a record
  Position position_;
  TopicPtr topic_;
  std::optional<TopicPartition> known_;  ///< whose topic and log start are known, of this read
  Offset log_start_;
};

}  // namespace stele::log
