// gRPC's completion queue with the one thread that polls it. One, because gRPC hands its sockets
// from thread to thread otherwise: an echo through two pollers takes twice as long as through one.
//
//   op.start(…) ─► gRPC ─► completion queue ─► the poller's thread ─► owner's member function(ok)
//
// An Op is a member of the call that it belongs to, and keeps the call alive while it is under way.
// Operations may be started on any thread; once close() has begun, none is.
// Threads: start() any; what was started ends on the poller's.
#pragma once

#include <grpcpp/server_builder.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "log/base/check.h"

namespace stele::rpc {

/// What a tag of the queue points to.
class QueueEvent {
public:
  QueueEvent() = default;
  QueueEvent(const QueueEvent&) = delete;
  QueueEvent& operator=(const QueueEvent&) = delete;
  virtual ~QueueEvent() = default;
  virtual void happened(bool ok) = 0;
};

class CallQueue {
public:
  explicit CallQueue(std::unique_ptr<::grpc::ServerCompletionQueue> queue);
  ~CallQueue();

  [[nodiscard]] ::grpc::ServerCompletionQueue& queue() { return *queue_; }
  void run();
  /// Starts an operation; false, and nothing is done, once close() was called.
  template <class Begin>
  bool start(const Begin& begin) {
    starting_.fetch_add(1);
    const bool open = !closed_.load();
    if (open) begin();
    starting_.fetch_sub(1);
    return open;
  }
  /// After the server's shutdown. Waits until everything that was started has ended.
  void close();

private:
  std::unique_ptr<::grpc::ServerCompletionQueue> queue_;
  std::atomic<int> starting_{0};
  std::atomic<bool> closed_{false};
  std::jthread poller_;
};

/// An operation of a call. One at a time.
template <class Owner>
class Op final : public QueueEvent {
public:
  explicit Op(void (Owner::*then)(bool ok)) : then_(then) {}

  /// `begin` gets the tag to hand to gRPC.
  template <class Begin>
  void start(CallQueue& queue, std::shared_ptr<Owner> owner, const Begin& begin) {
    STELE_CHECK(owner_ == nullptr);
    const std::shared_ptr<Owner> kept = owner;
    owner_ = std::move(owner);
    if (!queue.start([&] { begin(static_cast<void*>(static_cast<QueueEvent*>(this))); })) forget();
  }
  /// It will never happen.
  void forget() { const auto dropped = std::exchange(owner_, nullptr); }

  void happened(bool ok) override {
    const auto owner = std::exchange(owner_, nullptr);
    (owner.get()->*then_)(ok);
  }

private:
  void (Owner::*then_)(bool ok);
  std::shared_ptr<Owner> owner_;
};

}  // namespace stele::rpc
