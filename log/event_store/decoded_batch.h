// A record batch as reads want it: decompressed, with the place of each record, so that one event
// of many is found without walking the others.
//
// Immutable once made; shared by readers.
// Thread: any.
#pragma once

#include <memory>
#include <vector>

#include "log/format/decompressor.h"
#include "log/format/records.h"
#include "log/store/store.h"

namespace stele::log {

class DecodedBatch {
public:
  /// `ordered.batch` is not empty and points into `owner`. `owner` is kept if the records are not
  /// compressed. kCorrupt names partition and offset.
  static Result<std::shared_ptr<const DecodedBatch>> make(const OrderedBatch& ordered,
                                                          std::shared_ptr<const Bytes> owner,
                                                          Decompressor& decompressor);

  [[nodiscard]] Position first() const { return first_; }
  /// One past the last position that the batch was given, whatever compaction has left of it.
  [[nodiscard]] Position end() const { return end_; }
  [[nodiscard]] bool covers(Position position) const {
    return position >= first_ && position < end_;
  }
  [[nodiscard]] std::int64_t recorded_us() const { return recorded_us_; }
  [[nodiscard]] const TopicPartition& from() const { return from_; }
  [[nodiscard]] Offset base_offset() const { return base_offset_; }
  [[nodiscard]] Offset offset_of(Position position) const {
    return base_offset_.next(distance(first_, position));
  }
  /// The record at the position; nullopt: compaction has removed it. Its views are valid as long as
  /// the batch; its index is 0 whatever it is.
  [[nodiscard]] std::optional<RecordView> record(Position position) const;
  /// Bytes of the record at the position as it is stored; 0 if there is none.
  [[nodiscard]] std::size_t record_bytes(Position position) const;
  /// What it takes in memory, about.
  [[nodiscard]] std::size_t memory_bytes() const;

private:
  struct Slot {
    std::int32_t delta = 0;  ///< position less first_
    std::uint32_t at = 0;    ///< in records_
  };
  [[nodiscard]] const Slot* find(Position position) const;
  Result<void> find_records();

  Position first_;
  Position end_;
  std::int64_t recorded_us_ = 0;
  TopicPartition from_;
  Offset base_offset_;  ///< as it was appended
  BatchHeader header_;
  std::shared_ptr<const Bytes> owner_;
  ByteView records_;
  std::vector<Slot> slots_;
};

using DecodedBatchPtr = std::shared_ptr<const DecodedBatch>;

}  // namespace stele::log
