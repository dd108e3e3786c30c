// Requests of proto/stele/v1 as the store understands them, but for appends (decode_append.h). What
// is malformed is refused with kInvalid and the path of the field: unset oneofs, unknown enum
// values, numbers beyond 2^63 - 1. Thread: any.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string_view>

#include <stele/v1/admin.pb.h>
#include <stele/v1/event_store.pb.h>
#include "log/event_store/event_store.h"
#include "server/grpc/refusals.h"

namespace stele::rpc {

/// Parses `from` into `into`, whose memory is used again. False: it is not such a message (cut off,
/// nested over 100 deep, a string that is not UTF-8).
[[nodiscard]] bool parse(::grpc::ByteBuffer& from, google::protobuf::MessageLite& into);
/// What is said of a message that parse() refused.
[[nodiscard]] Fault malformed();

/// `index`: of the condition, for the path.
[[nodiscard]] Decoded<log::AppendCondition> decode_condition(const v1::AppendCondition& from,
                                                             int index);

/// `events_max` and `bytes_max` of what is returned are not set.
[[nodiscard]] Decoded<log::ReadRequest> decode_read(const v1::ReadRequest& request);
[[nodiscard]] Decoded<log::ReadRequest> decode_subscribe(const v1::SubscribeRequest& request);

[[nodiscard]] Decoded<log::StreamName> decode_stream(const std::string& topic,
                                                     const std::string& stream);
[[nodiscard]] Decoded<log::StreamRules> decode_limits(const v1::StreamLimits& limits);
[[nodiscard]] Decoded<log::ExpectedVersion> decode_expected(const v1::ExpectedVersion& expected,
                                                            std::string_view path);
[[nodiscard]] Decoded<log::TopicSpec> decode_topic(const v1::CreateTopicRequest& request);

}  // namespace stele::rpc
