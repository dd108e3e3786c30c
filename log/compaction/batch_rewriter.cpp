#include "log/compaction/batch_rewriter.h"

#include <algorithm>
#include <limits>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/records.h"

namespace stele::log {
namespace {

constexpr std::int16_t kCodecBits = 7;
constexpr std::int16_t kHorizonBit = 64;
constexpr std::int64_t kNoTimestamp = -1;

Error malformed(const BatchHeader& header, const std::string& detail) {
  return {Code::kCorrupt, fmt::format("the batch at offset {} cannot be compacted: {}",
                                      header.base_offset.raw(), detail)};
}

}  // namespace

Result<void> BatchRewriter::read(const BatchHeader& header, ByteView batch) {
  records_.clear();
  const auto section =
      decompressor_.decompress(static_cast<Codec>(header.codec_id()),
                               batch.subspan(kBatchHeaderBytes), Decompressor::kLimitBytesMax);
  if (!section) return std::unexpected(malformed(header, section.error().detail));
  RecordReader reader(header, *section);
  while (reader.next()) {
    const RecordView& view = reader.record();
    records_.push_back({.bytes = reader.record_bytes(),
                        .key = view.key,
                        .timestamp_ms = view.timestamp_ms,
                        .offset_delta = view.offset_delta,
                        .tombstone = !view.value.has_value()});
  }
  if (const auto whole = reader.finish(); !whole)
    return std::unexpected(malformed(header, whole.error().detail));
  return {};
}

void BatchRewriter::list_removed(FilteredBatch& result) {
  removed_.clear();
  for (const Record& record : records_) {
    if (!record.stays) removed_.push_back(record.offset_delta);
  }
  result.removed = removed_;
  result.removed_records = std::ssize(removed_);
}

// Kafka's writeEmptyHeader: no codec, no horizon, no base timestamp.
FilteredBatch BatchRewriter::remove_all(const BatchHeader& header, bool keep_header) {
  for (Record& record : records_) record.stays = false;
  FilteredBatch result{.bytes = {}};
  list_removed(result);
  if (!keep_header) return result;
  BatchHeader empty = header;
  empty.attributes = static_cast<std::int16_t>(header.attributes & ~(kCodecBits | kHorizonBit));
  empty.base_timestamp_ms = kNoTimestamp;
  empty.record_count = 0;
  out_.resize(kBatchHeaderBytes);
  write_header(empty);
  result.bytes = out_;
  return result;
}

Result<FilteredBatch> BatchRewriter::rewrite(const BatchHeader& header,
                                             std::optional<std::int64_t> horizon) {
  FilteredBatch result{.bytes = {},
                       .min_timestamp_ms = std::numeric_limits<std::int64_t>::max(),
                       .max_timestamp_ms = std::numeric_limits<std::int64_t>::min()};
  list_removed(result);
  BatchHeader made = header;
  for (const Record& record : records_) {
    if (!record.stays) continue;
    result.min_timestamp_ms = std::min(result.min_timestamp_ms, record.timestamp_ms);
    result.max_timestamp_ms = std::max(result.max_timestamp_ms, record.timestamp_ms);
  }
  std::int64_t delta = 0;
  const bool fits =
      !horizon || (!__builtin_sub_overflow(result.min_timestamp_ms, *horizon, &delta) &&
                   !__builtin_sub_overflow(result.max_timestamp_ms, *horizon, &delta));
  // A timestamp 292 million years from the horizon: its tombstones stay for good.
  if (!fits) horizon.reset();
  if (!fits && result.removed_records == 0) return FilteredBatch{.untouched = true, .bytes = {}};
  if (horizon) {
    made.base_timestamp_ms = *horizon;
    made.attributes = static_cast<std::int16_t>(header.attributes | kHorizonBit);
  }
  out_.resize(kBatchHeaderBytes);
  for (const Record& record : records_) {
    if (!record.stays) continue;
    if (horizon) {
      append_record(record, *horizon);
    } else {
      out_.insert(out_.end(), record.bytes.begin(), record.bytes.end());
    }
  }
  STELE_DO(pack(static_cast<Codec>(header.codec_id())));
  made.record_count = static_cast<std::int32_t>(std::ssize(records_) - result.removed_records);
  if (!header.log_append_time()) made.max_timestamp_ms = result.max_timestamp_ms;
  write_header(made);
  result.bytes = out_;
  return result;
}

// The same record with its timestamp counted from another base: only length and delta change.
void BatchRewriter::append_record(const Record& record, std::int64_t base_timestamp_ms) {
  VarintReader in(record.bytes);
  static_cast<void>(in.varint());  // length
  const ByteView attributes = in.take(1);
  static_cast<void>(in.varlong());
  STELE_CHECK(!in.failed());
  const ByteView rest = in.rest();
  const std::int64_t delta = record.timestamp_ms - base_timestamp_ms;
  const std::size_t body_bytes = 1 + varlong_bytes(delta) + rest.size();
  const std::size_t at = out_.size();
  out_.resize(at + uvarint_bytes(body_bytes << 1) + body_bytes);
  std::byte* to = write_uvarint(out_.data() + at, body_bytes << 1);
  *to++ = attributes[0];
  to = write_varlong(to, delta);
  to = std::ranges::copy(rest, to).out;
  STELE_CHECK(to == out_.data() + out_.size());
}

Result<void> BatchRewriter::pack(Codec codec) {
  if (codec != Codec::kNone) {
    STELE_TRY(const Bytes packed,
              compressor_.compress(codec, ByteView(out_).subspan(kBatchHeaderBytes)));
    out_.resize(kBatchHeaderBytes);
    out_.insert(out_.end(), packed.begin(), packed.end());
  }
  if (out_.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    return fail(Code::kTooLarge, "a compacted batch has {} bytes", out_.size());
  return {};
}

void BatchRewriter::write_header(const BatchHeader& header) {
  std::byte* p = out_.data();
  store_be(p, header.base_offset.raw());
  store_be(p + 8, static_cast<std::int32_t>(out_.size() - kBatchLengthOffset));
  store_be(p + 12, header.leader_epoch);
  store_be(p + 16, header.magic);
  store_be(p + 21, header.attributes);
  store_be(p + 23, header.last_offset_delta);
  store_be(p + 27, header.base_timestamp_ms);
  store_be(p + 35, header.max_timestamp_ms);
  store_be(p + 43, header.producer_id);
  store_be(p + 51, header.producer_epoch);
  store_be(p + 53, header.base_sequence);
  store_be(p + 57, header.record_count);
  seal_batch(out_);
}

}  // namespace stele::log
