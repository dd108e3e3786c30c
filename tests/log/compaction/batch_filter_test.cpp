// Kafka's rules for single batches, those that no client can bring about included: control batches,
// appended times, offsets behind the map's end.
#include "log/compaction/batch_filter.h"

#include <gtest/gtest.h>

#include "log/format/batch_builder.h"
#include "log/format/records.h"

namespace stele::log {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::int64_t kRetention = 1000;
constexpr std::int16_t kControlBit = 32;

struct Pair {
  std::optional<std::string> key;
  std::optional<std::string> value;
};

using Stamped = std::pair<std::string, std::int64_t>;

struct Left {
  BatchHeader header;
  std::vector<Stamped> records;  ///< key, timestamp
  std::vector<std::int32_t> deltas;
};

class BatchFilterRules : public testing::Test {
protected:
  static Bytes make(std::int64_t base, const std::vector<Pair>& pairs, BatchOptions how = {},
                    std::int16_t more_attributes = 0) {
    BatchBuilder builder(how);
    std::int64_t time = kNow - 5000;
    for (const Pair& pair : pairs) {
      NewRecord record{.key = {}, .value = {}, .headers = {}, .timestamp_ms = time++};
      if (pair.key) record.key = as_bytes(*pair.key);
      if (pair.value) record.value = as_bytes(*pair.value);
      EXPECT_TRUE(builder.add(record).has_value());
    }
    Bytes batch = *builder.finish();
    stamp_batch(batch, Offset(base), 0);
    const auto attributes = load_be<std::int16_t>(batch.data() + 21);
    store_be(batch.data() + 21, static_cast<std::int16_t>(attributes | more_attributes));
    seal_batch(batch);
    return batch;
  }
  void put(const std::string& key, std::int64_t offset) {
    ASSERT_TRUE(map_.put(map_.hash(as_bytes(key)), Offset(offset)));
  }
  FilteredBatch filter(const Bytes& batch) {
    const auto filtered = filter_->filter(*parse_batch_header(batch), batch, Position(0));
    EXPECT_TRUE(filtered.has_value()) << filtered.error().text();
    return filtered.value_or(FilteredBatch{.bytes = {}});
  }
  void start_again(std::int64_t now_ms, LastBatches last = {}) {
    filter_.emplace(map_, std::move(last), FilterRules{now_ms, kRetention});
  }
  static Left look_into(ByteView bytes) {
    Left left{.header = *parse_batch_header(bytes), .records = {}, .deltas = {}};
    EXPECT_TRUE(batch_crc_matches(bytes));
    Decompressor decompressor;
    const auto section = decompressor.decompress(static_cast<Codec>(left.header.codec_id()),
                                                 bytes.subspan(kBatchHeaderBytes), 1 << 20);
    RecordReader reader(left.header, *section);
    while (reader.next()) {
      left.records.emplace_back(reader.record().key ? as_text(*reader.record().key) : "",
                                reader.record().timestamp_ms);
      left.deltas.push_back(reader.record().offset_delta);
    }
    EXPECT_TRUE(reader.finish().has_value());
    return left;
  }

  BatchFilterRules() {
    map_.set_end(Offset(1000));
    start_again(kNow);
  }
  KeyMap map_{1 << 16, 1000, Offset(0), 42};
  std::optional<BatchFilter> filter_;
};

TEST_F(BatchFilterRules, ABatchOfWhichAllStaysIsNotTouched) {
  put("a", 10);
  EXPECT_TRUE(filter(make(10, {{"a", "1"}, {"b", "2"}})).untouched);
}

TEST_F(BatchFilterRules, WhatStaysKeepsOffsetTimeAndPlaceInTheBatch) {
  put("a", 500);
  for (const Codec codec :
       {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd}) {
    const auto kept =
        filter(make(10, {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", "4"}}, {.codec = codec}));
    EXPECT_EQ(kept.removed_records, 2);
    const Left left = look_into(kept.bytes);
    EXPECT_EQ(left.header.base_offset, Offset(10));
    EXPECT_EQ(left.header.last_offset_delta, 3);
    EXPECT_EQ(left.header.record_count, 2);
    EXPECT_EQ(left.header.codec_id(), static_cast<std::uint8_t>(codec));
    EXPECT_EQ(left.header.max_timestamp_ms, kNow - 5000 + 3);
    EXPECT_FALSE(left.header.has_delete_horizon());
    EXPECT_EQ(left.deltas, (std::vector<std::int32_t>{1, 3}));
    EXPECT_EQ(left.records[0], Stamped("b", kNow - 5000 + 1)) << left.records[0].first;
    EXPECT_EQ(kept.min_timestamp_ms, kNow - 5000 + 1);
    EXPECT_EQ(kept.max_timestamp_ms, kNow - 5000 + 3);
  }
}

TEST_F(BatchFilterRules, WhatIsBehindTheMapsEndStays) {
  put("a", 999);
  EXPECT_TRUE(filter(make(1000, {{"a", "1"}, {std::nullopt, "2"}})).untouched);
  const Left left =
      look_into(filter(make(998, {{"a", "1"}, {std::nullopt, "2"}, {std::nullopt, "3"}})).bytes);
  EXPECT_EQ(left.deltas, (std::vector<std::int32_t>{2}));
}

TEST_F(BatchFilterRules, ATombstoneGetsItsEndOnceAndGoesThen) {
  const Bytes batch = make(10, {{"a", "1"}, {"b", std::nullopt}});
  const auto first = filter(batch);
  const Bytes marked(first.bytes.begin(), first.bytes.end());
  const Left left = look_into(marked);
  EXPECT_EQ(first.removed_records, 0);
  EXPECT_TRUE(left.header.has_delete_horizon());
  EXPECT_EQ(left.header.base_timestamp_ms, kNow + kRetention);
  EXPECT_EQ(left.records, (std::vector<Stamped>{{"a", kNow - 5000}, {"b", kNow - 4999}}));
  start_again(kNow + kRetention - 1);
  EXPECT_TRUE(filter(marked).untouched);
  start_again(kNow + kRetention);
  const Left after = look_into(filter(marked).bytes);
  EXPECT_EQ(after.deltas, (std::vector<std::int32_t>{0}));
  EXPECT_EQ(after.records[0].second, kNow - 5000);
}

TEST_F(BatchFilterRules, AppendTimeStaysTheTimeOfAllRecords) {
  put("a", 500);
  Bytes batch = make(10, {{"a", "1"}, {"b", std::nullopt}});
  apply_log_append_time(batch, kNow - 77);
  const auto kept = filter(batch);
  const Left left = look_into(kept.bytes);
  EXPECT_TRUE(left.header.log_append_time());
  EXPECT_EQ(left.header.max_timestamp_ms, kNow - 77);
  EXPECT_EQ(left.records[0], Stamped("b", kNow - 77)) << left.records[0].first;
  EXPECT_EQ(kept.max_timestamp_ms, kNow - 77);
}

TEST_F(BatchFilterRules, AnEmptyHeaderIsLeftOfALiveProducersLastBatchOnly) {
  put("a", 500);
  const BatchOptions producer{.producer_id = 9, .producer_epoch = 2, .base_sequence = 5};
  start_again(kNow, {{9, Offset(20)}});
  EXPECT_TRUE(filter(make(10, {{"a", "1"}}, producer)).bytes.empty());
  const auto kept = filter(make(20, {{"a", "1"}, {"a", "2"}}, producer));
  const Bytes empty(kept.bytes.begin(), kept.bytes.end());
  const Left left = look_into(empty);
  EXPECT_EQ(empty.size(), kBatchHeaderBytes);
  EXPECT_EQ(left.header.record_count, 0);
  EXPECT_EQ(left.header.last_offset_delta, 1);
  EXPECT_EQ(left.header.base_sequence, 5);
  EXPECT_EQ(left.header.producer_epoch, 2);
  EXPECT_EQ(kept.max_timestamp_ms, -1);
  EXPECT_TRUE(filter(empty).untouched);
  start_again(kNow);
  const auto gone = filter(empty);
  EXPECT_FALSE(gone.untouched);
  EXPECT_TRUE(gone.bytes.empty());
}

TEST_F(BatchFilterRules, ControlBatchesStayWhileTheirTransactionHasDataAndForTheirHorizon) {
  const BatchOptions data{
      .producer_id = 9, .producer_epoch = 0, .base_sequence = 0, .transactional = true};
  const Bytes records = make(10, {{"a", "1"}}, data);
  const Bytes marker = make(11, {{std::string("\0\0\0\1", 4), "v"}}, data, kControlBit);
  put(std::string("\0\0\0\1", 4), 500);  // its key is no key of the topic's
  filter(records);
  EXPECT_TRUE(filter(marker).untouched);
  start_again(kNow);  // this time its data is gone
  const auto first = filter(marker);
  const Bytes marked(first.bytes.begin(), first.bytes.end());
  const Left left = look_into(marked);
  EXPECT_TRUE(left.header.has_delete_horizon() && left.header.control());
  EXPECT_EQ(left.header.base_timestamp_ms, kNow + kRetention);
  EXPECT_EQ(left.records[0].second, kNow - 5000);
  start_again(kNow + kRetention - 1);
  EXPECT_TRUE(filter(marked).untouched);
  start_again(kNow + kRetention);
  const auto gone = filter(marked);
  EXPECT_TRUE(!gone.untouched && gone.bytes.empty());
}

TEST_F(BatchFilterRules, MalformedRecordsAreCorruptNotDropped) {
  Bytes batch = make(10, {{"a", "1"}, {"b", "2"}});
  store_be(batch.data() + 57, std::int32_t{3});
  seal_batch(batch);
  const auto filtered = filter_->filter(*parse_batch_header(batch), batch, Position(0));
  ASSERT_FALSE(filtered.has_value());
  EXPECT_EQ(filtered.error().code, Code::kCorrupt);
  EXPECT_TRUE(filtered.error().detail.contains("offset 10")) << filtered.error().detail;
}

TEST_F(BatchFilterRules, ATimeTooFarFromTheHorizonLeavesTheBatchAlone) {
  BatchBuilder builder;
  ASSERT_TRUE(builder
                  .add({.key = as_bytes("a"),
                        .value = {},
                        .headers = {},
                        .timestamp_ms = std::numeric_limits<std::int64_t>::min()})
                  .has_value());
  EXPECT_TRUE(filter(*builder.finish()).untouched);
}

}  // namespace
}  // namespace stele::log
