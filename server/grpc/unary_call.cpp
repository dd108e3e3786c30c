#include "server/grpc/unary_call.h"

namespace stele::rpc {

void UnaryCall::expect(CallQueue& queue, const UnaryMethod& method) {
  const auto call = std::make_shared<UnaryCall>(queue, method);
  call->arrived_.start(queue, call, [&](void* tag) {
    method.request(&call->context_, &call->request_, &call->answer_, tag);
  });
}

void UnaryCall::arrived(bool ok) {
  if (!ok) return;
  expect(queue_, method_);
  method_.handle(shared_from_this());
}

void UnaryCall::finish(const ::grpc::ByteBuffer& answer) {
  finished_.start(queue_, shared_from_this(),
                  [&](void* tag) { answer_.Finish(answer, ::grpc::Status::OK, tag); });
}

void UnaryCall::finish(WireWriter& answer) {
  finish(answer.take());
}

void UnaryCall::finish(const google::protobuf::MessageLite& answer) {
  finish(encoded(answer));
}

void UnaryCall::fail(const ::grpc::Status& status) {
  finished_.start(queue_, shared_from_this(),
                  [&](void* tag) { answer_.FinishWithError(status, tag); });
}

::grpc::ByteBuffer encoded(const google::protobuf::MessageLite& message) {
  ::grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  return {&slice, 1};
}

}  // namespace stele::rpc
