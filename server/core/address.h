// Addresses to listen on and to tell clients: "127.0.0.1:9092", "[::1]:9092", "localhost:9092".
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"

namespace stele::server {

struct HostPort {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;

  /// "host:port", brackets around an IPv6 host. kInvalid.
  static Result<HostPort> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

class SocketAddress {
public:
  SocketAddress() = default;
  SocketAddress(const sockaddr* from, socklen_t bytes);

  [[nodiscard]] const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t bytes() const { return bytes_; }
  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] std::string ip() const;
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] bool is_loopback() const;
  /// "127.0.0.1:9092", "[::1]:9092"
  [[nodiscard]] std::string text() const;

private:
  sockaddr_storage storage_{};
  socklen_t bytes_ = 0;
};

/// The addresses that `name` stands for. "localhost" is 127.0.0.1 and, where the machine has IPv6,
/// ::1 (librdkafka tries ::1 first). kNotFound if the name does not resolve.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const HostPort& name);

}  // namespace stele::server
