// The Kafka listener: accepts clients, keeps their connections, ends each turn of the loop by
// sending what got ready in it.
//
//   turn:  sockets ready ─► store polled ─► fetches woken ─► end_turn(): every dirty connection
//                                                            writes once
// Thread: the loop's.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "server/core/buffer_pool.h"
#include "server/core/event_loop.h"
#include "server/core/listener.h"
#include "server/core/log.h"
#include "server/kafka/connection.h"
#include "server/kafka/metrics.h"

namespace stele::kafka {

class Service : public ConnectionHost {
public:
  /// Everything given outlives the service.
  Service(server::EventLoop& loop, server::BufferPool& pool, const ConnectionLimits& limits,
          RequestHandler& handler, Metrics& metrics);
  ~Service() override;

  void accept(server::AcceptedSocket socket);
  /// Last of the loop's hooks. Returns how long the loop may sleep.
  std::chrono::nanoseconds end_turn();
  /// Connections read nothing more and close once they are answered.
  void drain();
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

private:
  void on_dirty(Connection& connection) override;
  void on_starved(Connection& connection) override;
  void on_closed(Connection& connection, std::string_view reason) override;
  void on_bytes(std::size_t received, std::size_t sent) override;
  void on_muted(int change) override { metrics_.muted_connections += change; }
  void on_unsent(std::ptrdiff_t change) override;
  [[nodiscard]] Pressure pressure() const override { return pressure_; }
  void note_pressure();
  void feed_starved();
  void check_deadlines();

  server::EventLoop& loop_;
  server::BufferPool& pool_;
  const ConnectionLimits limits_;
  RequestHandler& handler_;
  Metrics& metrics_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> dirty_;
  std::vector<std::shared_ptr<Connection>> starved_;
  std::chrono::nanoseconds next_check_{0};
  Pressure pressure_ = Pressure::kNone;
  bool pool_is_full_ = false;             ///< as of the end of the last turn
  std::size_t answer_bytes_of_turn_ = 0;  ///< that got ready at its end
  server::LogLimit closed_log_;
  bool draining_ = false;
};

}  // namespace stele::kafka
