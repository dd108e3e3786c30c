#include "log/env/helper_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

#include "log/base/fail.h"

namespace stele {

HelperThread::~HelperThread() {
  {
    std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void HelperThread::submit(Work work, Done done) {
  try {
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    completions_.push_from_core(
        std::move(done),
        fail(Code::kOverloaded, "thread {}: cannot start: {}", name_, error.what()));
    return;
  }
  {
    std::lock_guard guard(mutex_);
    if (queue_.size() < kQueuedMax) {
      queue_.push_back({std::move(work), std::move(done)});
      changed_.notify_one();
      return;
    }
  }
  completions_.push_from_core(
      std::move(done),
      fail(Code::kOverloaded, "thread {}: {} pieces are waiting", name_, kQueuedMax));
}

void HelperThread::run() {
  ::pthread_setname_np(::pthread_self(), name_);
  // Of this thread alone, as Linux has it; refused, it runs like any other.
  if (nice_ > 0)
    static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice_));
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Piece piece = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    Result<void> result = piece.work();
    completions_.push(std::move(piece.done), std::move(result));
    lock.lock();
  }
}

}  // namespace stele
