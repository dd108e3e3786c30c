#include "server/app/systemd.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>

#include "log/base/fail.h"

namespace stele::app {

using namespace std::chrono_literals;

namespace {

constexpr auto kLookEvery = 5s;
constexpr auto kExtendBy = 30s;  // several looks, so that a busy machine may miss one

std::string_view variable(const char* const* variables, std::string_view name) {
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view entry = *variables;
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end) return std::nullopt;
  return value;
}

/// A line break would begin another assignment.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

}  // namespace

Systemd::Systemd(const char* const* variables, std::int64_t process_id) {
  const std::string_view path = variable(variables, "NOTIFY_SOCKET");
  const bool is_address = path.starts_with('/') || path.starts_with('@');
  if (!is_address || path.size() < 2 || path.size() >= sizeof(address_.sun_path)) return;
  address_.sun_family = AF_UNIX;
  std::ranges::copy(path, address_.sun_path);
  // '@' stands for the zero byte of an abstract address, whose length says where it ends.
  const bool is_abstract = path.front() == '@';
  if (is_abstract) address_.sun_path[0] = '\0';
  address_bytes_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  socket_ = server::Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));

  const std::string_view whose = variable(variables, "WATCHDOG_PID");
  if (!whose.empty() && number(whose) != process_id) return;
  const auto period = number(variable(variables, "WATCHDOG_USEC"));
  watchdog_period_ = std::chrono::microseconds(std::max<std::int64_t>(period.value_or(0), 0));
}

void Systemd::ready(std::string_view status) const {
  // The one message that must not be dropped, and nobody is served yet: this one waits.
  send(fmt::format("READY=1\nSTATUS={}", one_line(status)), 0);
}

void Systemd::stopping(std::string_view status) const {
  send(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

void Systemd::status(std::string_view status) const {
  send(fmt::format("STATUS={}", one_line(status)));
}

void Systemd::ping() const {
  send("WATCHDOG=1");
}

void Systemd::extend(std::chrono::microseconds more, std::string_view status) const {
  send(
      fmt::format("EXTEND_TIMEOUT_USEC={}\nWATCHDOG=1\nSTATUS={}", more.count(), one_line(status)));
}

void Systemd::send(std::string_view message, int flags) const {
  if (!listens()) return;
  ::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL | flags,
           reinterpret_cast<const sockaddr*>(&address_), address_bytes_);
}

std::int64_t process_progress() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto in_10_ms = [](const timeval& time) {
    return std::int64_t{time.tv_sec} * 100 + time.tv_usec / 10'000;
  };
  return in_10_ms(usage.ru_utime) + in_10_ms(usage.ru_stime) +
         (usage.ru_inblock + usage.ru_oublock) / 10;
}

LongStep::LongStep(const Systemd& systemd, std::string name)
    : LongStep(systemd, std::move(name),
               systemd.watchdog_period() == 0us
                   ? kLookEvery
                   : std::min<std::chrono::milliseconds>(
                         kLookEvery, std::chrono::duration_cast<std::chrono::milliseconds>(
                                         systemd.watchdog_period() / 2)),
               process_progress) {}

LongStep::LongStep(const Systemd& systemd, std::string name, std::chrono::milliseconds period,
                   Progress progress)
    : systemd_(systemd), name_(std::move(name)) {
  if (!systemd_.listens()) return;
  systemd_.status(name_);
  end_ = server::Descriptor(::eventfd(0, EFD_CLOEXEC));
  if (!end_.is_open()) return;
  watcher_ = std::jthread([this, period, look = std::move(progress)] { watch(period, look); });
}

LongStep::~LongStep() {
  if (!watcher_.joinable()) return;
  const std::uint64_t one = 1;
  // Cannot fail: the counter is 0. The thread is joined by its destructor.
  [[maybe_unused]] const auto written = ::write(end_.get(), &one, sizeof(one));
}

void LongStep::watch(std::chrono::milliseconds period, const Progress& progress) const {
  const auto whole_ms = std::max<std::int64_t>(period.count(), 1);
  std::int64_t last = progress();
  for (std::int64_t looks = 1;; ++looks) {
    pollfd end{.fd = end_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&end, 1, static_cast<int>(whole_ms)) > 0) return;
    const std::int64_t now = progress();
    if (now == last) continue;
    last = now;
    systemd_.extend(kExtendBy, fmt::format("{}, {} s so far", name_, looks * whole_ms / 1000));
  }
}

}  // namespace stele::app
