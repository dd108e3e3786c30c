#include "server/core/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include "log/base/fail.h"

namespace stele::server {

using namespace std::chrono_literals;

namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptsPerEvent = 64;
constexpr std::size_t kHeldMax = 1024;
constexpr std::size_t kRatesMax = 10'000;  // addresses

SocketAddress name_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  if (ask(fd, reinterpret_cast<sockaddr*>(&storage), &bytes) != 0) return {};
  return {reinterpret_cast<const sockaddr*>(&storage), bytes};
}

void set_option(int fd, int level, int option, int value) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

/// Small answers leave at once; a peer that has vanished is noticed.
void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
}

Descriptor open_spare() {
  return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

ConnectionQuota::Seat::~Seat() {
  if (quota_ == nullptr) return;
  --quota_->count_;
  const auto at = quota_->by_ip_.find(ip_);
  if (at != quota_->by_ip_.end() && --at->second == 0) quota_->by_ip_.erase(at);
}

Result<ConnectionQuota::Seat> ConnectionQuota::admit(const std::string& ip) {
  if (count_ >= limits_.connections_max) {
    return fail(Code::kOverloaded, "connections_max={} reached", limits_.connections_max);
  }
  const auto override_of_ip = limits_.per_ip_overrides.find(ip);
  const std::size_t of_ip_max = override_of_ip == limits_.per_ip_overrides.end()
                                    ? limits_.connections_per_ip_max
                                    : override_of_ip->second;
  const auto of_ip = by_ip_.find(ip);
  if ((of_ip == by_ip_.end() ? 0 : of_ip->second) >= of_ip_max) {
    return fail(Code::kOverloaded, "connections_per_ip_max={} reached", of_ip_max);
  }
  ++by_ip_[ip];
  ++count_;
  return Seat(*this, ip);
}

std::chrono::nanoseconds ConnectionQuota::wait_of(const std::string& ip,
                                                  std::chrono::nanoseconds now) {
  const auto limit = rate_of_ ? rate_of_(ip) : std::nullopt;
  if (!limit) return 0ns;
  if (rates_.size() >= kRatesMax) forget_idle(now);
  SampledRate& rate = rates_.try_emplace(ip, limits_.window).first->second;
  rate.record(1, now);
  const auto wait = rate.excess(*limit, now);
  if (wait > 0ns) rate.take_back(1, now);
  return wait;
}

std::chrono::nanoseconds ConnectionQuota::wait_of_all(std::chrono::nanoseconds now) {
  if (limits_.rate_max <= 0) return 0ns;
  rate_of_all_.record(1, now);
  return rate_of_all_.excess(limits_.rate_max, now);
}

void ConnectionQuota::forget_idle(std::chrono::nanoseconds now) {
  for (auto row = rates_.begin(); row != rates_.end();) {
    row = row->second.total(now) <= 0 ? rates_.erase(row) : std::next(row);
  }
  if (rates_.size() >= kRatesMax) rates_.clear();  // more at once than anybody has
}

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const SocketAddress& address,
                                                 ConnectionQuota& quota, Handler handler) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    return fail(Code::kIo, "no socket for {}: {}", address.text(), std::strerror(errno));
  }
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (::bind(socket.get(), address.raw(), address.bytes()) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    const Code code = errno == EADDRINUSE ? Code::kAlreadyExists : Code::kIo;
    return fail(code, "cannot listen on {}: {}", address.text(), std::strerror(errno));
  }
  return std::unique_ptr<Listener>(
      new Listener(loop, std::move(socket), quota, std::move(handler)));
}

Listener::Listener(EventLoop& loop, Descriptor socket, ConnectionQuota& quota, Handler handler)
    : loop_(loop),
      socket_(std::move(socket)),
      spare_(open_spare()),
      address_(name_of(socket_.get(), ::getsockname)),
      quota_(quota),
      handler_(std::move(handler)),
      watch_(loop_, socket_.get(), *this) {
  watch_.wait_readable();
}

Listener::~Listener() {
  loop_.timers().cancel(accept_timer_);
  loop_.timers().cancel(held_timer_);
}

void Listener::on_readable() {
  for (int count = 0; count < kAcceptsPerEvent && accept_from_ <= loop_.now() && accept_one();
       ++count) {
  }
  wait_for_next();
}

/// Who is not accepted yet waits in the system's queue.
void Listener::wait_for_next() {
  if (accept_from_ <= loop_.now()) return watch_.wait_readable();
  accept_timer_ = loop_.timers().add(accept_from_, [this] { watch_.wait_readable(); });
}

void Listener::hold(Descriptor socket, std::chrono::nanoseconds until) {
  ++throttled_count_;
  if (held_.size() >= kHeldMax) return;
  held_.emplace(until, std::move(socket));
  close_held();
}

void Listener::close_held() {
  held_.erase(held_.begin(), held_.upper_bound(loop_.now()));
  loop_.timers().cancel(held_timer_);
  if (held_.empty()) return;
  held_timer_ = loop_.timers().add(held_.begin()->first, [this] { close_held(); });
}

bool Listener::accept_one() {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  Descriptor accepted(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &bytes,
                                SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.is_open()) {
    if (errno == EMFILE || errno == ENFILE) accept_with_spare();
    return errno == ECONNABORTED || errno == EINTR;
  }
  SocketAddress peer(reinterpret_cast<const sockaddr*>(&storage), bytes);
  if (const auto wait = quota_.wait_of_all(loop_.now()); wait > 0ns) {
    accept_from_ = loop_.now() + wait;  // this one is the last for a while
  }
  if (const auto wait = quota_.wait_of(peer.ip(), loop_.now()); wait > 0ns) {
    hold(std::move(accepted), loop_.now() + wait);
    return true;
  }
  auto seat = quota_.admit(peer.ip());
  if (!seat) {
    report_refused(peer.text(), seat.error().detail);
    return true;
  }
  tune(accepted.get());
  SocketAddress local = name_of(accepted.get(), ::getsockname);
  handler_({std::move(accepted), peer, local, std::move(*seat)});
  return true;
}

/// Without descriptors the waiting connection would keep the listener readable for ever: it is
/// accepted on the spare one and closed.
void Listener::accept_with_spare() {
  spare_.close();
  Descriptor refused(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  refused.close();  // the spare one takes its place
  spare_ = open_spare();
  report_refused("", "no file descriptors left");
}

void Listener::report_refused(const std::string& peer, const std::string& reason) {
  ++refused_count_;
  std::int64_t suppressed = 0;
  if (!refused_log_.allows(loop_.now(), suppressed)) return;
  log_warn("connection_refused listener={} peer={} reason=\"{}\" suppressed={}", address_.text(),
           peer, reason, suppressed);
}

}  // namespace stele::server
