// Fuzzes RecordReader and HeaderReader over a bare record section. Its first byte is the record
// count, its second says whether the batch has append time.
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "log/format/records.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stele;
  if (size < 2) return 0;
  const ByteView section = std::as_bytes(std::span(data + 2, size - 2));
  BatchHeader header;
  header.record_count = data[0];
  header.last_offset_delta = data[0] - 1;
  header.attributes = data[1] % 2 == 0 ? 0 : 8;
  header.base_timestamp_ms = data[1] % 3 == 0 ? INT64_MAX - 1 : 1'000;
  RecordReader reader(header, section);
  std::int32_t record_count = 0;
  std::size_t header_bytes = 0;
  const auto inside = [&](ByteView bytes) {
    return bytes.empty() || (bytes.data() >= section.data() &&
                             bytes.data() + bytes.size() <= section.data() + section.size());
  };
  for (; reader.next(); ++record_count) {
    const RecordView& record = reader.record();
    STELE_CHECK(inside(record.key.value_or(ByteView())));
    STELE_CHECK(inside(record.value.value_or(ByteView())));
    HeaderReader headers(record.headers);
    while (headers.next()) {
      STELE_CHECK(inside(as_bytes(headers.header().key)));
      header_bytes += headers.header().value.value_or(ByteView()).size();
    }
    STELE_CHECK(!headers.whole() || find_header(record.headers, "ce_type").has_value());
  }
  STELE_CHECK(header_bytes <= size);
  STELE_CHECK(!reader.finish() || record_count == header.record_count);
  return 0;
}
