// Accepts connections on one address, within limits that all listeners share.
//
//   over the rate of all    nothing is accepted until there is room again
//   over the rate of one    accepted, kept silent for as long as it has to wait, closed
//   too many                closed at once
//
// As Kafka does it, so that a client that reconnects in a loop costs little. Thread: the loop's.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "log/base/error.h"
#include "server/core/address.h"
#include "server/core/descriptor.h"
#include "server/core/event_loop.h"
#include "server/core/log.h"
#include "server/core/sampled_rate.h"

namespace stele::server {

/// Counts connections and how fast they come, all together and for each peer address.
class ConnectionQuota {
public:
  struct Limits {
    std::size_t connections_max = 10'000;
    std::size_t connections_per_ip_max = 1'000;
    std::unordered_map<std::string, std::size_t> per_ip_overrides{};  ///< by address
    double rate_max = 0;  ///< of all, a second; 0: no limit
    SampledRate::Window window{};
  };
  /// Connections a second from the address; nullopt: no limit.
  using RateOf = std::function<std::optional<double>(const std::string& ip)>;
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

  explicit ConnectionQuota(Limits limits)
      : limits_(std::move(limits)), rate_of_all_(limits_.window) {}
  void limit_rates(RateOf rate_of) { rate_of_ = std::move(rate_of); }
  /// kOverloaded names the limit that is reached.
  Result<Seat> admit(const std::string& ip);
  /// Counts a connection of the address; how long it must wait, 0 if its rate is within the limit.
  /// One that must wait does not count.
  [[nodiscard]] std::chrono::nanoseconds wait_of(const std::string& ip,
                                                 std::chrono::nanoseconds now);
  /// Counts a connection among all; how long nobody is to be accepted.
  [[nodiscard]] std::chrono::nanoseconds wait_of_all(std::chrono::nanoseconds now);
  [[nodiscard]] std::size_t count() const { return count_; }

private:
  void forget_idle(std::chrono::nanoseconds now);

  Limits limits_;
  RateOf rate_of_;
  SampledRate rate_of_all_;
  std::unordered_map<std::string, SampledRate> rates_;  ///< of addresses with a limit
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
  /// Connections that came too fast: closed after a while.
  [[nodiscard]] std::int64_t throttled_count() const { return throttled_count_; }

private:
  Listener(EventLoop& loop, Descriptor socket, ConnectionQuota& quota, Handler handler);
  void on_readable() override;
  void on_writable() override {}
  bool accept_one();
  void accept_with_spare();
  void wait_for_next();
  void hold(Descriptor socket, std::chrono::nanoseconds until);
  void close_held();
  void report_refused(const std::string& peer, const std::string& reason);

  EventLoop& loop_;
  Descriptor socket_;
  Descriptor spare_;  ///< given up for a moment when there are no descriptors left
  SocketAddress address_;
  ConnectionQuota& quota_;
  Handler handler_;
  LogLimit refused_log_;
  std::int64_t refused_count_ = 0;
  std::int64_t throttled_count_ = 0;
  std::chrono::nanoseconds accept_from_{0};  ///< nobody is accepted before
  TimerQueue::Id accept_timer_{};
  std::multimap<std::chrono::nanoseconds, Descriptor> held_;  ///< by when they are closed
  TimerQueue::Id held_timer_{};
  EventLoop::Watch watch_;
};

}  // namespace stele::server
