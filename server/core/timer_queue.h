// Things to do at a time. Driven by whoever owns the clock: the event loop, or a test.
//
// Thread: one. A task may add and cancel timers.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace stele::server {

class TimerQueue {
public:
  using Time = std::chrono::nanoseconds;  ///< of the steady clock, as Env::now() gives it
  using Task = std::move_only_function<void()>;
  struct Id {
    Time when{0};
    std::uint64_t number = 0;  ///< 0: no timer
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  Id add(Time when, Task task);
  /// Fine if it has run already.
  void cancel(Id id);
  /// Runs what is due, in the order of time.
  void run_due(Time now);
  [[nodiscard]] std::optional<Time> next() const;
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

private:
  std::map<Id, Task> tasks_;
  std::uint64_t last_number_ = 0;
};

}  // namespace stele::server
