// Appends, straight from their bytes to what the store takes: they are many, and each object of the
// generated classes would cost its memory and a copy. What is said here of a message, the generated
// classes say too (a test compares them).
// Thread: any.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string_view>
#include <vector>

#include "log/event_store/event_store.h"
#include "server/grpc/refusals.h"

namespace stele::rpc {

struct DecodedAppend {
  log::EventAppend append;
  bool wants_ids = false;  ///< the store makes ids for some of the events
};

/// A stele.v1.AppendRequest. kInvalid with the field's path, or as malformed().
[[nodiscard]] Decoded<DecodedAppend> decode_append(std::string_view request);

/// A stele.v1.PipelinedAppend: a fault is that append's alone.
struct PipelinedAppend {
  std::uint64_t correlation_id = 0;
  Decoded<DecodedAppend> append;
};
/// A stele.v1.AppendStreamRequest. As malformed(); kTooLarge: over `count_max` appends.
[[nodiscard]] Decoded<std::vector<PipelinedAppend>> decode_appends(std::string_view request,
                                                                   std::size_t count_max);

/// A message's bytes in one piece.
class WholeMessage {
public:
  explicit WholeMessage(const ::grpc::ByteBuffer& message);
  [[nodiscard]] std::string_view view() const {
    return {reinterpret_cast<const char*>(slice_.begin()), slice_.size()};
  }

private:
  ::grpc::Slice slice_;
};

}  // namespace stele::rpc
