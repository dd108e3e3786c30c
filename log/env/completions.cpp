#include "log/env/completions.h"

#include <poll.h>
#include <unistd.h>

#include "log/base/check.h"

namespace stele {

void Completions::push(Done done, Result<void> result) {
  {
    std::lock_guard guard(mutex_);
    finished_.push_back({std::move(done), std::move(result)});
  }
  signal();
}

void Completions::push_from_core(Done done, Result<void> result) {
  {
    std::lock_guard guard(mutex_);
    finished_.push_back({std::move(done), std::move(result)});
  }
  if (watched()) signal();
}

void Completions::wake() {
  woken_ = true;
  signal();
}

void Completions::signal() {
  std::uint64_t one = 1;
  ssize_t put = -1;
  do {
    put = ::write(event_.raw(), &one, sizeof one);
  } while (put < 0 && errno == EINTR);
}

void Completions::drain() {
  std::uint64_t ignored = 0;
  while (::read(event_.raw(), &ignored, sizeof ignored) < 0 && errno == EINTR) {
  }
}

std::size_t Completions::run() {
  std::vector<Finished> ready;
  {
    std::lock_guard guard(mutex_);
    ready.swap(finished_);
  }
  for (Finished& one : ready) one.done(std::move(one.result));
  return ready.size();
}

void Completions::block(std::chrono::nanoseconds longest) {
  // wake() sets the flag before it signals, so a wake() whose signal run() has drained is seen
  // here.
  if (woken_.exchange(false) || longest <= std::chrono::nanoseconds::zero()) return;
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
  timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (longest - seconds).count()};
  pollfd watched{.fd = event_.raw(), .events = POLLIN, .revents = 0};
  ::ppoll(&watched, 1, &timeout, nullptr);
  woken_ = false;
}

int Completions::watch() {
  watched_ = true;
  return event_.raw();
}

}  // namespace stele
