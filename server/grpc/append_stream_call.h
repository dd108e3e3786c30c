// AppendStream: appends that come one behind the other, answered in their order.
//
//   messages ─► [ slot | slot | slot | … ]   in the order of the appends
//                 ^ answered ones at the front go into ready_ ─► one message for all of a turn
//
// Invariants: at most one read and one write are under way; what is not yet written counts against
// the limits, and at a limit nothing more is read, so that gRPC's flow control holds the client
// back. A refused append is an answer like any other. Threads: the poller's and the loop's; state
// under mutex_, which is not held into gRPC or the store.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/grpc/call_world.h"
#include "server/grpc/decode_append.h"
#include "server/grpc/refusals.h"
#include "server/grpc/wire_writer.h"

namespace stele::rpc {

struct AppendStreamMethod {
  using Stream = ::grpc::ServerAsyncReaderWriter<::grpc::ByteBuffer, ::grpc::ByteBuffer>;
  std::function<void(::grpc::ServerContext*, Stream*, void* tag)> request;
};

class AppendStreamCall : public Flushable,
                         public LongCall,
                         public std::enable_shared_from_this<AppendStreamCall> {
public:
  AppendStreamCall(CallWorld& world, const AppendStreamMethod& method)
      : world_(world), method_(method), stream_(&context_) {}
  ~AppendStreamCall() override;

  /// Waits for the next stream. World and method outlive the call.
  static void expect(CallWorld& world, const AppendStreamMethod& method);

  void flush() override;
  void drain() override;

private:
  struct Slot {
    std::uint64_t correlation_id = 0;
    std::size_t bytes = 0;  ///< of the request, about
    bool answered = false;
    std::string answer;  ///< encoded; of one that waits for those before it
  };

  void arrived(bool ok);
  void read_done(bool ok);
  void write_done(bool ok);
  void finished(bool /*ok*/) {}
  void take_message(std::size_t bytes);
  void submit(PipelinedAppend& append, std::size_t bytes);
  void answered(std::uint64_t number, log::EventAppendResult result, bool with_ids);
  void refused_at(std::uint64_t number, const Fault& fault);
  /// `write` writes the answer's fields behind its correlation id.
  template <class Write>
  void answer(std::uint64_t number, const Write& write);
  void take_ready_slots();
  [[nodiscard]] bool has_room() const;
  void read_or_end();
  /// Starts what is due: a write, a read, the end.
  void go_on();
  void end_with(::grpc::Status status);

  CallWorld& world_;
  const AppendStreamMethod& method_;
  ::grpc::ServerContext context_;
  AppendStreamMethod::Stream stream_;
  ::grpc::ByteBuffer message_;  ///< being read

  std::mutex mutex_;
  std::deque<Slot> slots_;
  std::uint64_t first_number_ = 0;  ///< of slots_.front(), counted from the stream's first append
  WireWriter ready_;                ///< answers to send, an AppendStreamResponse
  std::size_t ready_count_ = 0, ready_bytes_ = 0;      ///< in ready_: answers, and their requests
  std::size_t writing_count_ = 0, writing_bytes_ = 0;  ///< the same of the write under way
  std::size_t slot_bytes_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool flush_asked_ = false;
  bool broken_ = false;                         ///< the client has gone
  bool ended_ = false;                          ///< Finish was called
  std::optional<::grpc::Status> end_status_{};  ///< nothing more is read; ends once all is answered

  Op<AppendStreamCall> arrived_{&AppendStreamCall::arrived};
  Op<AppendStreamCall> read_{&AppendStreamCall::read_done};
  Op<AppendStreamCall> write_{&AppendStreamCall::write_done};
  Op<AppendStreamCall> finish_{&AppendStreamCall::finished};
};

}  // namespace stele::rpc
