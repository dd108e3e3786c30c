// The gRPC listener: stele.v1.EventStore and stele.v1.Admin (proto/stele/v1) on an EventStore,
// health checks and reflection.
//
//   client ─► poller (1 thread): parse, decode, submit ─► event loop: the store's core ─► answer
//                     └─ reads, subscriptions ─► reader threads: page after page ─► answer
//
// Bounded: messages by message_bytes_max, appends of a stream by append_count_max, reads and
// subscriptions by number; what a slow client does not take is not read from the log.
// Threads: made, drained and destroyed on the loop's. gRPC stays behind this header.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/base/error.h"
#include "log/event_store/event_store.h"
#include "server/core/event_loop.h"
#include "server/core/prometheus.h"

namespace stele::rpc {

struct GrpcOptions {
  std::vector<std::string> addresses;       ///< "127.0.0.1:8093"; port 0: any
  std::size_t message_bytes_max = 5 << 20;  ///< of a request: what the store takes, and some more
  std::size_t append_count_max = 1024;      ///< of one AppendStream, not yet answered
  std::size_t append_bytes_max = 16 << 20;  ///< the same, in bytes
  std::size_t append_streams_max = 1000;
  std::size_t reads_max = 1000;          ///< at a time
  std::size_t subscriptions_max = 1000;  ///< at a time
  int calls_per_connection_max = 1000;
  std::size_t memory_bytes_max = 256 << 20;  ///< of gRPC's own buffers
  std::size_t page_bytes = 256 << 10;        ///< about what one message of a read holds
  std::size_t page_events = 2048;
  std::size_t reader_threads = 2;
};

struct GrpcCounters {
  std::atomic<std::int64_t> appends{0}, refused_appends{0}, events_sent{0}, pages_sent{0};
  std::atomic<std::int64_t> append_streams{0}, reads{0}, subscriptions{0};  ///< there are now
};

class GrpcServer {
public:
  /// `unhealthy_because` is asked on the loop's thread; empty: healthy. Loop, env and events
  /// outlive the server. kAlreadyExists: a port is in use.
  static Result<std::unique_ptr<GrpcServer>> open(server::EventLoop& loop, Env& env,
                                                  log::EventStore& events, GrpcOptions options,
                                                  std::function<std::string()> unhealthy_because);
  ~GrpcServer();

  /// Where it listens, with the ports that the system chose.
  [[nodiscard]] const std::vector<std::string>& addresses() const;
  /// Takes no more calls; those under way end within `longest`. Needs the loop to turn.
  void drain(std::chrono::nanoseconds longest);
  /// After drain(): all calls have ended.
  [[nodiscard]] bool drained() const;
  void print(server::PrometheusText& out) const;

private:
  GrpcServer();
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace stele::rpc
