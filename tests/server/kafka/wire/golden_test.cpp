// Bytes worked out by hand from the protocol guide: they hold even if reader and writer err
// together.
#include <gtest/gtest.h>

#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"

namespace stele::kafka {
namespace {

constexpr std::string_view kTopicId = "00112233445566778899aabbccddeeff";
Uuid topic_id() {
  return Uuid::load(from_hex(kTopicId).data());
}

std::string one_line(std::string_view hex) {
  return to_hex(from_hex(hex));
}

template <class M>
std::string written(std::int16_t version, const M& message) {
  Writer out;
  const auto done = write(out, version, message);
  EXPECT_TRUE(done) << done.error().text();
  return to_hex(std::move(out).bare().flat());
}

/// The bytes are what the message is written as, and what is read from them is written as them
/// again.
template <class M>
void expect_bytes(std::int16_t version, const M& message, std::string_view hex) {
  EXPECT_EQ(written(version, message), one_line(hex));
  const Bytes bytes = from_hex(hex);
  const auto again = read<M>(version, bytes);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(written(version, *again), one_line(hex));
}

TEST(GoldenBytes, ProduceRequestBeforeFlexibleVersions) {
  const Bytes records = from_hex("aabbcc");
  ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
  request.topics.push_back(
      {.name = "orders", .partitions = {{.index = 7, .records = ByteView(records)}}});
  expect_bytes(3, request,
               "ffff ffff 00007530 "                // no transactional id, acks, timeout
               "00000001 0006 6f7264657273 "        // one topic, "orders"
               "00000001 00000007 00000003 aabbcc"  // one partition, 7, three bytes
  );
}

TEST(GoldenBytes, ProduceRequestWithTopicId) {
  const Bytes records = from_hex("aabbcc");
  ProduceRequest request{.transactional_id = "tx", .acks = 1, .timeout_ms = 1};
  request.topics.push_back({.name = "not sent",
                            .topic_id = topic_id(),
                            .partitions = {{.index = 7, .records = ByteView(records)}}});
  expect_bytes(13, request,
               "03 7478 0001 00000001 "                // "tx", acks, timeout
               "02 00112233445566778899aabbccddeeff "  // one topic by id
               "02 00000007 04 aabbcc 00 00 00"  // one partition; no tags in the three structs
  );
}

TEST(GoldenBytes, ProduceResponseWithRecordErrorAndLeader) {
  ProduceResponse response{.throttle_time_ms = 5};
  response.topics.push_back({.name = "t"});
  response.topics[0].partitions.push_back({.index = 1,
                                           .error_code = ErrorCode::kInvalidRecord,
                                           .base_offset = -1,
                                           .record_errors = {{.batch_index = 2, .message = "no"}},
                                           .error_message = std::nullopt,
                                           .current_leader = {.leader_id = 3, .leader_epoch = 4}});
  expect_bytes(10, response,
               "02 02 74 02 00000001 0057 ffffffffffffffff "  // topic, partition, error 87, offset
               "ffffffffffffffff ffffffffffffffff "           // append time, log start
               "02 00000002 03 6e6f 00 00 "                   // one record error; no message
               "01 00 09 00000003 00000004 00 "               // tag 0, 9 bytes: leader, epoch
               "00 00000005 00"                               // topic's tags, throttle, tags
  );
}

TEST(GoldenBytes, FetchResponse) {
  const Bytes records = from_hex("0102");
  FetchResponse response{.session_id = 0x01020304};
  response.topics.push_back({.name = "t", .topic_id = topic_id()});
  response.topics[0].partitions.push_back({.partition = 1,
                                           .high_watermark = 9,
                                           .last_stable_offset = 8,
                                           .log_start_offset = 2,
                                           .aborted_transactions = std::nullopt,
                                           .records = {.pieces = {records}}});
  expect_bytes(4, response,
               "00000000 00000001 0001 74 00000001 00000001 0000 "
               "0000000000000009 0000000000000008 ffffffff 00000002 0102");
  expect_bytes(13, response,
               "00000000 0000 01020304 02 00112233445566778899aabbccddeeff 02 00000001 0000 "
               "0000000000000009 0000000000000008 0000000000000002 00 ffffffff 03 0102 00 00 00");
}

TEST(GoldenBytes, MetadataRequestTellsAllFromNone) {
  expect_bytes(0, MetadataRequest{}, "00000000");
  MetadataRequest all{.topics = std::nullopt};
  expect_bytes(1, all, "ffffffff");
  expect_bytes(1, MetadataRequest{}, "00000000");
  expect_bytes(12, all, "00 01 00 00");
  MetadataRequest by_id;
  by_id.topics->push_back({.topic_id = topic_id(), .name = std::nullopt});
  expect_bytes(12, by_id, "02 00112233445566778899aabbccddeeff 00 00 01 00 00");
}

TEST(GoldenBytes, ApiVersionsResponseWithFeatures) {
  ApiVersionsResponse response{.api_keys = {{.api_key = 18, .min_version = 0, .max_version = 4}}};
  expect_bytes(0, response, "0000 00000001 0012 0000 0004");
  expect_bytes(3, response, "0000 02 0012 0000 0004 00 00000000 00");
  response.finalized_features_epoch = 1;
  response.supported_features = {{.name = "f", .min_version = 1, .max_version = 2}};
  expect_bytes(3, response,
               "0000 02 0012 0000 0004 00 00000000 02 "
               "00 08 02 02 66 0001 0002 00 "  // tag 0, 8 bytes: one feature
               "01 08 0000000000000001"        // tag 1, 8 bytes: the epoch
  );
}

TEST(GoldenBytes, RequestHeaders) {
  const RequestHeader header{
      .api_key = 18, .api_version = 3, .correlation_id = 1, .client_id = "rdkafka"};
  expect_bytes(0, header, "0012 0003 00000001");
  expect_bytes(1, header, "0012 0003 00000001 0007 72646b61666b61");
  expect_bytes(2, header, "0012 0003 00000001 0007 72646b61666b61 00");
  expect_bytes(1, RequestHeader{.client_id = std::nullopt}, "0000 0000 00000000 ffff");
}

TEST(GoldenBytes, WholeRequestFrameAsLibrdkafkaSendsIt) {
  const RequestHeader header{
      .api_key = 18, .api_version = 3, .correlation_id = 1, .client_id = "rdkafka"};
  const auto frame = request_frame(header, ApiVersionsRequest{"librdkafka", "2.0.2"});
  ASSERT_TRUE(frame);
  EXPECT_EQ(to_hex(frame->flat()), one_line("00000024 0012 0003 00000001 0007 72646b61666b61 00 "
                                            "0b 6c696272646b61666b61 06 322e302e32 00"));
}

TEST(GoldenBytes, ResponseFramesHaveTheHeaderOfTheirVersion) {
  struct Case {
    std::int16_t version;
    std::string_view hex;
  };
  const InitProducerIdResponse response{.producer_id = 5, .producer_epoch = 1};
  for (const Case& c : {Case{1, "00000014 00000007 00000000 0000 0000000000000005 0001"},
                        Case{2, "00000016 00000007 00 00000000 0000 0000000000000005 0001 00"}}) {
    const auto frame = response_frame(7, c.version, response);
    ASSERT_TRUE(frame);
    EXPECT_EQ(to_hex(frame->flat()), one_line(c.hex));
  }
}

TEST(GoldenBytes, ApiVersionsAnswerAlwaysHasTheOldHeader) {
  const auto frame = response_frame(7, 3, ApiVersionsResponse{});
  ASSERT_TRUE(frame);
  EXPECT_EQ(to_hex(frame->flat()), one_line("0000000c 00000007 0000 01 00000000 00"));
}

}  // namespace
}  // namespace stele::kafka
