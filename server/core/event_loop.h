// One thread's loop: sockets, timers, and hooks that run once a turn.
//
//   wait for events ─► handle what is ready (bounded) ─► due timers ─► hooks, in order ─► again
//                                                                     └ store poll, then flush
//
// Everything ready is handled before the hooks run, so that appends of many connections form one
// commit group and answers leave coalesced. Asio stays behind this header.
// Thread: the one that calls run(), but for wake().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "log/env/env.h"
#include "server/core/timer_queue.h"

namespace boost::asio {
class io_context;
}

namespace stele::server {

/// Whoever owns a descriptor and wants to know when it is ready.
class ReadyListener {
public:
  ReadyListener() = default;
  ReadyListener(const ReadyListener&) = delete;
  ReadyListener& operator=(const ReadyListener&) = delete;
  virtual ~ReadyListener() = default;
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;
};

class EventLoop {
public:
  explicit EventLoop(Env& env);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Tells when `fd` is ready. Does not own the descriptor; destroyed before it is closed.
  class Watch {
  public:
    Watch(EventLoop& loop, int fd, ReadyListener& listener);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// One call of on_readable() when there is something to read, or the peer has gone.
    void wait_readable();
    void wait_writable();
    [[nodiscard]] bool waits_readable() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
  };

  /// A task for each turn, after the events. Returns how long the loop may sleep at most.
  using Hook = std::function<std::chrono::nanoseconds()>;
  void add_hook(Hook hook);

  /// Called with "SIGTERM" numbers and the like when they arrive.
  void on_signals(std::vector<int> signals, std::function<void(int)> handler);

  void run();
  /// One round: waits up to `longest` for events, handles them, runs timers and hooks. Returns how
  /// long the next round may wait. For run(), and for tests.
  std::chrono::nanoseconds turn(std::chrono::nanoseconds longest);
  void stop() { stopped_ = true; }
  /// A listener tells how much it has done, so that the hooks get their turn in time.
  void note_work(std::size_t bytes) { turn_bytes_ += bytes; }
  /// Runs `task` in the next turn; from any thread.
  void post(std::function<void()> task);

  [[nodiscard]] std::chrono::nanoseconds now() const { return now_; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }
  [[nodiscard]] boost::asio::io_context& context();

private:
  struct Asio;
  void handle_ready(std::chrono::nanoseconds longest);

  Env& env_;
  std::unique_ptr<Asio> asio_;
  TimerQueue timers_;
  std::vector<Hook> hooks_;
  std::chrono::nanoseconds now_{0};
  std::size_t turn_bytes_ = 0;
  bool stopped_ = false;
};

}  // namespace stele::server
