#include "server/core/store_driver.h"

#include <algorithm>

namespace stele::server {

using namespace std::chrono_literals;

namespace {
constexpr auto kMaintainBusy = 10ms;  // the store writes its idle mark after 10 ms of quiet
constexpr auto kMaintainIdle = 1s;
constexpr auto kBusyFor = 100ms;  // since the last answer
constexpr auto kPollWithoutDescriptor = 1ms;
}  // namespace

StoreDriver::StoreDriver(EventLoop& loop, Env& env, log::Store& store)
    : loop_(loop), store_(store) {
  if (const int fd = env.event_fd(); fd >= 0) {
    watch_ = std::make_unique<EventLoop::Watch>(loop, fd, *this);
    watch_->wait_readable();
  }
  loop.add_hook([this] { return turn(); });
}

StoreDriver::~StoreDriver() = default;

void StoreDriver::on_readable() {}  // the poll of this turn takes what is there

std::chrono::nanoseconds StoreDriver::turn() {
  const std::size_t answered = store_.poll();
  // Only now, when the poll has drained it: while it is readable, waiting for it would be answered
  // again and again within the turn, and keep the turn from its end.
  if (watch_) watch_->wait_readable();
  const auto now = loop_.now();
  if (answered > 0) last_answer_ = now;
  const bool busy = now - last_answer_ < kBusyFor;
  if (now >= next_maintain_) {
    store_.maintain();
    next_maintain_ = now + (busy ? kMaintainBusy : kMaintainIdle);
  } else if (busy) {
    next_maintain_ = std::min(next_maintain_, now + kMaintainBusy);
  }
  if (!watch_ && answered > 0) return 0ns;
  if (!watch_ && busy) return kPollWithoutDescriptor;
  return next_maintain_ - now;
}

}  // namespace stele::server
