#include "server/core/event_loop.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <utility>

namespace stele::server {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {
// A turn ends after this much, so that the store is polled and answers leave.
constexpr int kTurnEventsMax = 128;
constexpr std::size_t kTurnBytesMax = 1 << 20;
constexpr std::chrono::nanoseconds kSleepMax = 1s;
}  // namespace

struct EventLoop::Asio {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::unique_ptr<asio::signal_set> signals;
  std::function<void(int)> on_signal;

  void wait_for_signal() {
    signals->async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_for_signal();
    });
  }
};

/// Outlives the Watch while a wait is under way.
struct EventLoop::Watch::State {
  State(asio::io_context& context, int fd, ReadyListener& to)
      : descriptor(context, fd), listener(&to) {}
  asio::posix::stream_descriptor descriptor;
  ReadyListener* listener;  ///< null once the Watch has gone
  bool reading = false;
  bool writing = false;
};

EventLoop::Watch::Watch(EventLoop& loop, int fd, ReadyListener& listener)
    : state_(std::make_shared<State>(loop.asio_->context, fd, listener)) {}

EventLoop::Watch::~Watch() {
  state_->listener = nullptr;
  state_->descriptor.release();
}

void EventLoop::Watch::wait_readable() {
  if (std::exchange(state_->reading, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                [state = state_](const boost::system::error_code&) {
                                  state->reading = false;
                                  if (state->listener != nullptr) state->listener->on_readable();
                                });
}

void EventLoop::Watch::wait_writable() {
  if (std::exchange(state_->writing, true)) return;
  state_->descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                                [state = state_](const boost::system::error_code&) {
                                  state->writing = false;
                                  if (state->listener != nullptr) state->listener->on_writable();
                                });
}

bool EventLoop::Watch::waits_readable() const {
  return state_->reading;
}

EventLoop::EventLoop(Env& env) : env_(env), asio_(std::make_unique<Asio>()), now_(env.now()) {}
EventLoop::~EventLoop() = default;

void EventLoop::add_hook(Hook hook) {
  hooks_.push_back(std::move(hook));
}

void EventLoop::on_signals(std::vector<int> signals, std::function<void(int)> handler) {
  asio_->signals = std::make_unique<asio::signal_set>(asio_->context);
  for (int signal : signals) asio_->signals->add(signal);
  asio_->on_signal = std::move(handler);
  asio_->wait_for_signal();
}

void EventLoop::post(std::function<void()> task) {
  asio::post(asio_->context, std::move(task));
}

boost::asio::io_context& EventLoop::context() {
  return asio_->context;
}

void EventLoop::handle_ready(std::chrono::nanoseconds longest) {
  turn_bytes_ = 0;
  std::size_t handled = longest > 0ns ? asio_->context.run_one_for(longest) : 0;
  if (longest > 0ns && handled == 0) return;
  for (int events = 0; events < kTurnEventsMax && turn_bytes_ < kTurnBytesMax; ++events) {
    if (asio_->context.poll_one() == 0) return;
  }
}

std::chrono::nanoseconds EventLoop::turn(std::chrono::nanoseconds longest) {
  handle_ready(longest);
  now_ = env_.now();
  timers_.run_due(now_);
  std::chrono::nanoseconds sleep = kSleepMax;
  for (const Hook& hook : hooks_) sleep = std::min(sleep, hook());
  if (const auto next = timers_.next()) sleep = std::min(sleep, *next - now_);
  return std::max(sleep, 0ns);
}

void EventLoop::run() {
  std::chrono::nanoseconds sleep = 0ns;
  while (!stopped_) sleep = turn(sleep);
}

}  // namespace stele::server
