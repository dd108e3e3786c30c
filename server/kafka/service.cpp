#include "server/kafka/service.h"

#include <utility>

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {
constexpr auto kCheckEvery = 1s;
constexpr auto kStarvedRetry = 5ms;
constexpr std::size_t kTurnAnswerBytesMax = 2 << 20;  // made; then everybody else gets a turn
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

void Service::on_unsent(std::ptrdiff_t change) {
  metrics_.unsent_bytes += change;
  if (change > 0) answer_bytes_of_turn_ += static_cast<std::size_t>(change);
  note_pressure();
}

void Service::note_pressure() {
  const auto unsent = static_cast<std::size_t>(metrics_.unsent_bytes);
  const bool is_high = unsent > limits_.unsent_total_bytes_max || pool_is_full_;
  pressure_ = unsent > 2 * limits_.unsent_total_bytes_max ? Pressure::kUtmost
              : is_high                                   ? Pressure::kHigh
                                                          : Pressure::kNone;
}

void Service::feed_starved() {
  if (starved_.empty() || pool_is_full_ || pressure_ == Pressure::kUtmost) return;
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
  pool_is_full_ = pool_.full();
  note_pressure();
  check_deadlines();
  feed_starved();
  bool handled = false;
  answer_bytes_of_turn_ = 0;
  auto due = std::exchange(dirty_, {});
  auto next = due.begin();
  for (; next != due.end() && answer_bytes_of_turn_ < kTurnAnswerBytesMax; ++next) {
    (*next)->dirty = false;
    handled = (*next)->finish_turn() || handled;
  }
  dirty_.insert(dirty_.begin(), next, due.end());  // the first of the next turn
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
