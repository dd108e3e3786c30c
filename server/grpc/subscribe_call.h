// Subscribe: what log/event_store/subscription.h tells, as messages.
//
//   kReading ──news──► kWriting ──all written──► kReading … ──nothing new──► kWaiting
//                                                   ▲                            │ the store's end
//                                                   moved └────────────────────────────┘
//
// Invariants: what one poll told is written before the next, so that a slow client costs one page
// of memory; one message is under way at a time. Threads: the poller's, the pool's and the loop's;
// state under mutex_.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "log/event_store/subscription.h"
#include "server/grpc/call_world.h"
#include "server/grpc/read_call.h"
#include "server/grpc/refusals.h"

namespace stele::rpc {

class SubscribeCall : public LongCall, public std::enable_shared_from_this<SubscribeCall> {
public:
  SubscribeCall(CallWorld& world, const StreamedMethod& method)
      : world_(world), method_(method), writer_(&context_) {}
  ~SubscribeCall() override;

  /// Waits for the next subscription. World and method outlive the call.
  static void expect(CallWorld& world, const StreamedMethod& method);
  void drain() override;
  void advanced() override;

private:
  enum class State : std::uint8_t { kReading, kWriting, kWaiting, kEnded };

  void arrived(bool ok);
  void gone(bool /*ok*/);
  void written(bool ok);
  void finished(bool /*ok*/) {}
  Decoded<void> begin();
  void read_on();
  Result<void> poll();
  void tell(std::uint32_t field, Position next);
  void write_next();
  void submit_read();
  /// Ends at once, or when what is under way has ended.
  void end(::grpc::Status status);

  CallWorld& world_;
  const StreamedMethod& method_;
  ::grpc::ServerContext context_;
  ::grpc::ByteBuffer request_;
  StreamedMethod::Writer writer_;

  // Whose turn it is: the reader's in kReading, the poller's in kWriting.
  log::ReadRequest asked_;
  std::optional<log::Subscription> subscription_;  ///< none: not opened yet
  std::deque<::grpc::ByteBuffer> messages_;        ///< of one poll, to be written one by one
  std::size_t message_bytes_expected_ = 0;

  std::mutex mutex_;
  State state_ = State::kReading;
  bool more_ = false;  ///< the store's end has moved since the page under way was begun
  std::optional<::grpc::Status> end_status_{};

  Op<SubscribeCall> arrived_{&SubscribeCall::arrived};
  Op<SubscribeCall> gone_{&SubscribeCall::gone};
  Op<SubscribeCall> write_{&SubscribeCall::written};
  Op<SubscribeCall> finish_{&SubscribeCall::finished};
};

}  // namespace stele::rpc
