#include "server/http/http_server.h"

#include <algorithm>
#include <utility>

namespace stele::http {

using namespace std::chrono_literals;

namespace {
constexpr auto kCheckEvery = 1s;
constexpr std::size_t kSpareInputsMax = 16;
constexpr auto kTurnMax = 2ms;  // of answering; then the store, and everybody else, get a turn
}  // namespace

HttpServer::HttpServer(server::EventLoop& loop, Env& env, const Limits& limits,
                       RequestHandler& handler, Progress progress)
    : loop_(loop), env_(env), limits_(limits), handler_(handler), progress_(std::move(progress)) {}

HttpServer::~HttpServer() = default;

void HttpServer::accept(server::AcceptedSocket socket) {
  auto connection =
      std::make_shared<Connection>(loop_, std::move(socket), limits_, handler_, *this);
  connections_.emplace(connection.get(), connection);
  ++accepted_;
  connection->start();
}

void HttpServer::on_dirty(Connection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(connection.shared_from_this());
}

void HttpServer::on_waiting(Connection& connection) {
  if (std::exchange(connection.waiting, true)) return;
  waiting_.push_back(connection.shared_from_this());
}

void HttpServer::on_closed(Connection& connection, std::string_view reason) {
  const auto kept = connection.shared_from_this();
  connections_.erase(&connection);
  std::int64_t suppressed = 0;
  if (reason.empty() || draining_ || !closed_log_.allows(loop_.now(), suppressed)) return;
  server::log_warn("http_connection_closed peer={} reason=\"{}\" suppressed={}", connection.peer(),
                   reason, suppressed);
}

InputBuffer HttpServer::take_input() {
  if (spare_inputs_.empty()) return std::make_unique_for_overwrite<char[]>(kInputBytes);
  InputBuffer buffer = std::move(spare_inputs_.back());
  spare_inputs_.pop_back();
  return buffer;
}

void HttpServer::give_input(InputBuffer buffer) {
  if (spare_inputs_.size() < kSpareInputsMax) spare_inputs_.push_back(std::move(buffer));
}

void HttpServer::on_bytes(std::size_t received, std::size_t sent) {
  received_bytes_ += static_cast<std::int64_t>(received);
  sent_bytes_ += static_cast<std::int64_t>(sent);
}

bool HttpServer::reserve_body(std::size_t bytes) {
  if (body_bytes_ + bytes > limits_.body_total_bytes_max) return false;
  body_bytes_ += bytes;
  return true;
}

void HttpServer::wake_followers() {
  const std::int64_t now = progress_();
  if (std::exchange(seen_, now) == now) return;
  for (const auto& connection : std::exchange(waiting_, {})) {
    connection->waiting = false;
    connection->wake();
  }
}

void HttpServer::check_deadlines() {
  if (loop_.now() < next_check_) return;
  next_check_ = loop_.now() + kCheckEvery;
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [raw, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->check_deadlines(loop_.now());
  bound_unsent(std::move(all));
  std::erase_if(waiting_, [](const auto& connection) { return connection->closed(); });
}

/// Answers of all clients together: too many, and those go that have taken nothing for longest.
void HttpServer::bound_unsent(std::vector<std::shared_ptr<Connection>> all) {
  std::erase_if(all, [](const auto& connection) { return connection->closed(); });
  std::size_t unsent = 0;
  for (const auto& connection : all) unsent += connection->unsent_bytes();
  if (unsent <= limits_.unsent_total_bytes_max) return;
  std::erase_if(all, [](const auto& connection) { return connection->stalled_since() == 0ns; });
  std::ranges::sort(all, {}, [](const auto& connection) { return connection->stalled_since(); });
  for (const auto& connection : all) {
    if (unsent <= limits_.unsent_total_bytes_max) return;
    unsent -= connection->unsent_bytes();
    connection->close("too many answers wait for slow clients");
  }
}

std::chrono::nanoseconds HttpServer::end_turn() {
  check_deadlines();
  wake_followers();
  auto due = std::exchange(dirty_, {});
  const auto until = env_.now() + kTurnMax;
  std::vector<std::shared_ptr<Connection>> again;
  auto next = due.begin();
  for (int done = 0; next != due.end(); ++next) {
    if ((++done & 15) == 0 && env_.now() >= until) break;
    (*next)->dirty = false;
    if ((*next)->finish_turn()) again.push_back(*next);
  }
  for (const auto& connection : again) on_dirty(*connection);
  dirty_.insert(dirty_.begin(), next, due.end());  // the first of the next turn
  if (!dirty_.empty()) return 0ns;
  return connections_.empty() ? std::chrono::nanoseconds::max() : kCheckEvery;
}

void HttpServer::drain() {
  draining_ = true;
  std::vector<std::shared_ptr<Connection>> all;
  for (const auto& [raw, connection] : connections_) all.push_back(connection);
  for (const auto& connection : all) connection->drain();
}

bool HttpServer::drained() const {
  return std::ranges::none_of(connections_, [](const auto& held) { return held.first->busy(); });
}

void HttpServer::print(server::PrometheusText& text) const {
  text.gauge("stele_http_connections", "Open HTTP connections.")
      .sample("", static_cast<std::int64_t>(connections_.size()));
  text.gauge("stele_http_body_bytes", "Requests that are being received.")
      .sample("", static_cast<std::int64_t>(body_bytes_));
  text.counter("stele_http_connections_total", "HTTP connections accepted.").sample("", accepted_);
  text.counter("stele_http_received_bytes_total", "Bytes received over HTTP.")
      .sample("", received_bytes_);
  text.counter("stele_http_sent_bytes_total", "Bytes sent over HTTP.").sample("", sent_bytes_);
  auto& responses = text.counter("stele_http_responses_total", "Answers, by status.");
  for (const auto& [status, count] : responses_) {
    responses.sample(server::label("status", std::to_string(status)), count);
  }
}

}  // namespace stele::http
