// Fuzzes check_produced_batch: the whole way from a client's bytes to checked records. The lengths
// and checksum are mended first, so that mutations reach the rules behind them; the bytes as given
// are tried too.
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "log/format/batch_check.h"
#include "log/format/records.h"

namespace {

using namespace stele;

void check(ByteView batch, Decompressor& decompressor) {
  const BatchLimits limits{.records_bytes_max = 1 << 20,
                           .key_required = (batch.size() & 1) != 0,
                           .now_ms = 1'000'000,
                           .timestamp_after_max_ms = 3'600'000};
  const auto checked = check_produced_batch(batch, limits, decompressor);
  if (!checked) return;
  STELE_CHECK(checked->min_timestamp_ms <= checked->max_timestamp_ms);
  // What was checked can be read: every record, every header, as many as said.
  RecordReader reader(checked->header, checked->records);
  std::int32_t record_count = 0;
  for (; reader.next(); ++record_count) {
    STELE_CHECK(reader.record().offset_delta == record_count);
    STELE_CHECK(find_header(reader.record().headers, "ce_type").has_value());
  }
  STELE_CHECK(reader.finish().has_value());
  STELE_CHECK(record_count == checked->header.record_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Decompressor decompressor;
  const ByteView given = std::as_bytes(std::span(data, size));
  check(given, decompressor);
  if (size < kBatchHeaderBytes || size > INT32_MAX) return 0;
  Bytes batch(given.begin(), given.end());
  store_be(batch.data(), std::int64_t{0});
  store_be(batch.data() + 8, static_cast<std::int32_t>(size - kBatchLengthOffset));
  store_be(batch.data() + 16, std::int8_t{2});
  store_be(batch.data() + 23, load_be<std::uint32_t>(batch.data() + 57) - 1);
  seal_batch(batch);
  check(batch, decompressor);
  apply_log_append_time(batch, 5);
  STELE_CHECK(batch_crc_matches(batch));
  return 0;
}
