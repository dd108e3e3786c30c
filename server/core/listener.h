// Accepts connections on one address, within limits that all listeners share.
//
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "log/base/error.h"
#include "server/core/address.h"
#include "server/core/descriptor.h"
#include "server/core/event_loop.h"
#include "server/core/log.h"

namespace stele::server {

/// Counts connections, all together and for each peer address.
class ConnectionQuota {
public:
  struct Limits {
    std::size_t connections_max = 10'000;
    std::size_t connections_per_ip_max = 1'000;
  };
  /// Held by a connection as long as it lives.
  class Seat {
  public:
    Seat() = default;
    Seat(ConnectionQuota& quota, std::string ip) : quota_(&quota), ip_(std::move(ip)) {}
    Seat(Seat&& other) noexcept
        : quota_(std::exchange(other.quota_, nullptr)), ip_(std::move(other.ip_)) {}
    Seat& operator=(Seat&& other) noexcept {
      std::swap(quota_, other.quota_);
      std::swap(ip_, other.ip_);
      return *this;
    }
    ~Seat();

  private:
    ConnectionQuota* quota_ = nullptr;
    std::string ip_;
  };

  explicit ConnectionQuota(Limits limits) : limits_(limits) {}
  /// kOverloaded names the limit that is reached.
  Result<Seat> admit(const std::string& ip);
  [[nodiscard]] std::size_t count() const { return count_; }

private:
  Limits limits_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::size_t> by_ip_;
};

struct AcceptedSocket {
  Descriptor socket;
  SocketAddress peer;
  SocketAddress local;
  ConnectionQuota::Seat seat;
};

class Listener : private ReadyListener {
public:
  using Handler = std::function<void(AcceptedSocket)>;

  /// Listens on `address`. kAlreadyExists: the port is in use; kIo.
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const SocketAddress& address,
                                                ConnectionQuota& quota, Handler handler);
  ~Listener() override;

  /// With the port that the system chose, if 0 was asked for.
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] std::int64_t refused_count() const { return refused_count_; }

private:
  Listener(EventLoop& loop, Descriptor socket, ConnectionQuota& quota, Handler handler);
  void on_readable() override;
  void on_writable() override {}
  bool accept_one();
  void accept_with_spare();
  void report_refused(const std::string& peer, const std::string& reason);

  EventLoop& loop_;
  Descriptor socket_;
  Descriptor spare_;  ///< given up for a moment when there are no descriptors left
  SocketAddress address_;
  ConnectionQuota& quota_;
  Handler handler_;
  LogLimit refused_log_;
  std::int64_t refused_count_ = 0;
  EventLoop::Watch watch_;
};

}  // namespace stele::server
