#include "projections/remote/kafka_token.h"

#include <gtest/gtest.h>

namespace stele::projections {
namespace {

Checkpoint some_places() {
  return Checkpoint({{{"flights", 0}, 17}, {{"flights", 11}, INT64_MAX}, {{"weather", 3}, 0}});
}

TEST(KafkaToken, GivesBackItsCheckpoint) {
  for (const Checkpoint& checkpoint : {Checkpoint(), some_places()}) {
    const auto back = decode_kafka_token(encode_kafka_token(checkpoint));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, checkpoint);
  }
}

TEST(KafkaToken, IsTextForUrls) {
  const std::string token = encode_kafka_token(some_places());
  EXPECT_TRUE(token.starts_with("k1."));
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-_",
                                    3),
            std::string::npos);
}

TEST(KafkaToken, EveryChangedCharacterIsRefused) {
  const std::string token = encode_kafka_token(some_places());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto back = decode_kafka_token(changed);
    ASSERT_FALSE(back) << i;
    EXPECT_EQ(back.error().code, Code::kInvalid);
  }
}

TEST(KafkaToken, EveryCutAndEveryAdditionIsRefused) {
  const std::string token = encode_kafka_token(some_places());
  for (std::size_t i = 0; i < token.size(); ++i)
    EXPECT_FALSE(decode_kafka_token(token.substr(0, i))) << i;
  EXPECT_FALSE(decode_kafka_token(token + "A"));
  EXPECT_FALSE(decode_kafka_token(token + "AAAA"));
}

TEST(KafkaToken, PlacesOfAStoreAreRefused) {
  EXPECT_FALSE(decode_kafka_token(encode_kafka_token(Checkpoint::of_store(17))));
  EXPECT_FALSE(decode_kafka_token(encode_kafka_token(Checkpoint({{{"flights", 0}, -1}}))));
}

}  // namespace
}  // namespace stele::projections
