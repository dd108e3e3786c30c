// Rules of the fetch path, by the names of the rules.
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

using namespace std::chrono_literals;

class FetchRules : public BrokerTest {
protected:
  void append(std::string value, std::string topic = "orders") {
    ASSERT_EQ(broker().produce(topic, make_batch({.values = {std::move(value)}})).error_code,
              ErrorCode::kNone);
  }
  Sent poll(BrokerHarness::FetchSpec spec, std::int16_t version = 11) {
    return broker().send(version, BrokerHarness::fetch_request("orders", spec));
  }
};

TEST_F(FetchRules, Rule30_TheWholeBatchThatHoldsTheOffset) {
  broker().produce("orders", make_batch({.values = {"a", "b", "c"}}));
  const auto fetched = broker().fetch("orders", {.offset = 2});
  EXPECT_EQ(parse_batch_header(fetched.records.pieces.at(0))->base_offset, Offset(0));
  EXPECT_EQ(parse_batch_header(fetched.records.pieces.at(0))->record_count, 3);
}

TEST_F(FetchRules, BatchesComeBackByteForByte) {
  const Bytes batch = make_batch({.values = {std::string(2000, 'x')}});
  broker().produce("orders", batch);
  const auto fetched = broker().fetch("orders", {});
  const ByteView got = fetched.records.pieces.at(0);
  EXPECT_TRUE(std::ranges::equal(got.subspan(16), ByteView(batch).subspan(16)));
}

TEST_F(FetchRules, Rule31_OneBatchEvenIfLargerThanBothLimits) {
  append(std::string(200'000, 'x'));
  append(std::string(200'000, 'y'));
  const auto fetched = broker().fetch("orders", {.partition_bytes = 10, .max_bytes = 10});
  EXPECT_GT(fetched.records.size(), 200'000U);
  EXPECT_LT(fetched.records.size(), 201'000U);
}

TEST_F(FetchRules, Rule31_OnlyTheFirstPartitionWithDataMayExceedTheLimit) {
  const Bytes batch = make_batch({.values = {std::string(5000, 'x')}});
  broker().ask<ProduceResponse>(9, BrokerHarness::produce_request("orders", batch, -1, 0));
  broker().ask<ProduceResponse>(9, BrokerHarness::produce_request("orders", batch, -1, 1));
  FetchRequest request = BrokerHarness::fetch_request("orders", {.max_bytes = 100});
  request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
  request.topics[0].partitions[1].partition = 1;
  const auto response = broker().ask<FetchResponse>(11, request);
  EXPECT_EQ(response.topics[0].partitions[0].records.size(), batch.size());
  EXPECT_EQ(response.topics[0].partitions[1].records.size(), 0U);
  EXPECT_EQ(response.topics[0].partitions[1].high_watermark, 1);
}

TEST_F(FetchRules, TheServersOwnLimitHolds) {
  BrokerOptions options;
  options.fetch_bytes_max = 3000;
  with(std::move(options));
  for (int i = 0; i < 10; ++i) append(std::string(1000, 'x'));
  const std::size_t bytes = broker().fetch("orders", {}).records.size();
  EXPECT_GT(bytes, 1000U);
  EXPECT_LE(bytes, 3000U);
}

TEST_F(FetchRules, Rule32_WaitsForMinBytes) {
  const std::size_t timers_before = broker().timers.size();
  const Sent sent = poll({.min_bytes = 150, .max_wait_ms = 10'000});
  EXPECT_FALSE(sent.answered());
  append("a");
  EXPECT_FALSE(sent.answered());
  EXPECT_EQ(broker().broker.waits.count(), 1U);
  append("b");
  append("c");
  ASSERT_TRUE(sent.answered());
  EXPECT_GE(broker().decode<FetchResponse>(sent).topics[0].partitions[0].records.size(), 150U);
  EXPECT_EQ(broker().broker.waits.count(), 0U);
  EXPECT_EQ(broker().timers.size(), timers_before);
}

TEST_F(FetchRules, Rule32_WaitsNoLongerThanMaxWait) {
  const Sent sent = poll({.max_wait_ms = 500});
  broker().pass(499ms);
  EXPECT_FALSE(sent.answered());
  broker().pass(1ms);
  const auto answered = broker().decode<FetchResponse>(sent).topics[0].partitions[0];
  EXPECT_EQ(answered.error_code, ErrorCode::kNone);
  EXPECT_EQ(answered.records.size(), 0U);
  EXPECT_EQ(answered.high_watermark, 0);
}

TEST_F(FetchRules, Rule32_AnErrorIsAnsweredAtOnce) {
  FetchRequest request = BrokerHarness::fetch_request("orders", {.max_wait_ms = 10'000});
  request.topics.push_back({"nowhere", {}, {request.topics[0].partitions[0]}});
  const auto response = broker().ask<FetchResponse>(11, request);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(FetchRules, Rule32_AFullPartitionIsAnsweredAtOnce) {
  append(std::string(500, 'x'));
  append(std::string(500, 'y'));
  EXPECT_TRUE(
      poll({.partition_bytes = 700, .min_bytes = 100'000, .max_wait_ms = 10'000}).answered());
}

TEST_F(FetchRules, Rule32_AHeldBackAppendWakesNobody) {
  const Sent sent = poll({.max_wait_ms = 10'000});
  store.hold(true);
  const Bytes batch = make_batch();
  const Sent produced = broker().send(9, BrokerHarness::produce_request("orders", batch));
  broker().settle();
  EXPECT_FALSE(sent.answered());
  store.hold(false);
  broker().settle();
  EXPECT_TRUE(sent.answered());
  EXPECT_TRUE(produced.answered());
}

TEST_F(FetchRules, ADeletedTopicEndsTheWait) {
  const Sent sent = poll({.max_wait_ms = 10'000});
  ASSERT_TRUE(store.delete_topic(orders->id));
  broker().broker.waits.advanced({orders->id, 0});
  broker().settle();
  EXPECT_EQ(broker().decode<FetchResponse>(sent).topics[0].partitions[0].error_code,
            ErrorCode::kUnknownTopicOrPartition);
}

TEST_F(FetchRules, DrainingAnswersWhoWaits) {
  const Sent sent = poll({.max_wait_ms = 10'000});
  broker().broker.drain();
  EXPECT_TRUE(sent.answered());
}

TEST_F(FetchRules, Rule33_TheEndsAreAlwaysFilled) {
  append("a");
  append("b");
  ASSERT_TRUE(store.delete_records({orders->id, 0}, Offset(1)));
  for (const std::int64_t offset : {std::int64_t{2}, std::int64_t{99}, std::int64_t{0}}) {
    const auto fetched = broker().fetch("orders", {.offset = offset});
    EXPECT_EQ(fetched.high_watermark, 2);
    EXPECT_EQ(fetched.last_stable_offset, 2);
    EXPECT_EQ(fetched.log_start_offset, 1);
    EXPECT_EQ(fetched.error_code, offset == 2 ? ErrorCode::kNone : ErrorCode::kOffsetOutOfRange);
  }
}

TEST_F(FetchRules, NegativeOffsetsAreOutOfRange) {
  EXPECT_EQ(broker().fetch("orders", {.offset = -1}).error_code, ErrorCode::kOffsetOutOfRange);
}

TEST_F(FetchRules, Rule36_ZstdIsSentAsItLiesWhateverTheVersion) {
  broker().produce("orders", make_batch({.options = {.codec = Codec::kZstd}}));
  for (const int version : {4, 9, 10, 11}) {
    const auto fetched = broker().fetch("orders", {}, static_cast<std::int16_t>(version));
    EXPECT_EQ(fetched.error_code, ErrorCode::kNone) << version;
    EXPECT_EQ(parse_batch_header(fetched.records.pieces.at(0))->codec_id(),
              static_cast<std::uint8_t>(Codec::kZstd));
  }
}

TEST_F(FetchRules, Rule37_AnotherTimelineIsNoticed) {
  store.set_epoch(5);
  EXPECT_EQ(broker().fetch("orders", {.epoch = 4}).error_code, ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(broker().fetch("orders", {.epoch = 6}).error_code, ErrorCode::kUnknownLeaderEpoch);
  EXPECT_EQ(broker().fetch("orders", {.epoch = 5}).error_code, ErrorCode::kNone);
}

TEST_F(FetchRules, Rule12_ByTopicIdUnknownIsSaid) {
  FetchRequest request = BrokerHarness::fetch_request("", {});
  request.topics[0].topic_id = orders->id;
  EXPECT_EQ(broker().ask<FetchResponse>(13, request).topics[0].partitions[0].error_code,
            ErrorCode::kNone);
  request.topics[0].topic_id = Uuid::from_random(9, 9);
  EXPECT_EQ(broker().ask<FetchResponse>(13, request).topics[0].partitions[0].error_code,
            ErrorCode::kUnknownTopicId);
}

TEST_F(FetchRules, DamageIsSaidWithKafkasCode) {
  append("a");
  store.fail_reads(Code::kCorrupt);
  EXPECT_EQ(broker().fetch("orders", {}).error_code, ErrorCode::kCorruptMessage);
  store.fail_reads(Code::kIo);
  EXPECT_EQ(broker().fetch("orders", {}).error_code, ErrorCode::kKafkaStorageError);
}

TEST_F(FetchRules, TooManyPartitionsAreRefused) {
  FetchRequest request = BrokerHarness::fetch_request("orders", {});
  request.topics[0].partitions.resize(100'001);
  EXPECT_EQ(broker().ask<FetchResponse>(11, request).error_code, ErrorCode::kInvalidRequest);
}

TEST_F(FetchRules, BuffersComeBackWhenTheAnswerIsGone) {
  append(std::string(100'000, 'x'));
  {
    const auto fetched = broker().fetch("orders", {});
  }
  EXPECT_EQ(broker().pool.in_use_bytes(), 0U);
}

TEST_F(FetchRules, AFullPoolMakesFetchesWaitNotFail) {
  append("a");
  const server::BufferPtr everything = broker().pool.take(broker().pool.limit_bytes());
  const Sent sent = poll({.max_wait_ms = 10'000});
  broker().settle();
  EXPECT_FALSE(sent.answered());
}

}  // namespace
}  // namespace stele::kafka::test
