#include "server/core/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "log/base/fail.h"
#include "server/core/descriptor.h"

namespace stele::server {

Result<HostPort> HostPort::parse(std::string_view text) {
  const auto invalid = [text] {
    return fail(Code::kInvalid, "address {} is not HOST:PORT or [IPV6]:PORT", text);
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return invalid();
  }
  HostPort parsed{std::string(host), 0};
  const char* end = port_text.data() + port_text.size();
  const auto [at, error] = std::from_chars(port_text.data(), end, parsed.port);
  if (host.empty() || port_text.empty() || error != std::errc() || at != end) return invalid();
  return parsed;
}

std::string HostPort::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

SocketAddress::SocketAddress(const sockaddr* from, socklen_t bytes) : bytes_(bytes) {
  std::memcpy(&storage_, from, std::min<std::size_t>(bytes, sizeof storage_));
}

std::string SocketAddress::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    ::inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
  } else if (family() == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return text;
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
  if (family() == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  }
  return 0;
}

void SocketAddress::set_port(std::uint16_t port) {
  if (family() == AF_INET) reinterpret_cast<sockaddr_in*>(&storage_)->sin_port = htons(port);
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6*>(&storage_)->sin6_port = htons(port);
}

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  }
  if (family() == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr;
    return std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
  }
  return false;
}

std::string SocketAddress::text() const {
  return HostPort{ip(), port()}.text();
}

namespace {

bool machine_has(const SocketAddress& address) {
  const Descriptor probe(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress any_port = address;
  any_port.set_port(0);
  return probe.is_open() && ::bind(probe.get(), any_port.raw(), any_port.bytes()) == 0;
}

std::vector<SocketAddress> loopback_addresses(std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(port);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(port);
  std::vector<SocketAddress> found{{reinterpret_cast<const sockaddr*>(&v4), sizeof v4}};
  const SocketAddress second(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  if (machine_has(second)) found.push_back(second);
  return found;
}

}  // namespace

Result<std::vector<SocketAddress>> resolve(const HostPort& name) {
  if (name.host == "localhost") return loopback_addresses(name.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(name.port);
  if (const int error = ::getaddrinfo(name.host.c_str(), port.c_str(), &hints, &list); error != 0) {
    return fail(Code::kNotFound, "{} does not resolve: {}", name.host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  std::vector<SocketAddress> found;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    found.emplace_back(at->ai_addr, at->ai_addrlen);
  }
  return found;
}

}  // namespace stele::server
