#include "server/kafka/wire/codec.h"

#include "log/base/fail.h"
#include "server/kafka/wire/walk.h"

namespace stele::kafka {

STELE_KAFKA_INSTANTIATE(RequestHeader);
STELE_KAFKA_INSTANTIATE(ResponseHeader);

Result<ReceivedRequest> read_request_header(ByteView frame) {
  ByteView peeked = frame;
  STELE_TRY(const RequestHeader start, read_prefix<RequestHeader>(0, peeked));
  const Api* api = find_api(start.api_key);
  if (api == nullptr) {
    return fail(Code::kUnsupported, "api key {} v{}", start.api_key, start.api_version);
  }
  STELE_TRY(RequestHeader header,
            read_prefix<RequestHeader>(request_header_version(*api, start.api_version), frame));
  return ReceivedRequest{header, api, frame};
}

}  // namespace stele::kafka
