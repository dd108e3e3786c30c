// What the Kafka listener counts: requests and their latency by API, errors by code, bytes,
// connections, waiting fetches. Written by the loop's thread, printed by /metrics on the same one.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "server/core/prometheus.h"
#include "server/kafka/errors.h"
#include "server/kafka/wire/api.h"

namespace stele::kafka {

class Metrics {
public:
  struct ForApi {
    server::LatencyHistogram latency;
    std::int64_t request_bytes = 0;
    std::int64_t response_bytes = 0;
    std::int64_t throttled_ms = 0;  ///< that clients were told to pause
    std::map<ErrorCode, std::int64_t> errors;
  };

  [[nodiscard]] ForApi& of(ApiKey key);
  void count_error(ApiKey key, ErrorCode code) {
    if (code != ErrorCode::kNone) ++of(key).errors[code];
  }
  void print(server::PrometheusText& out) const;

  std::int64_t connections_accepted = 0;
  std::int64_t connections_closed = 0;
  std::int64_t unsent_bytes = 0;       ///< of answers, now
  std::int64_t muted_connections = 0;  ///< now, for going over a quota
  std::int64_t invalid_requests = 0;   ///< answered by closing the connection
  std::int64_t received_bytes = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t records_produced_bytes = 0;
  std::int64_t records_fetched_bytes = 0;
  server::LatencyHistogram fetch_wait;  ///< of fetches that had to wait for data

private:
  std::array<ForApi, kApis.size()> by_api_;
};

}  // namespace stele::kafka
