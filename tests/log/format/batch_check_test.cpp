#include "log/format/batch_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/log/format/batches.h"

namespace stele {
namespace {

using test::make_batch;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

/// The batch with some bytes of its header set, and a checksum that goes with them.
template <class T>
Bytes with(Bytes batch, std::size_t at, T value) {
  store_be(batch.data() + at, value);
  seal_batch(batch);
  return batch;
}

Bytes with_section(const Bytes& batch, ByteView section) {
  Bytes changed(batch.begin(), batch.begin() + kBatchHeaderBytes);
  changed.insert(changed.end(), section.begin(), section.end());
  return with(changed, 8, static_cast<std::int32_t>(changed.size() - 12));
}

std::expected<CheckedBatch, BatchRejection> check(const Bytes& batch,
                                                  const BatchLimits& limits = {}) {
  static Decompressor decompressor;
  return check_produced_batch(batch, limits, decompressor);
}

TEST(BatchCheck, AGoodBatchOfEveryCodecPasses) {
  for (int codec = 0; codec <= 4; ++codec) {
    SCOPED_TRACE(codec);
    const Bytes batch = make_batch({.count = 50, .codec = static_cast<Codec>(codec)});
    const auto checked = check(batch);
    ASSERT_TRUE(checked) << checked.error().detail;
    EXPECT_EQ(checked->header.record_count, 50);
    EXPECT_EQ(checked->min_timestamp_ms, 1'000);
    EXPECT_EQ(checked->max_timestamp_ms, 1'049);
    EXPECT_TRUE(checked->header_max_timestamp_is_true());
    const Bytes plain = make_batch({.count = 50});
    EXPECT_TRUE(std::ranges::equal(checked->records, ByteView(plain).subspan(kBatchHeaderBytes)));
  }
}

TEST(BatchCheck, EveryRuleOfTheHeaderHasItsCode) {
  const Bytes good = make_batch({});
  const Bytes produced = make_batch({.producer_id = 7});
  struct Case {
    const char* name;
    Bytes batch;
    BatchFault fault;
  };
  Bytes flipped = good, twice = good, longer = good;
  flipped.back() ^= std::byte{1};
  twice.insert(twice.end(), good.begin(), good.end());
  longer.push_back(std::byte{0});
  const auto attributes = [&](int bits) { return with(good, 21, static_cast<std::int16_t>(bits)); };
  constexpr BatchFault kInvalid = BatchFault::kInvalidRecord;
  const std::vector<Case> cases{
      {"nothing", {}, kInvalid},
      {"half a header", Bytes(good.begin(), good.begin() + 30), kInvalid},
      {"cut off", Bytes(good.begin(), good.end() - 1), kInvalid},
      {"a byte too many", longer, kInvalid},
      {"two batches", twice, kInvalid},
      {"checksum", flipped, BatchFault::kCorrupt},
      {"impossible length", with(good, 8, std::int32_t{10}), BatchFault::kCorrupt},
      {"negative length", with(good, 8, std::int32_t{-1}), BatchFault::kCorrupt},
      {"magic 1", with(good, 16, std::int8_t{1}), kInvalid},
      {"magic 3", with(good, 16, std::int8_t{3}), kInvalid},
      {"base offset", with(good, 0, std::int64_t{1}), kInvalid},
      {"no record", with(with(good, 57, std::int32_t{0}), 23, std::int32_t{-1}), kInvalid},
      {"count -1", with(good, 57, std::int32_t{-1}), kInvalid},
      {"count and delta differ", with(good, 23, std::int32_t{3}), kInvalid},
      {"delta of 2^31-1", with(good, 23, std::numeric_limits<std::int32_t>::max()), kInvalid},
      {"control batch", attributes(32), kInvalid},
      {"delete horizon", attributes(64), kInvalid},
      {"transactional without producer", attributes(16), kInvalid},
      {"sequence -1", with(produced, 53, std::int32_t{-1}), kInvalid},
      {"producer epoch -1", with(produced, 51, std::int16_t{-1}), kInvalid},
      {"LogAppendTime from a client", attributes(8), BatchFault::kInvalidTimestamp},
      {"codec 5", attributes(5), BatchFault::kUnsupportedCodec},
      {"codec 7", attributes(7), BatchFault::kUnsupportedCodec},
      {"gzip that is none", attributes(1), kInvalid},
      {"snappy that is none", attributes(2), kInvalid},
      {"lz4 that is none", attributes(3), kInvalid},
      {"zstd that is none", attributes(4), kInvalid},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checked = check(c.batch);
    ASSERT_FALSE(checked);
    EXPECT_EQ(static_cast<int>(checked.error().fault), static_cast<int>(c.fault))
        << checked.error().detail;
    EXPECT_FALSE(checked.error().detail.empty());
    EXPECT_TRUE(checked.error().record_indices.empty());
  }
  EXPECT_TRUE(check(produced));
  EXPECT_TRUE(check(with(produced, 21, std::int16_t{16})));
}

TEST(BatchCheck, EveryRecordIsParsed) {
  const Bytes good = make_batch({});
  const Bytes four = make_batch({.count = 4});
  const Bytes section(good.begin() + kBatchHeaderBytes, good.end());
  Bytes left_over = section;
  left_over.push_back(std::byte{0});
  Bytes gap = section;
  gap[3] = std::byte{2};  // offset delta 1 in the first record
  const std::vector<std::pair<std::string, Bytes>> cases{
      {"a record missing", with(with(good, 57, std::int32_t{4}), 23, std::int32_t{3})},
      {"a record too many", with(with(four, 57, std::int32_t{3}), 23, std::int32_t{2})},
      {"bytes left over", with_section(good, left_over)},
      {"offset deltas not from 0", with_section(good, gap)},
      {"no section", with_section(good, {})},
      {"a batch inside", with_section(good, make_batch({}))},
  };
  for (const auto& [name, batch] : cases) {
    SCOPED_TRACE(name);
    const auto checked = check(batch);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().fault, BatchFault::kInvalidRecord);
    EXPECT_NE(checked.error().detail.find("record "), std::string::npos) << checked.error().detail;
  }
}

TEST(BatchCheck, AGapInTheOffsetDeltasIsNamedWhereItIs) {
  const Bytes good = make_batch({});
  Bytes section(good.begin() + kBatchHeaderBytes, good.end());
  section[3] = std::byte{2};  // offset delta 1 in the first record
  const auto checked = check(with_section(good, section));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().detail, "record 0 of the batch has offset delta 1");
}

TEST(BatchCheck, LimitsAnswerWithTheirCodes) {
  const Bytes zeros = make_batch({.count = 1, .codec = Codec::kZstd, .value_bytes = 1 << 20});
  struct Case {
    const char* name;
    Bytes batch;
    BatchLimits limits;
    BatchFault fault;
  };
  const std::vector<Case> cases{
      {"batch size", zeros, {.batch_bytes_max = zeros.size() - 1}, BatchFault::kTooLarge},
      {"unpacked size", zeros, {.records_bytes_max = 1 << 20}, BatchFault::kInvalidRecord},
      {"header count", make_batch({}), {.headers_per_record_max = 1}, BatchFault::kInvalidRecord},
      {"key size", make_batch({}), {.key_bytes_max = 1}, BatchFault::kInvalidRecord},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_TRUE(check(c.batch));
    const auto checked = check(c.batch, c.limits);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().fault, c.fault) << checked.error().detail;
  }
}

TEST(BatchCheck, KeylessRecordsOfACompactedTopicAreNamed) {
  const Bytes batch = make_batch({.count = 3, .with_keys = false});
  EXPECT_TRUE(check(batch));
  const auto checked = check(batch, {.key_required = true});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().fault, BatchFault::kInvalidRecord);
  EXPECT_EQ(checked.error().record_indices, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_TRUE(check(make_batch({}), {.key_required = true}));
  const auto many = check(make_batch({.count = 3'000, .with_keys = false}), {.key_required = true});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().record_indices.size(), BatchRejection::kRecordIndicesMax);
}

TEST(BatchCheck, TimestampsOutsideTheRangeAreNamed) {
  struct Case {
    const char* name;
    std::int64_t first_ms;
    BatchLimits limits;
    std::vector<std::int32_t> at_fault;
  };
  const std::vector<Case> cases{
      {"no limit", kMax - 2, {}, {}},
      {"at both ends",
       999,
       {.now_ms = 1'000, .timestamp_before_max_ms = 1, .timestamp_after_max_ms = 1},
       {}},
      {"too early", 998, {.now_ms = 1'000, .timestamp_before_max_ms = 1}, {0}},
      {"too late", 1'000, {.now_ms = 1'000, .timestamp_after_max_ms = 0}, {1, 2}},
      {"2^63-1", kMax - 2, {.now_ms = 1'000, .timestamp_after_max_ms = 3'600'000}, {0, 1, 2}},
      {"none is not checked", -1, {.now_ms = 1'000, .timestamp_before_max_ms = 1'000}, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checked = check(make_batch({.timestamp_ms = c.first_ms}), c.limits);
    ASSERT_EQ(checked.has_value(), c.at_fault.empty());
    if (checked) continue;
    EXPECT_EQ(checked.error().fault, BatchFault::kInvalidTimestamp);
    EXPECT_EQ(checked.error().record_indices, c.at_fault);
  }
  // Both faults: Kafka answers with the timestamps'.
  const auto both = check(make_batch({.with_keys = false}),
                          {.key_required = true, .now_ms = 0, .timestamp_after_max_ms = 0});
  EXPECT_EQ(both.error().fault, BatchFault::kInvalidTimestamp);
  // Base timestamp and delta together beyond 64 bits.
  const auto beyond = check(with(make_batch({}), 27, kMax));
  EXPECT_EQ(beyond.error().fault, BatchFault::kInvalidTimestamp);
}

TEST(BatchCheck, AMaxTimestampThatIsUnsetIsFoundAndMended) {
  Bytes batch = with(make_batch({}), 35, std::int64_t{-1});
  const auto checked = check(batch);
  ASSERT_TRUE(checked);
  EXPECT_FALSE(checked->header_max_timestamp_is_true());
  set_max_timestamp(batch, checked->max_timestamp_ms);
  EXPECT_EQ(batch, make_batch({}));
}

TEST(BatchCheck, NoFlippedByteOrCutIsAccepted) {
  for (Codec codec : {Codec::kNone, Codec::kLz4}) {
    const Bytes good = make_batch({.codec = codec});
    for (std::size_t at = 0; at < good.size(); ++at) {
      const bool broker_owned = at >= 12 && at < 16;  // leader epoch: any value is the client's
      Bytes flipped = good;
      flipped[at] ^= std::byte{0x11};
      EXPECT_EQ(check(flipped).has_value(), broker_owned) << at;
      EXPECT_FALSE(check(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at))));
    }
  }
}

}  // namespace
}  // namespace stele
