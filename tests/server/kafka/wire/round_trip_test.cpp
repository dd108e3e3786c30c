// Random messages, every version: what was written is read and written as the same bytes.
#include <gtest/gtest.h>

#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_bytes.h"

namespace stele::kafka {
namespace {

/// What becomes of the bytes once read and written again. Compiled for each message: the test's loop is not.
template <class M>
Result<Bytes> there_and_back(std::int16_t version, const Bytes& bytes) {
  STELE_TRY(const M message, read<M>(version, bytes));
  Writer again;
  STELE_DO(write(again, version, message));
  return std::move(again).bare().flat();
}

void expect_round_trips(RandomMessages& random, const Message& message,
                        Result<Bytes> (*round)(std::int16_t, const Bytes&)) {
  for (std::int16_t version = message.versions.first; version <= message.versions.last; ++version) {
    for (int i = 0; i < 50; ++i) {
      const Bytes bytes = random_bytes(random, message.name, version);
      const auto again = round(version, bytes);
      ASSERT_TRUE(again) << again.error().text();
      ASSERT_EQ(to_hex(*again), to_hex(bytes)) << message.name << " v" << version;
    }
  }
}

TEST(RoundTrip, EveryMessageComesBackAsItWent) {
  RandomMessages random(2);
  for_each_message([&]<class M> { expect_round_trips(random, M::kMessage, &there_and_back<M>); });
}

}  // namespace
}  // namespace stele::kafka
