#include "bench/client/wire_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stele::bench {

namespace {

constexpr std::size_t kReceiveBytes = 64 << 10;
constexpr int kEventsAtATime = 256;

sockaddr_in parse(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in parsed{};
  parsed.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &parsed.sin_addr) != 1) {
    give_up(address + " is not IPV4:PORT");
  }
  parsed.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  return parsed;
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "gload: %s\n", why.c_str());
  std::exit(1);
}

Connection::Connection(int epoll, const std::string& address)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in to = parse(address);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0)
    give_up(std::string("cannot connect: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = this;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event);
}

Connection::~Connection() {
  ::close(socket_);
}

void Connection::send(Bytes bytes, std::int16_t response_header, Handler handle) {
  waiting_.push_back({next_correlation_++, response_header, std::move(handle)});
  unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  flush();
}

void Connection::flush() {
  while (!unsent_.empty()) {
    const ssize_t sent =
        ::send(socket_, unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) give_up(std::string("send: ") + std::strerror(errno));
    unsent_.erase(unsent_.begin(), unsent_.begin() + sent);
  }
}

void Connection::on_ready() {
  flush();
  receive();
}

void Connection::receive() {
  while (true) {
    const std::size_t had = received_.size();
    received_.resize(had + kReceiveBytes);
    const ssize_t got = ::recv(socket_, received_.data() + had, kReceiveBytes, MSG_DONTWAIT);
    received_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) give_up("the broker has closed a connection");
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) give_up(std::string("receive: ") + std::strerror(errno));
  }
  while (take_answer()) {
  }
}

bool Connection::take_answer() {
  if (received_.size() < 4) return false;
  const auto size = static_cast<std::size_t>(load_be<std::int32_t>(received_.data()));
  if (received_.size() < 4 + size) return false;
  const Bytes frame(received_.begin() + 4,
                    received_.begin() + 4 + static_cast<std::ptrdiff_t>(size));
  received_.erase(received_.begin(), received_.begin() + 4 + static_cast<std::ptrdiff_t>(size));
  if (waiting_.empty()) give_up("an answer that nobody asked for");
  Waiting waiting = std::move(waiting_.front());
  waiting_.pop_front();
  ByteView body = frame;
  const auto header = kafka::read_prefix<kafka::ResponseHeader>(waiting.header_version, body);
  if (!header || header->correlation_id != waiting.correlation_id)
    give_up("an answer that is out of order");
  waiting.handle(body);
  return true;
}

Network::Network(std::string address)
    : address_(std::move(address)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Network::~Network() {
  connections_.clear();
  ::close(epoll_);
}

Connection& Network::connect() {
  return *connections_.emplace_back(std::make_unique<Connection>(epoll_, address_));
}

void Network::at(Clock::time_point when, std::function<void()> task) {
  timers_.push({when, std::move(task)});
}

void Network::run(const std::function<bool()>& done, std::chrono::seconds longest) {
  const auto until = Clock::now() + longest;
  std::array<epoll_event, kEventsAtATime> events{};
  while (!done()) {
    if (Clock::now() > until) give_up("it takes too long");
    int wait_ms = 100;
    if (!timers_.empty()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(timers_.top().when - Clock::now());
      wait_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 100));
    }
    const int count = ::epoll_wait(epoll_, events.data(), kEventsAtATime, wait_ms);
    for (int i = 0; i < count; ++i)
      static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr)->on_ready();
    while (!timers_.empty() && timers_.top().when <= Clock::now()) {
      auto task = timers_.top().task;
      timers_.pop();
      task();
    }
  }
}

}  // namespace stele::bench
