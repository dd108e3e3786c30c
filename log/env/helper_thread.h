// One thread that does work one piece after the other, started at the first piece. What it has
// finished goes to Completions.
//
// Bounded: at kQueuedMax waiting pieces the next is answered kOverloaded without being run.
// Threads: submit() from whoever runs the core. The destructor waits for the running piece; pieces
// not begun are dropped, their `done` never runs.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "log/env/completions.h"

namespace stele {

class HelperThread {
public:
  static constexpr std::size_t kQueuedMax = 4096;

  /// `name` as the kernel shows it, at most 15 characters. `completions` outlives this. A `nice`
  /// above 0 makes room for other threads.
  HelperThread(const char* name, Completions& completions, int nice = 0)
      : name_(name), completions_(completions), nice_(nice) {}
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;
  ~HelperThread();

  void submit(Work work, Done done);

private:
  struct Piece {
    Work work;
    Done done;
  };
  void run();

  const char* name_;
  Completions& completions_;
  int nice_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> queue_;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace stele
