// The methods of stele.v1.EventStore and stele.v1.Admin: which call serves which, and what the
// short ones do.
//
// Thread: made on the loop's; handlers run on the poller's.
#pragma once

#include <deque>
#include <memory>

#include <grpcpp/server_builder.h>

#include "server/grpc/append_stream_call.h"
#include "server/grpc/call_world.h"
#include "server/grpc/read_call.h"
#include "server/grpc/unary_call.h"

namespace stele::rpc {

class Methods {
public:
  Methods();
  ~Methods();

  void add_to(::grpc::ServerBuilder& builder);
  /// Waits for calls of every method. World and methods outlive them.
  void expect_calls(CallWorld& world);

private:
  struct Services;
  /// `calls`: how many wait at a time.
  void expect(CallWorld& world, int calls, UnaryMethod method);

  std::unique_ptr<Services> services_;
  std::deque<UnaryMethod> unary_;
  StreamedMethod read_;
  StreamedMethod subscribe_;
  AppendStreamMethod append_stream_;
};

}  // namespace stele::rpc
