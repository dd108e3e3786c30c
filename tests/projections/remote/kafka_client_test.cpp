#include "projections/remote/kafka_client.h"

#include <gtest/gtest.h>

#include "tests/projections/remote/mock_cluster.h"

namespace stele::projections {
namespace {

TEST(KafkaErrors, ToldAsWhatACallerCanDo) {
  struct Case {
    rd_kafka_resp_err_t error;
    Code code;
  };
  for (const Case& c : {
           Case{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Code::kNotFound},
           Case{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, Code::kNotFound},
           Case{RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Code::kOutOfRange},
           Case{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Code::kTooLarge},
           Case{RD_KAFKA_RESP_ERR__BAD_MSG, Code::kCorrupt},
           Case{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Code::kInvalid},
           Case{RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Code::kUnsupported},
           Case{RD_KAFKA_RESP_ERR__QUEUE_FULL, Code::kOverloaded},
           Case{RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, Code::kFenced},
           Case{RD_KAFKA_RESP_ERR__TRANSPORT, Code::kIo},
       }) {
    const Error error = kafka_error(c.error, "kafka b:9092: topic orders");
    EXPECT_EQ(error.code, c.code) << rd_kafka_err2name(c.error);
    EXPECT_EQ(error.detail,
              std::string("kafka b:9092: topic orders: ") + rd_kafka_err2str(c.error));
  }
}

TEST(KafkaErrors, SilenceBehindARecordThatWasSentIsUnknown) {
  constexpr auto kTimedOut = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
  EXPECT_EQ(delivery_failed(kTimedOut, RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED, "x").code,
            Code::kOutcomeUnknown);
  EXPECT_EQ(delivery_failed(kTimedOut, RD_KAFKA_MSG_STATUS_NOT_PERSISTED, "x").code, Code::kIo);
  EXPECT_EQ(delivery_failed(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                            RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED, "x")
                .code,
            Code::kTooLarge);
}

TEST(KafkaClient, ASettingThatIsNoneIsNamed) {
  const auto client = KafkaClient::open(RD_KAFKA_CONSUMER, {{"fetch.min.bites", "1"}});
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kInvalid);
  EXPECT_NE(client.error().detail.find("fetch.min.bites"), std::string::npos);
}

TEST(KafkaClient, BrokersThatAreNotThereAreNamed) {
  const auto client =
      KafkaClient::open(RD_KAFKA_CONSUMER, {{"bootstrap.servers", "127.0.0.1:1"}}).value();
  const auto counts = client->partition_counts({"orders"}, std::chrono::milliseconds(200));
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, Code::kIo);
  EXPECT_NE(counts.error().detail.find("127.0.0.1:1"), std::string::npos) << counts.error().detail;
}

}  // namespace
}  // namespace stele::projections
