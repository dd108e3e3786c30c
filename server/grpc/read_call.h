// Read: pages from the log, each one message, until the end.
//
//   reader thread: page n+1 ─► encoded ─► waits ┐
//   gRPC:          page n on its way to the client ─► written ─► page n+1, and the next is read
//
// Invariants: one page is being written and one is waiting at most, so that a slow client holds the
// read back, not the memory.
// Threads: the poller's and the pool's; state under mutex_.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <stele/v1/event_store.pb.h>
#include "server/grpc/call_world.h"
#include "server/grpc/refusals.h"

namespace stele::rpc {

struct StreamedMethod {
  using Writer = ::grpc::ServerAsyncWriter<::grpc::ByteBuffer>;
  std::function<void(::grpc::ServerContext*, ::grpc::ByteBuffer* request, Writer*, void* tag)>
      request;
};

class ReadCall : public LongCall, public std::enable_shared_from_this<ReadCall> {
public:
  ReadCall(CallWorld& world, const StreamedMethod& method)
      : world_(world), method_(method), writer_(&context_) {}
  ~ReadCall() override;

  /// Waits for the next read. World and method outlive the call.
  static void expect(CallWorld& world, const StreamedMethod& method);
  /// A read ends by itself, or with the server's deadline.
  void drain() override {}

private:
  struct Page {
    ::grpc::ByteBuffer message;
    bool last = false;                           ///< the read ends with it
    std::optional<::grpc::Status> failure = {};  ///< ends the read, without a message
  };

  void arrived(bool ok);
  void written(bool ok);
  Decoded<void> begin();
  void read_on();
  Result<Page> next_page();
  void send(Page page);
  void write(const Page& page);

  CallWorld& world_;
  const StreamedMethod& method_;
  ::grpc::ServerContext context_;
  ::grpc::ByteBuffer request_;
  StreamedMethod::Writer writer_;

  // The reader's, who is one at a time.
  log::ReadRequest asked_;
  std::unique_ptr<log::EventCursor> cursor_;  ///< null: not opened yet
  std::optional<std::uint64_t> events_left_;  ///< none: no limit
  std::size_t message_bytes_expected_ = 0;

  std::mutex mutex_;
  bool writing_ = false;
  bool broken_ = false;          ///< the client has gone
  std::optional<Page> waiting_;  ///< read while another one is being written

  Op<ReadCall> arrived_{&ReadCall::arrived};
  Op<ReadCall> write_{&ReadCall::written};
};

}  // namespace stele::rpc
