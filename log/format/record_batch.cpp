#include "log/format/record_batch.h"

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele {
namespace {

constexpr std::size_t kCrcStart = 21;

}  // namespace

Result<BatchHeader> parse_batch_header(ByteView bytes) {
  if (bytes.size() < kBatchHeaderBytes) {
    return fail(Code::kInvalid, "a record batch has at least {} bytes, not {}", kBatchHeaderBytes,
                bytes.size());
  }
  const std::byte* p = bytes.data();
  BatchHeader header;
  header.magic = load_be<std::int8_t>(p + 16);
  if (header.magic != 2)
    return fail(Code::kInvalid, "record batch has magic {}, not 2", int{header.magic});
  const auto length = load_be<std::int32_t>(p + 8);
  constexpr auto kLeast = static_cast<std::int32_t>(kBatchHeaderBytes - kBatchLengthOffset);
  if (length < kLeast || length > INT32_MAX - static_cast<std::int32_t>(kBatchLengthOffset)) {
    return fail(Code::kInvalid, "record batch says a length of {} bytes", length);
  }
  header.base_offset = Offset(load_be<std::int64_t>(p));
  header.batch_bytes = length + static_cast<std::int32_t>(kBatchLengthOffset);
  header.leader_epoch = load_be<std::int32_t>(p + 12);
  header.crc = load_be<std::uint32_t>(p + 17);
  header.attributes = load_be<std::int16_t>(p + 21);
  header.last_offset_delta = load_be<std::int32_t>(p + 23);
  header.base_timestamp_ms = load_be<std::int64_t>(p + 27);
  header.max_timestamp_ms = load_be<std::int64_t>(p + 35);
  header.producer_id = load_be<std::int64_t>(p + 43);
  header.producer_epoch = load_be<std::int16_t>(p + 51);
  header.base_sequence = load_be<std::int32_t>(p + 53);
  header.record_count = load_be<std::int32_t>(p + 57);
  return header;
}

bool batch_crc_matches(ByteView batch) {
  STELE_CHECK(batch.size() >= kBatchHeaderBytes);
  return crc32c(batch.subspan(kCrcStart)) == load_be<std::uint32_t>(batch.data() + 17);
}

void seal_batch(ByteSpan batch) {
  STELE_CHECK(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data() + 17, crc32c(batch.subspan(kCrcStart)));
}

void set_max_timestamp(ByteSpan batch, std::int64_t max_timestamp_ms) {
  STELE_CHECK(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data() + 35, max_timestamp_ms);
  seal_batch(batch);
}

void apply_log_append_time(ByteSpan batch, std::int64_t now_ms) {
  STELE_CHECK(batch.size() >= kBatchHeaderBytes);
  const auto attributes = load_be<std::int16_t>(batch.data() + kCrcStart);
  store_be(batch.data() + kCrcStart, static_cast<std::int16_t>(attributes | 8));
  set_max_timestamp(batch, now_ms);
}

void stamp_batch(ByteSpan batch, Offset base_offset, std::int32_t leader_epoch) {
  STELE_CHECK(batch.size() >= kBatchHeaderBytes);
  store_be(batch.data(), base_offset.raw());
  store_be(batch.data() + 12, leader_epoch);
}

}  // namespace stele
