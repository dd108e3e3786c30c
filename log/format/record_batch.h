// A Kafka record batch (magic 2): the unit that producers send, segments hold and consumers get,
// byte for byte.
//
//   0 baseOffset i64 | 8 batchLength i32 | 12 partitionLeaderEpoch i32 | 16 magic i8 | 17 crc u32 |
//   21 attributes i16 23 lastOffsetDelta i32 | 27 baseTimestamp i64 | 35 maxTimestamp i64 | 43
//   producerId i64 | 51 producerEpoch i16 53 baseSequence i32 | 57 recordCount i32 | 61 records …
//   all big-endian; crc is CRC-32C of bytes 21…end
//
// baseOffset and partitionLeaderEpoch stand before the checksummed part: the broker sets them
// without touching the crc. Source: Kafka's DefaultRecordBatch, KIP-98.
#pragma once

#include <cstdint>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/ordinal.h"

namespace stele {

enum class Codec : std::uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

inline constexpr std::size_t kBatchHeaderBytes = 61;
inline constexpr std::size_t kBatchLengthOffset = 12;  ///< batchLength counts from here

struct BatchHeader {
  Offset base_offset;
  std::int32_t batch_bytes = 0;  ///< the whole batch, header included (batchLength + 12)
  std::int32_t leader_epoch = 0;
  std::int8_t magic = 2;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  [[nodiscard]] std::uint8_t codec_id() const { return static_cast<std::uint8_t>(attributes & 7); }
  [[nodiscard]] bool log_append_time() const { return (attributes & 8) != 0; }
  [[nodiscard]] bool transactional() const { return (attributes & 16) != 0; }
  [[nodiscard]] bool control() const { return (attributes & 32) != 0; }
  [[nodiscard]] bool has_delete_horizon() const { return (attributes & 64) != 0; }
  [[nodiscard]] bool has_producer() const { return producer_id >= 0; }
  [[nodiscard]] Offset last_offset() const { return base_offset.next(last_offset_delta); }
  [[nodiscard]] Offset next_offset() const {
    return base_offset.next(std::int64_t{last_offset_delta} + 1);
  }
};

/// The header at the front of `bytes`. kInvalid if there are fewer than 61 bytes, batchLength is
/// smaller than a header's or magic is not 2. Does not check that the whole batch is there, nor the
/// crc.
[[nodiscard]] Result<BatchHeader> parse_batch_header(ByteView bytes);

/// True if `batch` (exactly one whole batch) has the checksum that its header says.
[[nodiscard]] bool batch_crc_matches(ByteView batch);

/// Writes the checksum that the bytes of `batch` (exactly one whole batch) have.
void seal_batch(ByteSpan batch);

/// Sets maxTimestamp, and the checksum with it. `batch` is exactly one whole batch.
void set_max_timestamp(ByteSpan batch, std::int64_t max_timestamp_ms);

/// Makes `now_ms` the time of every record: sets the LogAppendTime bit, maxTimestamp and the
/// checksum. `batch` is exactly one whole batch.
void apply_log_append_time(ByteSpan batch, std::int64_t now_ms);

/// Sets what the broker owns; the crc stays valid. `batch` holds at least a header.
void stamp_batch(ByteSpan batch, Offset base_offset, std::int32_t leader_epoch);

}  // namespace stele
