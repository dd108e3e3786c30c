// Rules of the produce path, by the names of the rules.
#include "log/format/compressor.h"
#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

using ProduceRules = BrokerTest;

void reseal(Bytes& batch) {
  seal_batch(batch);
}

TEST_F(ProduceRules, AppendsAndAnswersWithTheBaseOffset) {
  const auto first = broker().produce("orders", make_batch({.values = {"a", "b"}}));
  const auto second = broker().produce("orders", make_batch());
  EXPECT_EQ(first.error_code, ErrorCode::kNone);
  EXPECT_EQ(first.base_offset, 0);
  EXPECT_EQ(second.base_offset, 2);
  EXPECT_EQ(second.log_start_offset, 0);
  EXPECT_EQ(second.log_append_time_ms, -1);
}

TEST_F(ProduceRules, AnswersWhenEveryPartitionIsAnswered) {
  const Bytes batch = make_batch();
  ProduceRequest request = BrokerHarness::produce_request("orders", batch);
  request.topics[0].partitions.push_back({1, batch});
  request.topics.push_back({"nowhere", {}, {{0, batch}}});
  const Sent sent = broker().send(9, request);
  EXPECT_FALSE(sent.answered());
  broker().settle();
  const auto response = broker().decode<ProduceResponse>(sent);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::kNone);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(response.topics[1].partitions[0].base_offset, -1);
}

TEST_F(ProduceRules, Rule4_AcksZeroGetsNoAnswerAndAnErrorCloses) {
  const Bytes batch = make_batch();
  const Sent fine = broker().send(9, BrokerHarness::produce_request("orders", batch, 0));
  const Sent failed = broker().send(9, BrokerHarness::produce_request("nowhere", batch, 0));
  broker().settle();
  EXPECT_TRUE(fine.reply->ready());
  EXPECT_FALSE(fine.answered());
  EXPECT_FALSE(fine.inbox->aborted);
  EXPECT_TRUE(failed.inbox->aborted);
}

TEST_F(ProduceRules, AcksOtherThanZeroOneAllAreRefused) {
  EXPECT_EQ(broker().produce("orders", make_batch(), 9, 2).error_code,
            ErrorCode::kInvalidRequiredAcks);
  EXPECT_EQ(store.submitted(), 0);
}

TEST_F(ProduceRules, Rule12_ByTopicIdARecreatedTopicIsAnotherOne) {
  const Bytes batch = make_batch();
  ProduceRequest request = BrokerHarness::produce_request("", batch);
  request.topics[0].topic_id = orders->id;
  EXPECT_EQ(broker().ask<ProduceResponse>(13, request).topics[0].partitions[0].base_offset, 0);
  ASSERT_TRUE(store.delete_topic(orders->id));
  create("orders");
  EXPECT_EQ(broker().ask<ProduceResponse>(13, request).topics[0].partitions[0].error_code,
            ErrorCode::kUnknownTopicId);
}

TEST_F(ProduceRules, Rule18_OneBatchForAPartition) {
  Bytes two = make_batch();
  const Bytes one = two;
  two.insert(two.end(), one.begin(), one.end());
  EXPECT_EQ(broker().produce("orders", two).error_code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(broker().produce("orders", {}).error_code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(store.submitted(), 0);
}

TEST_F(ProduceRules, Rule18_MagicTwoOnly) {
  Bytes batch = make_batch();
  batch[16] = std::byte{1};
  EXPECT_EQ(broker().produce("orders", batch).error_code, ErrorCode::kInvalidRecord);
}

TEST_F(ProduceRules, Rule18_ZstdNeedsVersionSeven) {
  const Bytes batch = make_batch({.options = {.codec = Codec::kZstd}});
  EXPECT_EQ(broker().produce("orders", batch, 6).error_code,
            ErrorCode::kUnsupportedCompressionType);
  EXPECT_EQ(broker().produce("orders", batch, 7).error_code, ErrorCode::kNone);
}

TEST_F(ProduceRules, Rule19_HeaderLiesAreRefused) {
  struct Case {
    const char* name;
    std::size_t at;
    std::byte value;
    ErrorCode error;
  };
  for (const Case& c :
       {Case{"base offset 1", 7, std::byte{1}, ErrorCode::kInvalidRecord},
        Case{"control bit", 22, std::byte{0x20}, ErrorCode::kInvalidRecord},
        Case{"count 3 of 1", 60, std::byte{3}, ErrorCode::kInvalidRecord},
        Case{"codec 7", 22, std::byte{7}, ErrorCode::kUnsupportedCompressionType}}) {
    SCOPED_TRACE(c.name);
    Bytes batch = make_batch();
    batch[c.at] = c.value;
    reseal(batch);
    EXPECT_EQ(broker().produce("orders", batch).error_code, c.error);
  }
}

TEST_F(ProduceRules, AWrongChecksumIsCorrupt) {
  Bytes batch = make_batch();
  batch.back() ^= std::byte{1};
  EXPECT_EQ(broker().produce("orders", batch).error_code, ErrorCode::kCorruptMessage);
}

TEST_F(ProduceRules, Rule20_RecordsOfACompactedTopicHaveAKey) {
  create("compacted", {{"cleanup.policy", "compact"}});
  BatchBuilder builder;
  for (const bool keyed : {true, false, true, false}) {
    ASSERT_TRUE(builder
                    .add({.key = keyed ? std::optional(as_bytes("k")) : std::nullopt,
                          .value = as_bytes("v"),
                          .headers = {},
                          .timestamp_ms = -1})
                    .has_value());
  }
  const Bytes batch = builder.finish().value();
  const auto refused = broker().produce("compacted", batch);
  EXPECT_EQ(refused.error_code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(refused.base_offset, -1);
  ASSERT_EQ(refused.record_errors.size(), 2u);
  EXPECT_EQ(refused.record_errors[0].batch_index, 1);
  EXPECT_EQ(refused.record_errors[1].batch_index, 3);
  EXPECT_EQ(store.submitted(), 0);
  EXPECT_EQ(broker().produce("orders", batch).error_code, ErrorCode::kNone);
}

TEST_F(ProduceRules, Rule21_TheLimitIsOnTheBatchAsSent) {
  create("small", {{"max.message.bytes", "200"}});
  const std::string zeros(10'000, '0');
  EXPECT_EQ(broker().produce("small", make_batch({.values = {zeros}})).error_code,
            ErrorCode::kMessageTooLarge);
  EXPECT_EQ(
      broker()
          .produce("small", make_batch({.values = {zeros}, .options = {.codec = Codec::kLz4}}))
          .error_code,
      ErrorCode::kNone);
}

TEST_F(ProduceRules, Rule22_TimestampsOutOfRangeAreRefused) {
  const std::int64_t now_ms = env.wall_us() / 1000;
  const auto far = broker().produce(
      "orders", make_batch({.values = {"a", "b"}, .timestamp_ms = now_ms + 7'200'000}));
  EXPECT_EQ(far.error_code, ErrorCode::kInvalidTimestamp);
  EXPECT_EQ(far.record_errors.size(), 2U);
  EXPECT_EQ(broker()
                .produce("orders", make_batch({.timestamp_ms = std::int64_t{253'402'300'800'000}}))
                .error_code,
            ErrorCode::kInvalidTimestamp);
}

TEST_F(ProduceRules, Rule22_ProducersDoNotSetLogAppendTime) {
  Bytes batch = make_batch();
  batch[22] = std::byte{8};
  reseal(batch);
  EXPECT_EQ(broker().produce("orders", batch).error_code, ErrorCode::kInvalidTimestamp);
}

TEST_F(ProduceRules, Rule22_LogAppendTimeTopicsRewriteTheTime) {
  create("timed", {{"message.timestamp.type", "LogAppendTime"}});
  const std::int64_t now_ms = env.wall_us() / 1000;
  EXPECT_EQ(broker().produce("timed", make_batch({.timestamp_ms = 5})).log_append_time_ms, now_ms);
  const auto fetched = broker().fetch("timed", {});
  const ByteView stored = fetched.records.pieces.at(0);
  EXPECT_TRUE(batch_crc_matches(stored));
  EXPECT_TRUE(parse_batch_header(stored)->log_append_time());
  EXPECT_EQ(parse_batch_header(stored)->max_timestamp_ms, now_ms);
}

TEST_F(ProduceRules, Rule23_AnUnsetMaxTimestampIsRecomputed) {
  Bytes batch = make_batch({.timestamp_ms = 4242});
  store_be<std::int64_t>(batch.data() + 35, -1);
  reseal(batch);
  EXPECT_EQ(broker().produce("orders", batch).error_code, ErrorCode::kNone);
  const auto fetched = broker().fetch("orders", {});
  EXPECT_TRUE(batch_crc_matches(fetched.records.pieces.at(0)));
  EXPECT_EQ(parse_batch_header(fetched.records.pieces.at(0))->max_timestamp_ms, 4242);
}

TEST_F(ProduceRules, Rule29_InternalTopicsAreNotForClients) {
  create("__stele_state");
  const Bytes batch = make_batch();
  const ProduceRequest request = BrokerHarness::produce_request("__stele_state", batch);
  const auto refused = broker().ask<ProduceResponse>(9, request);
  EXPECT_EQ(refused.topics[0].partitions[0].error_code, ErrorCode::kInvalidTopicException);
  const auto admin = broker().ask<ProduceResponse>(9, request, "__admin_client");
  EXPECT_EQ(admin.topics[0].partitions[0].error_code, ErrorCode::kNone);
}

TEST_F(ProduceRules, TransactionsAreRefusedNotIgnored) {
  const Bytes plain = make_batch();
  ProduceRequest request = BrokerHarness::produce_request("orders", plain);
  request.transactional_id = "tx";
  EXPECT_EQ(broker().ask<ProduceResponse>(9, request).topics[0].partitions[0].error_code,
            ErrorCode::kTransactionalIdAuthorizationFailed);
  const Bytes batch = make_batch(
      {.options = {
           .producer_id = 1, .producer_epoch = 0, .base_sequence = 0, .transactional = true}});
  EXPECT_EQ(broker().produce("orders", batch).error_code,
            ErrorCode::kTransactionalIdAuthorizationFailed);
  EXPECT_EQ(store.submitted(), 0);
}

TEST_F(ProduceRules, Rule74_StoreErrorsAreOnesThatClientsCanActOn) {
  struct Case {
    Code code;
    ErrorCode error;
  };
  for (const Case& c : {Case{Code::kNoSpace, ErrorCode::kKafkaStorageError},
                        Case{Code::kIo, ErrorCode::kKafkaStorageError},
                        Case{Code::kClosed, ErrorCode::kKafkaStorageError},
                        Case{Code::kOverloaded, ErrorCode::kKafkaStorageError},
                        Case{Code::kOutcomeUnknown, ErrorCode::kRequestTimedOut},
                        Case{Code::kOutOfSequence, ErrorCode::kOutOfOrderSequenceNumber},
                        Case{Code::kFenced, ErrorCode::kInvalidProducerEpoch}}) {
    store.fail_appends(c.code);
    EXPECT_EQ(broker().produce("orders", make_batch()).error_code, c.error);
  }
  for (int code = 0; code <= static_cast<int>(Code::kTombstoned); ++code) {
    for (const AnswerTo request : {AnswerTo::kProduce, AnswerTo::kFetch, AnswerTo::kAdmin}) {
      EXPECT_GT(static_cast<int>(error_code(static_cast<Code>(code), request)), 0);
    }
  }
}

TEST_F(ProduceRules, TheRequestsTimeoutIsKept) {
  store.hold(true);
  const Bytes batch = make_batch();
  ProduceRequest request = BrokerHarness::produce_request("orders", batch);
  request.timeout_ms = 100;
  const Sent sent = broker().send(9, request);
  broker().pass(std::chrono::milliseconds(99));
  EXPECT_FALSE(sent.answered());
  broker().pass(std::chrono::milliseconds(2));
  EXPECT_EQ(broker().decode<ProduceResponse>(sent).topics[0].partitions[0].error_code,
            ErrorCode::kRequestTimedOut);
  store.hold(false);
  broker().settle();  // the late answer finds nobody
  EXPECT_EQ(broker().broker.appending_bytes, 0U);
}

TEST_F(ProduceRules, BeyondTheByteLimitConnectionsHaveOneProduceEach) {
  BrokerOptions options;
  options.appending_bytes_max = 100;
  with(std::move(options));
  store.hold(true);
  const Bytes batch = make_batch();
  EXPECT_EQ(broker().send(9, BrokerHarness::produce_request("orders", batch)).next,
            RequestHandler::Next::kGoOn);
  EXPECT_EQ(broker().send(9, BrokerHarness::produce_request("orders", batch)).next,
            RequestHandler::Next::kWait);
}

}  // namespace
}  // namespace stele::kafka::test
