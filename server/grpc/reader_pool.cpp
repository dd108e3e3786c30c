#include "server/grpc/reader_pool.h"

#include <utility>

namespace stele::rpc {

ReaderPool::ReaderPool(std::size_t thread_count) {
  for (std::size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { run(); });
}

ReaderPool::~ReaderPool() {
  stop();
}

void ReaderPool::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
}

void ReaderPool::stop() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
  }
  arrived_.notify_all();
  threads_.clear();
}

void ReaderPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
    if (stopped_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace stele::rpc
