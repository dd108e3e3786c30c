// Rules of idempotent producers, over the real store on a simulated disk.
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

class IdempotenceRules : public ::testing::Test {
protected:
  IdempotenceRules() { EXPECT_TRUE(store->create_topic({"orders", 1, {}})); }
  void reopen() {
    broker.reset();
    store.reset();
    store = open();
    broker = std::make_unique<BrokerHarness>(*store, env);
  }
  std::unique_ptr<log::Store> open() {
    log::StoreOptions options;
    options.journal_bytes_min = 4 << 20;
    options.append_bytes_max = 512 << 10;
    return log::Store::open("store", env, options).value();
  }
  ProduceResponsePartition produce(std::int32_t sequence, int records = 1, std::int16_t epoch = 0) {
    const std::vector<std::string> values(static_cast<std::size_t>(records), "v");
    return broker->produce(
        "orders",
        make_batch(
            {.values = values,
             .options = {.producer_id = 77, .producer_epoch = epoch, .base_sequence = sequence}}));
  }

  SimEnv env;
  std::unique_ptr<log::Store> store = open();
  std::unique_ptr<BrokerHarness> broker = std::make_unique<BrokerHarness>(*store, env);
};

TEST_F(IdempotenceRules, Rule24_EachOfTheLastFiveIsAnsweredWithItsFirstOffset) {
  for (int i = 0; i < 6; ++i) EXPECT_EQ(produce(i * 2, 2).base_offset, i * 2);
  for (int i = 1; i < 6; ++i) {
    const auto again = produce(i * 2, 2);
    EXPECT_EQ(again.error_code, ErrorCode::kNone);
    EXPECT_EQ(again.base_offset, i * 2);
  }
  // Older than that is taken for a lost batch, as Kafka does.
  EXPECT_EQ(produce(0, 2).error_code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(broker->fetch("orders", {}).high_watermark, 12);
}

TEST_F(IdempotenceRules, Rule24_ARetryAfterARestartIsStillOne) {
  EXPECT_EQ(produce(0).base_offset, 0);
  EXPECT_EQ(produce(1).base_offset, 1);
  reopen();
  EXPECT_EQ(produce(1).base_offset, 1);
  EXPECT_EQ(produce(2).base_offset, 2);
}

TEST_F(IdempotenceRules, AGapIsOutOfOrder) {
  EXPECT_EQ(produce(0).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(5).error_code, ErrorCode::kOutOfOrderSequenceNumber);
}

TEST_F(IdempotenceRules, Rule25_SequencesWrapToZero) {
  EXPECT_EQ(produce(INT32_MAX - 1, 2).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(0).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(1).base_offset, 3);
}

TEST_F(IdempotenceRules, Rule26_AnUnknownProducerMayStartAnywhere) {
  EXPECT_EQ(produce(1234).error_code, ErrorCode::kNone);
}

TEST_F(IdempotenceRules, Rule27_ANewEpochStartsAtZeroAndFencesTheOld) {
  EXPECT_EQ(produce(0, 1, 3).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(5, 1, 4).error_code, ErrorCode::kOutOfOrderSequenceNumber);
  EXPECT_EQ(produce(0, 1, 4).error_code, ErrorCode::kNone);
  EXPECT_EQ(produce(1, 1, 3).error_code, ErrorCode::kInvalidProducerEpoch);
}

TEST_F(IdempotenceRules, ProducerIdsAreNewAfterARestart) {
  InitProducerIdRequest request;
  request.transactional_id.reset();
  const auto first = broker->ask<InitProducerIdResponse>(4, request).producer_id;
  reopen();
  EXPECT_GT(broker->ask<InitProducerIdResponse>(4, request).producer_id, first);
}

TEST_F(IdempotenceRules, ProduceAndFetchGoThroughTheRealStore) {
  const Bytes batch = make_batch({.values = {"a", "b"}, .timestamp_ms = 5000});
  EXPECT_EQ(broker->produce("orders", batch).base_offset, 0);
  reopen();
  const auto fetched = broker->fetch("orders", {});
  EXPECT_EQ(fetched.high_watermark, 2);
  EXPECT_EQ(fetched.records.size(), batch.size());
}

}  // namespace
}  // namespace stele::kafka::test
