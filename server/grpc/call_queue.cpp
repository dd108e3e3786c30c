#include "server/grpc/call_queue.h"

namespace stele::rpc {

CallQueue::CallQueue(std::unique_ptr<::grpc::ServerCompletionQueue> queue)
    : queue_(std::move(queue)) {}

CallQueue::~CallQueue() {
  close();
}

void CallQueue::run() {
  poller_ = std::jthread([this] {
    void* tag = nullptr;
    bool ok = false;
    while (queue_->Next(&tag, &ok)) static_cast<QueueEvent*>(tag)->happened(ok);
  });
}

void CallQueue::close() {
  if (closed_.exchange(true)) return;
  while (starting_.load() != 0) std::this_thread::yield();
  queue_->Shutdown();
  if (poller_.joinable()) {
    poller_.join();
    return;
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) static_cast<QueueEvent*>(tag)->happened(false);
}

}  // namespace stele::rpc
