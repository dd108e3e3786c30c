#include "tests/server/kafka/wire/random_bytes.h"

#include "log/base/check.h"
#include "tests/server/kafka/wire/every_message.h"

namespace stele::kafka {

Bytes random_bytes(RandomMessages& random, std::string_view message, std::int16_t version) {
  Bytes bytes;
  bool known = false;
  for_each_message([&]<class M> {
    if (M::kMessage.name != message) return;
    known = true;
    Writer out;
    STELE_CHECK(write(out, version, random.make<M>(version)).has_value());
    bytes = std::move(out).bare().flat();
  });
  STELE_CHECK(known);
  return bytes;
}

}  // namespace stele::kafka
