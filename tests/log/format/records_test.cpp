#include "log/format/records.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/log/format/batches.h"

namespace stele {
namespace {

using test::make_batch;

BatchHeader header_of(std::int32_t count) {
  BatchHeader header;
  header.record_count = count;
  header.last_offset_delta = count - 1;
  header.base_timestamp_ms = 1'000;
  return header;
}

/// Reads everything there is to read; the first fault, else nothing.
Result<void> read_all(const BatchHeader& header, ByteView section) {
  RecordReader reader(header, section);
  while (reader.next()) {
    HeaderReader headers(reader.record().headers);
    while (headers.next()) continue;
    STELE_DO(headers.finish());
  }
  return reader.finish();
}

Bytes section_of(const Bytes& batch) {
  return {batch.begin() + kBatchHeaderBytes, batch.end()};
}

TEST(Records, AreReadAsTheyWereWritten) {
  const Bytes batch = make_batch({.count = 100});
  const Result<BatchHeader> header = parse_batch_header(batch);
  ASSERT_TRUE(header);
  RecordReader reader(*header, ByteView(batch).subspan(kBatchHeaderBytes));
  int i = 0;
  for (; reader.next(); ++i) {
    const RecordView& record = reader.record();
    EXPECT_EQ(record.index, i);
    EXPECT_EQ(record.offset_delta, i);
    EXPECT_EQ(record.timestamp_ms, 1'000 + i);
    ASSERT_TRUE(record.key && record.value);
    EXPECT_EQ(as_text(*record.key), "k" + std::to_string(i));
    EXPECT_EQ(record.value->size(), 20u);
    EXPECT_EQ(record.value->front(), static_cast<std::byte>(i));
    const auto type = find_header(record.headers, "ce_type");
    ASSERT_TRUE(type && *type);
    EXPECT_EQ(as_text(**type), "T" + std::to_string(i));
  }
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(i, 100);
}

TEST(Records, AHeaderThatIsMissingOrNullIsNotFound) {
  const Bytes batch = make_batch({.count = 1});
  RecordReader reader(header_of(1), ByteView(batch).subspan(kBatchHeaderBytes));
  ASSERT_TRUE(reader.next());
  for (const char* key : {"ce_id", "empty", ""}) {
    const auto found = find_header(reader.record().headers, key);
    ASSERT_TRUE(found) << key;
    EXPECT_FALSE(*found) << key;
  }
}

TEST(Records, TheAppendTimeOfTheBatchIsThatOfItsRecords) {
  const Bytes batch = make_batch({.count = 2});
  BatchHeader header = header_of(2);
  header.attributes = 8;
  header.max_timestamp_ms = 777;
  RecordReader reader(header, ByteView(batch).subspan(kBatchHeaderBytes));
  while (reader.next()) EXPECT_EQ(reader.record().timestamp_ms, 777);
  EXPECT_TRUE(reader.finish());
}

TEST(Records, TruncationAtEveryByteIsInvalid) {
  const Bytes section = section_of(make_batch({.count = 3, .value_bytes = 100}));
  ASSERT_TRUE(read_all(header_of(3), section));
  for (std::size_t cut = 0; cut < section.size(); ++cut) {
    const Bytes exact(section.begin(), section.begin() + static_cast<std::ptrdiff_t>(cut));
    const Result<void> read = read_all(header_of(3), exact);
    ASSERT_FALSE(read) << cut;
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_TRUE(read.error().detail.starts_with("record ")) << read.error().detail;
  }
}

TEST(Records, NoFlippedBitLeadsOutside) {
  const Bytes section = section_of(make_batch({.count = 3, .value_bytes = 100}));
  int refused = 0;
  for (std::size_t at = 0; at < section.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes flipped = section;
      flipped[at] ^= static_cast<std::byte>(1u << bit);
      if (!read_all(header_of(3), flipped)) ++refused;
    }
  }
  EXPECT_GT(refused, 200);  // flips in payloads are not noticed here: that is the checksum's work
}

// record: length, attributes, timestamp delta, offset delta, key, value, header count, headers
TEST(Records, EveryFaultNamesItsRecord) {
  struct Case {
    const char* name;
    std::vector<int> second;  ///< bytes behind a first good record
    const char* detail;
    std::int32_t count = 2;
  };
  const std::vector<Case> cases{
      {"missing", {}, "record 1 of the batch is missing"},
      {"negative length", {0x01, 0}, "record 1 of the batch has a length"},
      {"length over the end", {0x0e, 0, 0, 2, 1, 1, 0}, "record 1 of the batch has a length"},
      {"empty", {0x00}, "record 1 of the batch has a field"},
      {"key length -2", {0x0c, 0, 0, 2, 3, 1, 0}, "record 1 of the batch has a field"},
      {"key over the end", {0x0c, 0, 0, 2, 8, 1, 0}, "record 1 of the batch has a field"},
      {"value over the end", {0x0c, 0, 0, 2, 1, 8, 0}, "record 1 of the batch has a field"},
      {"value length -2", {0x0c, 0, 0, 2, 1, 3, 0}, "record 1 of the batch has a field"},
      {"header count -1", {0x0c, 0, 0, 2, 1, 1, 1}, "record 1 of the batch has a field"},
      {"headers without bytes", {0x0c, 0, 0, 2, 1, 1, 2}, "record 1 of the batch has a field"},
      {"bytes behind no header", {0x0e, 0, 0, 2, 1, 1, 0, 0}, "record 1 of the batch has a field"},
      {"same offset", {0x0c, 0, 0, 0, 1, 1, 0}, "record 1 of the batch has an offset delta"},
      {"offset outside", {0x0c, 0, 0, 4, 1, 1, 0}, "record 1 of the batch has an offset delta"},
      {"null header key", {0x10, 0, 0, 2, 1, 1, 2, 1, 1}, "record 1 of the batch has malformed"},
      {"header over the end",
       {0x10, 0, 0, 2, 1, 1, 2, 8, 1},
       "record 1 of the batch has malformed"},
      {"byte behind headers",
       {0x12, 0, 0, 2, 1, 1, 2, 0, 1, 0},
       "record 1 of the batch has malformed"},
      {"one too many", {0x0c, 0, 0, 2, 1, 1, 0}, "record 1 of the batch is not expected", 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Bytes section;
    for (int value : {0x0c, 0, 0, 0, 1, 1, 0}) section.push_back(static_cast<std::byte>(value));
    for (int value : c.second) section.push_back(static_cast<std::byte>(value));
    const Result<void> read = read_all(header_of(c.count), section);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_TRUE(read.error().detail.starts_with(c.detail)) << read.error().detail;
  }
}

TEST(Records, ATimestampBeyond64BitsIsInvalid) {
  const Bytes section = section_of(make_batch({.count = 2}));
  BatchHeader header = header_of(2);
  header.base_timestamp_ms = std::numeric_limits<std::int64_t>::max();
  const Result<void> read = read_all(header, section);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().detail.starts_with("record 1 of the batch has a timestamp"));
}

TEST(Records, FindHeaderSaysSoWhenAHeaderIsMalformed) {
  const Bytes bad{std::byte{8}, std::byte{0}};
  const HeadersView headers{.bytes = bad, .count = 1, .record_index = 7};
  const auto found = find_header(headers, "ce_type");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail, "record 7 of the batch has malformed headers");
}

}  // namespace
}  // namespace stele
