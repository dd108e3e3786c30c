#include "bench/client/http_connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "bench/client/load.h"

namespace stele::bench {

namespace {

constexpr std::size_t kReceiveBytes = 256 << 10;

bool same_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         ::strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view value_of(std::string_view line) {
  line.remove_prefix(line.find(':') + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

std::size_t number(std::string_view text, int base) {
  std::size_t value = 0;
  if (std::from_chars(text.begin(), text.end(), value, base).ec != std::errc()) {
    fail_run("not a length: " + std::string(text));
  }
  return value;
}

}  // namespace

HttpConnection::HttpConnection(const std::string& address)
    : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(number(address.substr(colon + 1), 10)));
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1 ||
      ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
    fail_run("no connection to " + address);
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

HttpConnection::HttpConnection(HttpConnection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      out_(std::move(other.out_)),
      in_(std::move(other.in_)),
      taken_(other.taken_) {}

HttpConnection::~HttpConnection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void HttpConnection::flush() {
  std::string_view left = out_;
  while (!left.empty()) {
    const ssize_t sent = ::send(descriptor_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0) fail_run(std::string("send: ") + std::strerror(errno));
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.clear();
}

void HttpConnection::receive() {
  if (taken_ > 0) {
    in_.erase(0, taken_);
    chunks_at_ -= std::min(chunks_at_, taken_);
    taken_ = 0;
  }
  static std::array<char, kReceiveBytes> buffer;
  const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got == 0) fail_run("the server closed the connection");
  if (got > 0) in_.append(buffer.data(), static_cast<std::size_t>(got));
  if (got < 0 && errno != EAGAIN) fail_run(std::string("recv: ") + std::strerror(errno));
}

std::optional<HttpAnswer> HttpConnection::take() {
  const std::string_view text = std::string_view(in_).substr(taken_);
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  HttpAnswer answer;
  answer.status = static_cast<int>(number(text.substr(9, 3), 10));
  std::size_t bytes = 0;
  bool chunked = false;
  for (std::size_t at = text.find("\r\n") + 2; at < end + 2;) {
    const std::size_t stop = text.find("\r\n", at);
    const std::string_view line = text.substr(at, stop - at);
    if (same_name(line, "content-length")) bytes = number(value_of(line), 10);
    if (same_name(line, "etag")) answer.etag = value_of(line);
    if (same_name(line, "transfer-encoding")) chunked = true;
    at = stop + 2;
  }
  const std::size_t body_at = taken_ + end + 4;
  return chunked ? chunked_body(answer, body_at) : whole_body(answer, body_at, bytes);
}

std::optional<HttpAnswer> HttpConnection::whole_body(HttpAnswer answer, std::size_t body_at,
                                                     std::size_t bytes) {
  if (in_.size() - body_at < bytes) return std::nullopt;
  answer.body = std::string_view(in_).substr(body_at, bytes);
  taken_ = body_at + bytes;
  return answer;
}

std::optional<HttpAnswer> HttpConnection::chunked_body(HttpAnswer answer, std::size_t body_at) {
  if (chunks_at_ <= body_at) {
    chunks_at_ = body_at;
    chunks_.clear();
  }
  while (true) {
    const std::size_t line_end = in_.find("\r\n", chunks_at_);
    if (line_end == std::string::npos) return std::nullopt;
    const std::size_t bytes =
        number(std::string_view(in_).substr(chunks_at_, line_end - chunks_at_), 16);
    if (in_.size() < line_end + 2 + bytes + 2) return std::nullopt;
    chunks_.append(in_, line_end + 2, bytes);
    chunks_at_ = line_end + 2 + bytes + 2;
    if (bytes > 0) continue;
    taken_ = std::exchange(chunks_at_, 0);
    answer.body = chunks_;
    return answer;
  }
}

void HttpConnection::wait() const {
  pollfd one{.fd = descriptor_, .events = POLLIN, .revents = 0};
  ::poll(&one, 1, -1);
}

HttpPoller::HttpPoller() : descriptor_(::epoll_create1(EPOLL_CLOEXEC)) {}

HttpPoller::~HttpPoller() {
  ::close(descriptor_);
}

void HttpPoller::add(const HttpConnection& connection, std::size_t number) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
  ::epoll_ctl(descriptor_, EPOLL_CTL_ADD, connection.descriptor(), &event);
}

const std::vector<std::size_t>& HttpPoller::wait() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(descriptor_, events.data(), static_cast<int>(events.size()), -1);
  ready_.clear();
  for (int i = 0; i < count; ++i) ready_.push_back(events[static_cast<std::size_t>(i)].data.u64);
  return ready_;
}

}  // namespace stele::bench
