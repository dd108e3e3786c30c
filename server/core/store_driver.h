// Runs the store's core on the event loop: polls it once a turn, and maintains it on time.
//
// Thread: the loop's.
#pragma once

#include <chrono>

#include "log/env/env.h"
#include "log/store/store.h"
#include "server/core/event_loop.h"

namespace stele::server {

class StoreDriver : public ReadyListener {
public:
  /// Adds the hook that polls. Store and env outlive the driver, the driver the loop's run().
  StoreDriver(EventLoop& loop, Env& env, log::Store& store);
  ~StoreDriver() override;

private:
  std::chrono::nanoseconds turn();
  void on_readable() override;
  void on_writable() override {}

  EventLoop& loop_;
  log::Store& store_;
  std::unique_ptr<EventLoop::Watch> watch_;  ///< null if the env has no descriptor to wait on
  std::chrono::nanoseconds last_answer_{0};
  std::chrono::nanoseconds next_maintain_{0};
};

}  // namespace stele::server
