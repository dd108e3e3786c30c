// What a broker checks on a batch that a client produces, before anything of it is stored: the
// rules of Kafka's LogValidator, with limits of ours where Kafka trusts the client.
//
//   one whole batch → size → magic → crc → header (counts, bits, producer, codec) → unpack, capped
//   → every record (count, dense offset deltas, headers, key, timestamp) → nothing left over
//
// An uncompressed batch is read in one pass after its crc, without an allocation.
// Thread: any; runs at the edge. The Decompressor is the thread's.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <vector>

#include "log/base/bytes.h"
#include "log/format/decompressor.h"
#include "log/format/record_batch.h"

namespace stele {

/// Why a batch is refused; the number is Kafka's error code for it.
enum class BatchFault : std::int16_t {
  kCorrupt = 2,            ///< wrong checksum or impossible length: the client sends it again
  kTooLarge = 10,          ///< the batch, as sent, is over batch_bytes_max
  kInvalidTimestamp = 32,  ///< outside the topic's range, or the client set LogAppendTime
  kUnsupportedCodec = 76,
  kInvalidRecord = 87,  ///< every other fault; sending it again cannot help
};

struct BatchRejection {
  BatchFault fault;
  std::string detail;
  /// Records that are at fault by themselves (no key, timestamp out of range): at most
  /// kRecordIndicesMax, the first ones. Empty if the whole batch is.
  std::vector<std::int32_t> record_indices;

  static constexpr std::size_t kRecordIndicesMax = 1000;
};

struct BatchLimits {
  std::size_t batch_bytes_max = 1'048'588;   ///< max.message.bytes, of the batch as sent
  std::size_t records_bytes_max = 16 << 20;  ///< of the record section, unpacked
  std::int32_t headers_per_record_max = 100'000;
  std::size_t key_bytes_max = 512 << 10;
  bool key_required = false;  ///< cleanup.policy has compact
  /// Range of record timestamps around now_ms (message.timestamp.before/after.max.ms). A record
  /// without a timestamp (-1) is not checked. For a LogAppendTime topic, leave both unlimited.
  std::int64_t now_ms = 0;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = std::numeric_limits<std::int64_t>::max();
};

/// A batch without fault. Owner of the bytes: the batch, or the Decompressor until its next call.
struct CheckedBatch {
  BatchHeader header;
  ByteView records;                   ///< the record section, unpacked: for RecordReader
  std::int64_t min_timestamp_ms = 0;  ///< the least and greatest of the records' own timestamps
  std::int64_t max_timestamp_ms = 0;

  /// Some clients leave the header's maxTimestamp unset: then call set_max_timestamp() with ours.
  [[nodiscard]] bool header_max_timestamp_is_true() const {
    return header.max_timestamp_ms == max_timestamp_ms;
  }
};

[[nodiscard]] std::expected<CheckedBatch, BatchRejection> check_produced_batch(
    ByteView batch, const BatchLimits& limits, Decompressor& decompressor);

}  // namespace stele
