#include "log/format/batch_builder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "log/format/decompressor.h"
#include "tests/log/format/batches.h"

namespace stele {
namespace {

/// The bytes of a golden file: hex digits, '#' to the end of a line is a comment.
Bytes golden(const std::string& name) {
  std::ifstream file(std::string(STELE_GOLDEN_FOLDER) + "/" + name);
  Bytes bytes;
  std::string digits;
  for (std::string line; std::getline(file, line);) {
    for (char c : line.substr(0, line.find('#')))
      if (c != ' ') digits.push_back(c);
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

Bytes golden_records(BatchBuilder& builder) {
  const HeaderView header{.key = "ce_type", .value = as_bytes("T")};
  EXPECT_TRUE(builder.add({.key = as_bytes("k"),
                           .value = as_bytes("v"),
                           .headers = std::span(&header, 1),
                           .timestamp_ms = 1'000}));
  EXPECT_TRUE(builder.add(
      {.key = std::nullopt, .value = std::nullopt, .headers = {}, .timestamp_ms = 1'003}));
  return builder.finish().value();
}

TEST(BatchBuilder, WritesTheGoldenBatch) {
  const Bytes expected = golden("record_batch.hex");
  ASSERT_EQ(expected.size(), 87u);
  BatchBuilder builder;
  EXPECT_EQ(golden_records(builder), expected);
}

TEST(BatchBuilder, TheGoldenBatchIsReadFieldByField) {
  const Bytes batch = golden("record_batch.hex");
  ASSERT_EQ(batch.size(), 87u);
  EXPECT_TRUE(batch_crc_matches(batch));
  const BatchHeader header = parse_batch_header(batch).value();
  EXPECT_EQ(header.batch_bytes, 87);
  EXPECT_EQ(header.leader_epoch, -1);
  EXPECT_EQ(header.attributes, 0);
  EXPECT_EQ(header.last_offset_delta, 1);
  EXPECT_EQ(header.base_timestamp_ms, 1'000);
  EXPECT_EQ(header.max_timestamp_ms, 1'003);
  EXPECT_EQ(header.producer_id, -1);
  EXPECT_EQ(header.producer_epoch, -1);
  EXPECT_EQ(header.base_sequence, -1);
  EXPECT_EQ(header.record_count, 2);
  RecordReader reader(header, ByteView(batch).subspan(kBatchHeaderBytes));
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(as_text(reader.record().key.value()), "k");
  EXPECT_EQ(as_text(reader.record().value.value()), "v");
  EXPECT_EQ(as_text(find_header(reader.record().headers, "ce_type").value().value()), "T");
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(reader.record().key);
  EXPECT_FALSE(reader.record().value);
  EXPECT_EQ(reader.record().timestamp_ms, 1'003);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.finish());
}

TEST(BatchBuilder, StartsAfreshAfterEachBatch) {
  BatchBuilder builder;
  const Bytes first = golden_records(builder);
  EXPECT_EQ(builder.record_count(), 0);
  EXPECT_EQ(golden_records(builder), first);
}

TEST(BatchBuilder, EveryCodecHoldsTheSameRecords) {
  const Bytes plain = test::make_batch({.count = 500});
  const Bytes records(plain.begin() + kBatchHeaderBytes, plain.end());
  for (Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    SCOPED_TRACE(static_cast<int>(codec));
    const Bytes packed = test::make_batch({.count = 500, .codec = codec});
    EXPECT_LT(packed.size(), plain.size());
    EXPECT_TRUE(batch_crc_matches(packed));
    const BatchHeader header = parse_batch_header(packed).value();
    EXPECT_EQ(header.codec_id(), static_cast<std::uint8_t>(codec));
    EXPECT_EQ(static_cast<std::size_t>(header.batch_bytes), packed.size());
    EXPECT_EQ(header.record_count, 500);
    const Result<Bytes> unpacked =
        decompress(codec, ByteView(packed).subspan(kBatchHeaderBytes), 1 << 20);
    ASSERT_TRUE(unpacked);
    EXPECT_EQ(*unpacked, records);
  }
}

TEST(BatchBuilder, SequencesCountOnAndWrapToZero) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  BatchBuilder builder({.producer_id = 5, .producer_epoch = 2, .base_sequence = kMax - 1});
  std::vector<std::int32_t> sequences;
  for (int i = 0; i < 3; ++i) {
    const BatchHeader header = parse_batch_header(golden_records(builder)).value();
    EXPECT_EQ(header.producer_id, 5);
    EXPECT_EQ(header.producer_epoch, 2);
    sequences.push_back(header.base_sequence);
  }
  EXPECT_EQ(sequences, (std::vector<std::int32_t>{kMax - 1, 0, 2}));
}

TEST(BatchBuilder, RefusesAnEmptyBatchAndATimestampTooFar) {
  BatchBuilder builder;
  EXPECT_EQ(builder.finish().error().code, Code::kInvalid);
  ASSERT_TRUE(builder.add({.key = {}, .value = {}, .headers = {}, .timestamp_ms = -2}));
  const auto far = builder.add({.key = {},
                                .value = {},
                                .headers = {},
                                .timestamp_ms = std::numeric_limits<std::int64_t>::max()});
  ASSERT_FALSE(far);
  EXPECT_EQ(far.error().code, Code::kInvalid);
  EXPECT_EQ(builder.record_count(), 1);
  EXPECT_TRUE(builder.finish());
}

TEST(BatchBuilder, AppendTimeChangesBitTimeAndChecksumOnly) {
  const Bytes before = test::make_batch({});
  Bytes batch = before;
  apply_log_append_time(batch, 5'000);
  EXPECT_TRUE(batch_crc_matches(batch));
  const BatchHeader header = parse_batch_header(batch).value();
  EXPECT_TRUE(header.log_append_time());
  EXPECT_EQ(header.max_timestamp_ms, 5'000);
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (batch[i] != before[i]) changed.push_back(i);
  for (std::size_t at : changed) EXPECT_TRUE((at >= 17 && at < 23) || (at >= 35 && at < 43)) << at;
}

}  // namespace
}  // namespace stele
