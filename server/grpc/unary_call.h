// One request, one answer. A UnaryMethod posts calls to gRPC; each that arrives is given to the
// method's handler on the poller's thread, and answered then or later, on any thread.
//
//   waiting ─► arrived ─► handler … finish() or fail() ─► sent ─► gone
//
// Thread: the poller's, but for finish() and fail(), which one thread calls once.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>

#include "server/grpc/call_queue.h"
#include "server/grpc/refusals.h"
#include "server/grpc/wire_writer.h"

namespace stele::rpc {

class UnaryCall;

struct UnaryMethod {
  using Answer = ::grpc::ServerAsyncResponseWriter<::grpc::ByteBuffer>;
  std::function<void(::grpc::ServerContext*, ::grpc::ByteBuffer* request, Answer*, void* tag)>
      request;
  std::function<void(std::shared_ptr<UnaryCall>)> handle;
};

class UnaryCall : public std::enable_shared_from_this<UnaryCall> {
public:
  UnaryCall(CallQueue& queue, const UnaryMethod& method)
      : queue_(queue), method_(method), answer_(&context_) {}

  /// Waits for the next request. Queue and method outlive the call.
  static void expect(CallQueue& queue, const UnaryMethod& method);

  [[nodiscard]] ::grpc::ByteBuffer& request() { return request_; }
  /// Answers with what was written; the writer is empty then.
  void finish(WireWriter& answer);
  void finish(const google::protobuf::MessageLite& answer);
  void fail(const ::grpc::Status& status);
  void fail(const Fault& fault) { fail(refused(fault)); }

private:
  void arrived(bool ok);
  void finished(bool /*ok*/) {}
  void finish(const ::grpc::ByteBuffer& answer);

  CallQueue& queue_;
  const UnaryMethod& method_;
  ::grpc::ServerContext context_;
  ::grpc::ByteBuffer request_;
  UnaryMethod::Answer answer_;
  Op<UnaryCall> arrived_{&UnaryCall::arrived};
  Op<UnaryCall> finished_{&UnaryCall::finished};
};

/// A message of the generated classes as bytes.
[[nodiscard]] ::grpc::ByteBuffer encoded(const google::protobuf::MessageLite& message);

}  // namespace stele::rpc
