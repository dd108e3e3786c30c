#include <iostream>

#include "tests/compat/kafka-wire/wire_peer.h"
#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_bytes.h"

namespace stele::kafka {

void emit_messages(std::uint64_t seed, int count) {
  RandomMessages random(seed);
  for_each_message_version([&]<class M>(std::int16_t version) {
    for (int i = 0; i < count; ++i) {
      const Bytes bytes = random_bytes(random, M::kMessage.name, version);
      // "-" stands for no bytes: a line is always three words.
      const std::string hex = bytes.empty() ? "-" : to_hex(bytes);
      std::cout << M::kMessage.name << ' ' << version << ' ' << hex << '\n';
    }
  });
}

}  // namespace stele::kafka
