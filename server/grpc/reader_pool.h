// Threads that read pages for reads and subscriptions: reads may wait for the disk, which neither
// the event loop nor gRPC's poller may do. A call has at most one task here, so that the queue is
// as bounded as the calls are. Threads: submit() any.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stele::rpc {

class ReaderPool {
public:
  using Task = std::move_only_function<void()>;

  explicit ReaderPool(std::size_t thread_count);
  ~ReaderPool();

  void submit(Task task);
  /// Ends the tasks that are under way; what waits is dropped. Later ones too.
  void stop();

private:
  void run();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Task> tasks_;
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace stele::rpc
