// Random messages, every version: what was written is read and written as the same bytes.
#include <gtest/gtest.h>

#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_bytes.h"

namespace stele::kafka {
namespace {

TEST(RoundTrip, EveryMessageComesBackAsItWent) {
  RandomMessages random(2);
  for_each_message_version([&]<class M>(std::int16_t version) {
    for (int i = 0; i < 50; ++i) {
      const Bytes bytes = random_bytes(random, M::kMessage.name, version);
      const auto message = read<M>(version, bytes);
      ASSERT_TRUE(message) << message.error().text();
      Writer again;
      ASSERT_TRUE(write(again, version, *message));
      ASSERT_EQ(to_hex(std::move(again).bare().flat()), to_hex(bytes))
          << M::kMessage.name << " v" << version;
    }
  });
}

}  // namespace
}  // namespace stele::kafka
