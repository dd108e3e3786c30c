#include <iostream>

#include "tests/compat/kafka-wire/wire_peer.h"
#include "tests/server/kafka/wire/every_message.h"
#include "tests/server/kafka/wire/hex.h"
#include "tests/server/kafka/wire/random_message.h"

namespace stele::kafka {

int emit_messages(std::uint64_t seed, int count) {
  RandomMessages random(seed);
  int failures = 0;
  for_each_message_version([&]<class M>(std::int16_t version) {
    for (int i = 0; i < count; ++i) {
      Writer out;
      const auto written = write(out, version, random.make<M>(version));
      if (!written) {
        std::cerr << written.error().text() << '\n';
        ++failures;
        continue;
      }
      const Bytes bytes = std::move(out).bare().flat();
      // "-" stands for no bytes: a line is always three words.
      const std::string hex = bytes.empty() ? "-" : to_hex(bytes);
      std::cout << M::kMessage.name << ' ' << version << ' ' << hex << '\n';
    }
  });
  return failures == 0 ? 0 : 1;
}

}  // namespace stele::kafka
