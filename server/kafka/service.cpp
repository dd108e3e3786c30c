#include "server/kafka/service.h"

#include <utility>

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {
constexpr auto kCheckEvery = 1s;
constexpr auto kStarvedRetry = 5ms;
}  // namespace

Service::Service(server::EventLoop& loop, server::BufferPool& pool, const ConnectionLimits& limits,
                 RequestHandler& handler, Metrics& metrics)
    : loop_(loop), pool_(pool), limits_(limits), handler_(handler), metrics_(metrics) {}

Service::~Service() = default;

void Service::accept(server::AcceptedSocket socket) {
  if (draining_) return;
  auto connection =
      std::make_shared<Connection>(loop_, pool_, std::move(socket), limits_, handler_, *this);
  connections_.emplace(connection.get(), connection);
  ++metrics_.connections_accepted;
  connection->start();
}

void Service::on_dirty(Connection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(connection.shared_from_this());
}

void Service::on_starved(Connection& connection) {
  if (std::exchange(connection.starved, true)) return;
  starved_.push_back(connection.shared_from_this());
}

void Service::on_closed(Connection& connection, std::string_view reason) {
  ++metrics_.connections_closed;
  const auto kept = connection.shared_from_this();
  connections_.erase(&connection);
  // Else its buffers would stay full as long as somebody waits for them.
  if (connection.starved) std::erase(starved_, kept);
  std::int64_t suppressed = 0;
  if (reason.empty() || draining_ || !closed_log_.allows(loop_.now(), suppressed)) return;
  server::log_warn("connection_closed peer={} reason=\"{}\" suppressed={}",
                   connection.client().peer, reason, suppressed);
}

void Service::on_bytes(std::size_t received, std::size_t sent) {
  metrics_.received_bytes += static_cast<std::int64_t>(received);
  metrics_.sent_bytes += static_cast<std::int64_t>(sent);
}

void Service::feed_starved() {
  if (starved_.empty() || pool_.full()) return;
  for (const auto& connection : std::exchange(starved_, {})) {
    connection->starved = false;
    on_dirty(*connection);
  }
}

void Service::check_deadlines() {
  if (loop_.now() < next_check_) return;
  next_check_ = loop_.now() + kCheckEvery;
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [raw, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->check_deadlines(loop_.now());
}

std::chrono::nanoseconds Service::end_turn() {
  check_deadlines();
  feed_starved();
  bool handled = false;
  for (const auto& connection : std::exchange(dirty_, {})) {
    connection->dirty = false;
    handled = connection->finish_turn() || handled;
  }
  if (handled || !dirty_.empty()) return 0ns;
  if (!starved_.empty()) return kStarvedRetry;
  return connections_.empty() ? std::chrono::nanoseconds::max() : kCheckEvery;
}

void Service::drain() {
  draining_ = true;
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [raw, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->drain();
}

}  // namespace stele::kafka
