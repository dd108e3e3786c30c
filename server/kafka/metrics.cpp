#include "server/kafka/metrics.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::kafka {

namespace {

std::size_t index_of(ApiKey key) {
  const auto at = std::ranges::find(kApis, key, &Api::key);
  STELE_CHECK(at != kApis.end());
  return static_cast<std::size_t>(at - kApis.begin());
}

std::string api_label(const Api& api) {
  return server::label("api", api.name);
}

}  // namespace

Metrics::ForApi& Metrics::of(ApiKey key) {
  return by_api_[index_of(key)];
}

void Metrics::print(server::PrometheusText& out) const {
  out.histogram("stele_kafka_request_seconds", "Time from a request's arrival to its answer.");
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    if (by_api_[i].latency.count() > 0) out.buckets(api_label(kApis[i]), by_api_[i].latency);
  }
  out.counter("stele_kafka_request_bytes_total", "Bytes of request frames.");
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    out.sample(api_label(kApis[i]), by_api_[i].request_bytes);
  }
  out.counter("stele_kafka_response_bytes_total", "Bytes of response frames.");
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    out.sample(api_label(kApis[i]), by_api_[i].response_bytes);
  }
  out.counter("stele_kafka_throttled_milliseconds_total",
              "Time that clients over a quota were muted for.");
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    if (by_api_[i].throttled_ms > 0) out.sample(api_label(kApis[i]), by_api_[i].throttled_ms);
  }
  out.gauge("stele_kafka_unsent_bytes", "Bytes of answers that wait to be sent.")
      .sample("", unsent_bytes);
  out.gauge("stele_kafka_muted_connections", "Connections that pause for going over a quota.")
      .sample("", muted_connections);
  out.counter("stele_kafka_errors_total", "Error codes answered, one for each topic or partition.");
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    for (const auto& [code, count] : by_api_[i].errors) {
      out.sample(api_label(kApis[i]) + "," + server::label("code", name(code)), count);
    }
  }
  out.histogram("stele_kafka_fetch_wait_seconds", "How long fetches waited for data.");
  out.buckets("", fetch_wait);
  out.counter("stele_kafka_connections_accepted_total", "Connections accepted.")
      .sample("", connections_accepted);
  out.counter("stele_kafka_connections_closed_total", "Connections closed.")
      .sample("", connections_closed);
  out.counter("stele_kafka_invalid_requests_total", "Requests answered by closing the connection.")
      .sample("", invalid_requests);
  out.counter("stele_kafka_received_bytes_total", "Bytes received.").sample("", received_bytes);
  out.counter("stele_kafka_sent_bytes_total", "Bytes sent.").sample("", sent_bytes);
  out.counter("stele_kafka_produced_bytes_total", "Bytes of record batches produced.")
      .sample("", records_produced_bytes);
  out.counter("stele_kafka_fetched_bytes_total", "Bytes of record batches fetched.")
      .sample("", records_fetched_bytes);
}

}  // namespace stele::kafka
