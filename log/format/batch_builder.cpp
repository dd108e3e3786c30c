#include "log/format/batch_builder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele {
namespace {

constexpr std::size_t kBatchBytesMax = std::numeric_limits<std::int32_t>::max();

std::size_t sized_bytes(std::size_t bytes) {
  return uvarint_bytes(bytes << 1) + bytes;
}
std::size_t nullable_bytes(const std::optional<ByteView>& field) {
  return field ? sized_bytes(field->size()) : 1;
}
std::byte* write_bytes(std::byte* to, ByteView bytes) {
  to = write_uvarint(to, bytes.size() << 1);
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}
std::byte* write_nullable(std::byte* to, const std::optional<ByteView>& field) {
  return field ? write_bytes(to, *field) : write_varint(to, -1);
}

}  // namespace

BatchBuilder::BatchBuilder(const BatchOptions& options) : options_(options) {}

void BatchBuilder::reserve(std::size_t batch_bytes) {
  if (batch_bytes > bytes_.size()) bytes_.resize(batch_bytes);
}

void BatchBuilder::grow(std::size_t batch_bytes) {
  constexpr std::size_t kFirstBytes = 4096;
  bytes_.resize(std::max({batch_bytes, 2 * bytes_.size(), last_batch_bytes_, kFirstBytes}));
}

Result<void> BatchBuilder::add(const NewRecord& record) {
  const std::int64_t base = record_count_ == 0 ? record.timestamp_ms : base_timestamp_ms_;
  std::int64_t timestamp_delta = 0;
  if (__builtin_sub_overflow(record.timestamp_ms, base, &timestamp_delta))
    return fail(Code::kInvalid, "timestamp {} is too far from the batch's {}", record.timestamp_ms,
                base);
  std::size_t body_bytes = 1 + varlong_bytes(timestamp_delta) + varint_bytes(record_count_) +
                           nullable_bytes(record.key) + nullable_bytes(record.value) +
                           uvarint_bytes(record.headers.size() << 1);
  for (const HeaderView& header : record.headers)
    body_bytes += sized_bytes(header.key.size()) + nullable_bytes(header.value);
  const std::size_t end = end_ + sized_bytes(body_bytes);
  if (body_bytes > kBatchBytesMax || end > kBatchBytesMax)
    return fail(Code::kTooLarge, "a batch of {} bytes would pass {}", end, kBatchBytesMax);
  if (end > bytes_.size()) grow(end);

  std::byte* to = write_uvarint(bytes_.data() + end_, body_bytes << 1);
  *to++ = std::byte{0};
  to = write_varlong(to, timestamp_delta);
  to = write_varint(to, record_count_);
  to = write_nullable(to, record.key);
  to = write_nullable(to, record.value);
  to = write_uvarint(to, record.headers.size() << 1);
  for (const HeaderView& header : record.headers) {
    to = write_bytes(to, as_bytes(header.key));
    to = write_nullable(to, header.value);
  }
  STELE_CHECK(to == bytes_.data() + end);
  end_ = end;
  max_timestamp_ms_ =
      record_count_ == 0 ? record.timestamp_ms : std::max(max_timestamp_ms_, record.timestamp_ms);
  base_timestamp_ms_ = base;
  ++record_count_;
  return {};
}

Result<Bytes> BatchBuilder::finish() {
  if (record_count_ == 0) return fail(Code::kInvalid, "a batch has at least one record");
  last_batch_bytes_ = end_;
  if (options_.codec != Codec::kNone) STELE_DO(compress_records());
  bytes_.resize(end_);
  write_header();
  // A sequence wraps to 0, never below: KIP-98, ProducerAppendInfo.inSequence.
  if (options_.base_sequence >= 0) {
    const auto next = static_cast<std::uint32_t>(options_.base_sequence) +
                      static_cast<std::uint32_t>(record_count_);
    options_.base_sequence = static_cast<std::int32_t>(next & 0x7fff'ffff);
  }
  end_ = kBatchHeaderBytes;
  record_count_ = 0;
  return std::exchange(bytes_, Bytes());
}

Result<void> BatchBuilder::compress_records() {
  const ByteView records = ByteView(bytes_).subspan(kBatchHeaderBytes, end_ - kBatchHeaderBytes);
  STELE_TRY(Bytes packed, compressor_.compress(options_.codec, records));
  const std::size_t end = kBatchHeaderBytes + packed.size();
  if (end > kBatchBytesMax)
    return fail(Code::kTooLarge, "a batch of {} bytes would pass {}", end, kBatchBytesMax);
  if (end > bytes_.size()) bytes_.resize(end);
  std::ranges::copy(packed, bytes_.begin() + kBatchHeaderBytes);
  end_ = end;
  return {};
}

void BatchBuilder::write_header() {
  std::byte* p = bytes_.data();
  const auto attributes = static_cast<std::int16_t>(static_cast<int>(options_.codec) |
                                                    (options_.transactional ? 16 : 0));
  store_be(p, std::int64_t{0});
  store_be(p + 8, static_cast<std::int32_t>(end_ - kBatchLengthOffset));
  store_be(p + 12, std::int32_t{-1});
  store_be(p + 16, std::int8_t{2});
  store_be(p + 21, attributes);
  store_be(p + 23, record_count_ - 1);
  store_be(p + 27, base_timestamp_ms_);
  store_be(p + 35, max_timestamp_ms_);
  store_be(p + 43, options_.producer_id);
  store_be(p + 51, options_.producer_epoch);
  store_be(p + 53, options_.base_sequence);
  store_be(p + 57, record_count_);
  seal_batch(bytes_);
}

}  // namespace stele
