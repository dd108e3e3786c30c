#include "log/format/batch_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "log/base/error.h"
#include "log/format/records.h"

namespace stele {
namespace {

using Rejected = std::unexpected<BatchRejection>;

template <class... Args>
Rejected reject(BatchFault fault, fmt::format_string<Args...> format, Args&&... args) {
  return Rejected(BatchRejection{fault, fmt::format(format, std::forward<Args>(args)...), {}});
}

std::expected<BatchHeader, BatchRejection> check_frame(ByteView batch, const BatchLimits& limits) {
  if (batch.size() < kBatchHeaderBytes)
    return reject(BatchFault::kInvalidRecord, "{} bytes are no whole record batch", batch.size());
  if (batch.size() > limits.batch_bytes_max)
    return reject(BatchFault::kTooLarge, "a batch of {} bytes is over the limit of {}",
                  batch.size(), limits.batch_bytes_max);
  const auto magic = load_be<std::int8_t>(batch.data() + 16);
  if (magic != 2)
    return reject(BatchFault::kInvalidRecord, "record batch has magic {}, not 2", int{magic});
  Result<BatchHeader> header = parse_batch_header(batch);
  if (!header) return reject(BatchFault::kCorrupt, "{}", header.error().detail);
  if (static_cast<std::size_t>(header->batch_bytes) != batch.size())
    return reject(BatchFault::kInvalidRecord,
                  "exactly one batch is expected: it says {} bytes, there are {}",
                  header->batch_bytes, batch.size());
  if (!batch_crc_matches(batch))
    return reject(BatchFault::kCorrupt, "record batch does not match its checksum {:08x}",
                  header->crc);
  return *header;
}

std::expected<void, BatchRejection> check_header(const BatchHeader& header) {
  constexpr BatchFault kFault = BatchFault::kInvalidRecord;
  if (header.base_offset != Offset(0))
    return reject(kFault, "base offset is {}; a client's is 0", header.base_offset.raw());
  if (header.record_count <= 0) return reject(kFault, "batch of {} records", header.record_count);
  if (std::int64_t{header.last_offset_delta} + 1 != header.record_count)
    return reject(kFault, "last offset delta {} does not go with {} records",
                  header.last_offset_delta, header.record_count);
  if (header.control()) return reject(kFault, "only a broker writes control batches");
  if (header.has_delete_horizon()) return reject(kFault, "only a broker sets a delete horizon");
  if (header.has_producer() && header.base_sequence < 0)
    return reject(kFault, "base sequence {} of producer {}", header.base_sequence,
                  header.producer_id);
  if (header.has_producer() && header.producer_epoch < 0)
    return reject(kFault, "epoch {} of producer {}", header.producer_epoch, header.producer_id);
  if (header.transactional() && !header.has_producer())
    return reject(kFault, "transactional batch without a producer id");
  if (header.log_append_time())
    return reject(BatchFault::kInvalidTimestamp, "only a broker sets LogAppendTime");
  if (header.codec_id() > static_cast<std::uint8_t>(Codec::kZstd))
    return reject(BatchFault::kUnsupportedCodec, "there is no compression codec {}",
                  header.codec_id());
  return {};
}

/// One pass over the records. Faults of the batch end it; faults of single records are gathered.
class RecordPass {
public:
  RecordPass(const BatchHeader& header, ByteView section, const BatchLimits& limits)
      : reader_(header, section), limits_(limits) {
    // Saturated at the ends of 64 bits: such a limit never refuses.
    if (__builtin_sub_overflow(limits.now_ms, limits.timestamp_before_max_ms, &earliest_ms_))
      earliest_ms_ = std::numeric_limits<std::int64_t>::min();
    if (__builtin_add_overflow(limits.now_ms, limits.timestamp_after_max_ms, &latest_ms_))
      latest_ms_ = std::numeric_limits<std::int64_t>::max();
  }

  std::expected<void, BatchRejection> run() {
    while (reader_.next()) {
      const RecordView& record = reader_.record();
      if (record.offset_delta != record.index)
        return reject_record("has offset delta {}", record.offset_delta);
      if (record.headers.count > limits_.headers_per_record_max)
        return reject_record("has {} headers", record.headers.count);
      HeaderReader headers(record.headers);
      while (headers.next()) continue;
      if (!headers.whole()) return reject_record("has malformed headers");
      if (record.key && record.key->size() > limits_.key_bytes_max)
        return reject_record("has a key of {} bytes", record.key->size());
      if (limits_.key_required && !record.key) blame(without_key_, record.index);
      check_timestamp(record);
    }
    return verdict();
  }

  [[nodiscard]] std::int64_t min_timestamp_ms() const { return min_timestamp_ms_; }
  [[nodiscard]] std::int64_t max_timestamp_ms() const { return max_timestamp_ms_; }

private:
  template <class... Args>
  Rejected reject_record(fmt::format_string<Args...> format, Args&&... args) const {
    return reject(BatchFault::kInvalidRecord, "record {} of the batch {}", reader_.record().index,
                  fmt::format(format, std::forward<Args>(args)...));
  }

  static void blame(std::vector<std::int32_t>& indices, std::int32_t index) {
    if (indices.size() < BatchRejection::kRecordIndicesMax) indices.push_back(index);
  }

  void check_timestamp(const RecordView& record) {
    constexpr std::int64_t kNoTimestamp = -1;
    const std::int64_t time_ms = record.timestamp_ms;
    min_timestamp_ms_ = std::min(min_timestamp_ms_, time_ms);
    max_timestamp_ms_ = std::max(max_timestamp_ms_, time_ms);
    if ((time_ms < earliest_ms_ || time_ms > latest_ms_) && time_ms != kNoTimestamp) [[unlikely]]
      blame(out_of_range_, record.index);
  }

  std::expected<void, BatchRejection> verdict() {
    if (const RecordFault fault = reader_.fault(); fault != RecordFault::kNone) {
      const auto code = fault == RecordFault::kTimestamp ? BatchFault::kInvalidTimestamp
                                                         : BatchFault::kInvalidRecord;
      return reject(code, "{}", described(fault, reader_.index()).detail);
    }
    // Kafka's order: a batch with both faults is refused for its timestamps.
    if (!out_of_range_.empty())
      return Rejected(
          BatchRejection{BatchFault::kInvalidTimestamp,
                         fmt::format("record {} of the batch has a timestamp outside {}…{} ms",
                                     out_of_range_.front(), earliest_ms_, latest_ms_),
                         std::move(out_of_range_)});
    if (!without_key_.empty())
      return Rejected(BatchRejection{
          BatchFault::kInvalidRecord,
          fmt::format("record {} of the batch has no key, which a compacted topic needs",
                      without_key_.front()),
          std::move(without_key_)});
    return {};
  }

  RecordReader reader_;
  const BatchLimits& limits_;
  std::int64_t earliest_ms_ = 0;
  std::int64_t latest_ms_ = 0;
  std::int64_t min_timestamp_ms_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t max_timestamp_ms_ = std::numeric_limits<std::int64_t>::min();
  std::vector<std::int32_t> without_key_;
  std::vector<std::int32_t> out_of_range_;
};

}  // namespace

std::expected<CheckedBatch, BatchRejection> check_produced_batch(ByteView batch,
                                                                 const BatchLimits& limits,
                                                                 Decompressor& decompressor) {
  STELE_TRY(const BatchHeader header, check_frame(batch, limits));
  STELE_DO(check_header(header));
  const Result<ByteView> section =
      decompressor.decompress(static_cast<Codec>(header.codec_id()),
                              batch.subspan(kBatchHeaderBytes), limits.records_bytes_max);
  // 87 also for too much: Kafka's 10 would make a client split a batch that cannot be split.
  if (!section) return reject(BatchFault::kInvalidRecord, "{}", section.error().detail);
  RecordPass pass(header, *section, limits);
  STELE_DO(pass.run());
  return CheckedBatch{.header = header,
                      .records = *section,
                      .min_timestamp_ms = pass.min_timestamp_ms(),
                      .max_timestamp_ms = pass.max_timestamp_ms()};
}

}  // namespace stele
