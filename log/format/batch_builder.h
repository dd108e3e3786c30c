// Makes record batches (magic 2) of single records: what the embedded API appends, and what tests
// and benches feed on. Base offset is 0 and leader epoch -1, as a producer sends them.
//
//   BatchBuilder builder({.codec = Codec::kLz4});
//   STELE_DO(builder.add({.key = key, .value = value, .timestamp_ms = now}));
//   STELE_TRY(Bytes batch, builder.finish());
//
// Records are written once, at their final place: nothing is copied again unless a codec is set.
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/format/compressor.h"
#include "log/format/record_batch.h"
#include "log/format/records.h"

namespace stele {

/// A record to be written. Views only: the bytes are copied by add().
struct NewRecord {
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::span<const HeaderView> headers;
  std::int64_t timestamp_ms = -1;  ///< -1: none
};

struct BatchOptions {
  Codec codec = Codec::kNone;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
};

class BatchBuilder {
public:
  explicit BatchBuilder(const BatchOptions& options = {});

  /// Makes room for so many bytes of batch, so that add() need not grow.
  void reserve(std::size_t batch_bytes);

  /// Adds a record. kTooLarge if the batch would pass 2^31-1 bytes, kInvalid if the timestamp is
  /// further from the first one's than 64 bits hold; the builder is as before then.
  [[nodiscard]] Result<void> add(const NewRecord& record);

  [[nodiscard]] std::int32_t record_count() const { return record_count_; }
  /// Size of the batch so far, before compression.
  [[nodiscard]] std::size_t batch_bytes() const { return end_; }

  /// The batch, and an empty builder with the same options (a base sequence counts on, by the
  /// records of this batch). kInvalid if no record was added.
  [[nodiscard]] Result<Bytes> finish();

private:
  void grow(std::size_t batch_bytes);
  [[nodiscard]] Result<void> compress_records();
  void write_header();

  BatchOptions options_;
  Compressor compressor_;
  Bytes bytes_;  ///< the batch up to end_, room behind it
  std::size_t end_ = kBatchHeaderBytes;
  std::size_t last_batch_bytes_ = 0;  ///< of the batch before: the next will be about as large
  std::int32_t record_count_ = 0;
  std::int64_t base_timestamp_ms_ = -1;
  std::int64_t max_timestamp_ms_ = -1;
};

}  // namespace stele
