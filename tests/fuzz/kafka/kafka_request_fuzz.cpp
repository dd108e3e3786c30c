// A request frame as it comes off a socket, without its size: header, then the body of the API it
// names.
#include "tests/fuzz/kafka/recode.h"
#include "tests/server/kafka/wire/every_message.h"

namespace stele::kafka {
namespace {

void take_frame(ByteView frame) {
  const auto request = read_request_header(frame);
  if (!request) return;
  const std::int16_t version = request->header.api_version;
  EveryApiMessage::each([&]<class M> {
    // Also reads the body as this API's response, which costs nothing.
    if (M::kApi == request->api->key) recode<M>(version, request->body);
  });
}

}  // namespace
}  // namespace stele::kafka

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::kafka::take_frame(std::as_bytes(std::span(data, size)));
  return 0;
}
