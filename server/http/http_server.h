// The HTTP listener: keeps the clients' connections, ends each turn of the loop by sending what got
// ready in it, and wakes those who follow when something was appended.
//
//   turn:  sockets ready ─► store polled ─► end_turn(): followers asked, every dirty connection
//                                           writes once
// Thread: the loop's.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/env/env.h"
#include "server/core/event_loop.h"
#include "server/core/listener.h"
#include "server/core/log.h"
#include "server/core/prometheus.h"
#include "server/http/connection.h"

namespace stele::http {

class HttpServer final : public ConnectionHost {
public:
  /// What grows with every append: those who follow are asked when it has. Called once a turn.
  using Progress = std::function<std::int64_t()>;

  /// Everything given outlives the server.
  HttpServer(server::EventLoop& loop, Env& env, const Limits& limits, RequestHandler& handler,
             Progress progress);
  ~HttpServer() override;

  void accept(server::AcceptedSocket socket);
  /// A hook of the loop, behind the store's. Returns how long the loop may sleep.
  std::chrono::nanoseconds end_turn();
  /// Connections read nothing more and close once they are answered; followers are told. New ones
  /// are served: whoever looks after the service asks how it is.
  void drain();
  /// Everything that was under way at drain() is answered and sent.
  [[nodiscard]] bool drained() const;
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }
  void print(server::PrometheusText& text) const;

private:
  void on_dirty(Connection& connection) override;
  void on_waiting(Connection& connection) override;
  void on_closed(Connection& connection, std::string_view reason) override;
  [[nodiscard]] InputBuffer take_input() override;
  void give_input(InputBuffer buffer) override;
  void on_bytes(std::size_t received, std::size_t sent) override;
  void on_response(unsigned status) override { ++responses_[status]; }
  [[nodiscard]] bool reserve_body(std::size_t bytes) override;
  void release_body(std::size_t bytes) override { body_bytes_ -= bytes; }
  [[nodiscard]] std::string_view date() override { return date_.at(env_.wall_us()); }
  void wake_followers();
  void check_deadlines();
  void bound_unsent(std::vector<std::shared_ptr<Connection>> all);

  server::EventLoop& loop_;
  Env& env_;
  const Limits limits_;
  RequestHandler& handler_;
  Progress progress_;
  std::int64_t seen_ = -1;
  DateText date_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> dirty_;
  std::vector<std::shared_ptr<Connection>> waiting_;
  std::vector<InputBuffer> spare_inputs_;
  std::size_t body_bytes_ = 0;
  std::chrono::nanoseconds next_check_{0};
  std::int64_t accepted_ = 0;
  std::int64_t received_bytes_ = 0;
  std::int64_t sent_bytes_ = 0;
  std::map<unsigned, std::int64_t> responses_;
  server::LogLimit closed_log_;
  bool draining_ = false;
};

}  // namespace stele::http
