// Any message in any version: the first byte picks the message, the second the version, the rest is
// its bytes.
#include "tests/fuzz/kafka/recode.h"
#include "tests/server/kafka/wire/every_message.h"

namespace stele::kafka {
namespace {

void take(ByteView input) {
  if (input.size() < 2) return;
  const auto wanted = static_cast<std::size_t>(input[0]);
  const auto step = static_cast<int>(input[1]);
  std::size_t place = 0;
  for_each_message([&]<class M> {
    if (place++ != wanted) return;
    recode<M>(static_cast<std::int16_t>(M::kMessage.versions.first + step), input.subspan(2));
  });
}

}  // namespace
}  // namespace stele::kafka

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::kafka::take(std::as_bytes(std::span(data, size)));
  return 0;
}
