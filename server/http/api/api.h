// What the HTTP listener serves: routes ─► use cases of the EventStore ─► answers.
//
//   plan(head)      which route, how much of a body, may it overlap with earlier requests
//   handle(request) the route's use case; whatever was asked is answered through the exchange
//
// One table (routes.cpp) holds the routes; docs/http.md and openapi.json describe them.
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "log/event_store/event_store.h"
#include "server/core/event_loop.h"
#include "server/http/api/api_metrics.h"
#include "server/http/connection.h"
#include "server/http/exchange.h"

namespace stele::http {

/// What the service says of itself; called on the loop's thread.
struct Status {
  std::function<std::string()> metrics;
  std::function<std::string()> unhealthy_because;  ///< empty: healthy
  std::function<bool()> ready;
};

struct ApiOptions {
  Limits limits = {};
  bool auto_create_topics = true;  ///< an append to a topic that is not there creates it
  std::int32_t default_partitions = 1;
  /// Topics that nobody appends to but the service itself.
  std::function<bool(std::string_view)> is_reserved = [](std::string_view) { return false; };
};

class Followers;

class Api final : public RequestHandler {
public:
  /// Everything given outlives it.
  Api(server::EventLoop& loop, log::EventStore& events, ApiOptions options, Status status);
  ~Api() override;

  Plan plan(Request& head) override;
  std::unique_ptr<BodySink> handle(Request& request, ExchangePtr exchange) override;
  Response refuse(unsigned status, std::string_view why) override;

  /// Those who follow over WebSocket are woken; once a turn, when something was appended.
  void wake_followers();
  /// Tells them how far was looked; every 15 s or so.
  void keep_followers_alive();
  /// The service stops: those who follow are told, and whoever asks for more than metrics and
  /// health is told to come back.
  void drain();

  [[nodiscard]] log::EventStore& events() { return events_; }
  [[nodiscard]] log::Store& store() { return events_.store(); }
  [[nodiscard]] const ApiOptions& options() const { return options_; }
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] server::EventLoop& loop() { return loop_; }
  [[nodiscard]] Followers& followers() { return *followers_; }
  [[nodiscard]] ApiMetrics& metrics() { return metrics_; }
  void print(server::PrometheusText& text) const;

private:
  server::EventLoop& loop_;
  log::EventStore& events_;
  const ApiOptions options_;
  const Status status_;
  std::unique_ptr<Followers> followers_;
  ApiMetrics metrics_;
  bool draining_ = false;
};

}  // namespace stele::http
