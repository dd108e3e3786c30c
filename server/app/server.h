// The service: store, loop, listeners and metrics put together, and how it starts and stops.
//
//   open store ─► listen ─► ready ─► serve ──SIGTERM──► drain (10 s at most) ─► close store ─► 0
//                                      └──store stopped (disk failed)──► tell clients ─► 74
//
// Thread: main's; it is the loop's thread, the edge's and the core's.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "log/event_store/event_store.h"
#include "log/store/store.h"
#include "server/app/settings.h"
#include "server/app/systemd.h"
#include "server/core/buffer_pool.h"
#include "server/core/event_loop.h"
#include "server/core/listener.h"
#include "server/core/store_driver.h"
#include "server/grpc/grpc_server.h"
#include "server/http/api/api.h"
#include "server/http/http_server.h"
#include "server/kafka/broker.h"
#include "server/kafka/metrics.h"
#include "server/kafka/service.h"

namespace stele::app {

inline constexpr int kExitStopped = 0;
inline constexpr int kExitCannotStart = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitDiskFailed = 74;

class Server {
public:
  /// Settings, env, store and systemd outlive the server.
  Server(const ParsedSettings& parsed, Env& env, log::Store& store, const Systemd& systemd);
  ~Server();

  /// kAlreadyExists: a port is in use; kInvalid: a listener beyond loopback without --insecure.
  Result<void> listen();
  /// One line that says where it serves, then three commands to copy.
  [[nodiscard]] std::string ready_text(std::chrono::nanoseconds took) const;
  /// Serves until a signal or a failed disk. Returns the exit code; the store is not closed yet.
  int run();

private:
  Result<std::vector<server::SocketAddress>> addresses_of(const std::string& setting,
                                                          std::string_view name) const;
  Result<void> listen_on(const std::string& setting, std::string_view name,
                         const server::Listener::Handler& handler,
                         std::vector<std::unique_ptr<server::Listener>>& into);
  [[nodiscard]] kafka::BrokerOptions broker_options() const;
  void make_http();
  Result<void> make_grpc();
  std::chrono::nanoseconds end_http_turn();
  std::chrono::nanoseconds watch_store();
  void on_signal(int signal);
  void start_drain(int exit_code, std::string_view reason);
  std::chrono::nanoseconds watch_drain();
  std::chrono::nanoseconds ping_systemd();
  [[nodiscard]] std::string metrics_text() const;
  [[nodiscard]] std::string unhealthy_because() const;

  const ParsedSettings& parsed_;
  Env& env_;
  log::Store& store_;
  const Systemd& systemd_;
  server::ConnectionQuota kafka_quota_;
  server::ConnectionQuota http_quota_;
  server::BufferPool pool_;
  kafka::Metrics metrics_;
  server::EventLoop loop_;
  server::StoreDriver driver_;
  std::vector<std::unique_ptr<server::Listener>> kafka_listeners_;
  std::vector<std::unique_ptr<server::Listener>> http_listeners_;
  std::unique_ptr<kafka::Broker> broker_;
  std::unique_ptr<kafka::Service> kafka_;
  log::EventStore events_;
  std::unique_ptr<http::Api> api_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<rpc::GrpcServer> grpc_;      ///< null: there is none
  std::chrono::nanoseconds drain_until_{0};    ///< 0: not draining
  std::chrono::nanoseconds stopped_since_{0};  ///< 0: the store has not stopped
  std::chrono::nanoseconds next_ping_{0};
  std::chrono::nanoseconds next_keep_alive_{0};  ///< of followers over WebSocket
  Position followed_{0};                         ///< the store's end, as they know it
  int exit_code_ = kExitStopped;
};

}  // namespace stele::app
