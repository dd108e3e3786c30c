#include "server/kafka/broker.h"

#include <algorithm>
#include <array>

#include "server/kafka/handlers.h"

namespace stele::kafka {

Broker::Broker(log::Store& store_in, Env& env_in, server::TimerQueue& timers_in,
               server::BufferPool& pool_in, Metrics& metrics_in, BrokerOptions options_in)
    : store(store_in),
      env(env_in),
      timers(timers_in),
      pool(pool_in),
      metrics(metrics_in),
      options(std::move(options_in)),
      waits(timers_in, metrics_in) {
  store.on_advance([this](std::span<const log::PartitionAdvance> moved) {
    for (const log::PartitionAdvance& advance : moved) waits.advanced(advance.partition);
  });
}

server::HostPort Broker::advertised_to(const Client& client) const {
  if (options.advertised) return *options.advertised;
  const bool is_localhost = client.local.is_loopback() && options.listens_on_both_loopbacks;
  return {is_localhost ? "localhost" : client.local.ip(), client.local.port()};
}

RequestHandler::Next Broker::refuse(const Client& client, std::string_view detail) {
  ++metrics.invalid_requests;
  std::int64_t suppressed = 0;
  if (refused_log_.allows(env.now(), suppressed)) {
    server::log_warn("request_refused peer={} reason=\"{}\" suppressed={}", client.peer, detail,
                     suppressed);
  }
  return Next::kClose;
}

/// Kafka closes the connection for every API but ApiVersions.
RequestHandler::Next Broker::refuse_version(const Request& request) {
  if (request.api != ApiKey::kApiVersions) return Next::kClose;
  answer_unsupported_api_versions(*this, request);
  return Next::kGoOn;
}

RequestHandler::Next Broker::handle(const RequestFrame& frame, const Client& client,
                                    ReplyPtr reply) {
  Request request{
      .frame = frame.owner, .arrived = env.now(), .reply = std::move(reply), .metrics = &metrics};
  const auto received = read_request_header(frame.bytes);
  if (!received) {
    // A later ApiVersions may have a header that we cannot read: its first 8 bytes are enough.
    const bool asks_versions = load_be<std::int16_t>(frame.bytes.data()) == 18;
    if (!asks_versions) return refuse(client, received.error().detail);
    request.correlation_id = load_be<std::int32_t>(frame.bytes.data() + 4);
    return refuse_version(request);
  }
  request.api = received->api->key;
  request.version = received->header.api_version;
  request.correlation_id = received->header.correlation_id;
  request.client_id = received->header.client_id.value_or("");
  request.body = received->body;
  metrics.of(request.api).request_bytes += static_cast<std::int64_t>(frame.bytes.size());
  if (!received->api->served.has(request.version)) {
    if (request.api == ApiKey::kApiVersions) return refuse_version(request);
    return refuse(client,
                  fmt::format("{} v{} is not served", received->api->name, request.version));
  }
  const Next next = dispatch(std::move(request), client);
  if (next == Next::kClose)
    return refuse(client, fmt::format("bytes are not a {} v{} request", received->api->name,
                                      received->header.api_version));
  return next;
}

RequestHandler::Next Broker::dispatch(Request request, const Client& client) {
  switch (request.api) {
    case ApiKey::kProduce:
      return handle_produce(*this, std::move(request));
    case ApiKey::kFetch:
      return handle_fetch(*this, std::move(request));
    case ApiKey::kListOffsets:
      return handle_list_offsets(*this, request);
    case ApiKey::kMetadata:
      return handle_metadata(*this, std::move(request), client);
    case ApiKey::kFindCoordinator:
      return handle_find_coordinator(*this, request);
    case ApiKey::kApiVersions:
      return handle_api_versions(*this, request);
    case ApiKey::kCreateTopics:
      return handle_create_topics(*this, std::move(request));
    case ApiKey::kDeleteTopics:
      return handle_delete_topics(*this, std::move(request));
    case ApiKey::kInitProducerId:
      return handle_init_producer_id(*this, std::move(request));
    case ApiKey::kOffsetForLeaderEpoch:
      return handle_offset_for_leader_epoch(*this, request);
    case ApiKey::kDescribeConfigs:
      return handle_describe_configs(*this, request);
    case ApiKey::kDescribeCluster:
      return handle_describe_cluster(*this, request, client);
  }
  return Next::kClose;
}

ErrorCode check_leader_epoch(std::int32_t current, std::int32_t expected) {
  if (expected < 0 || expected == current) return ErrorCode::kNone;
  return expected < current ? ErrorCode::kFencedLeaderEpoch : ErrorCode::kUnknownLeaderEpoch;
}

bool is_legal_topic_name(std::string_view name) {
  constexpr std::string_view kLegal =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         name.find_first_not_of(kLegal) == std::string_view::npos;
}

bool is_reserved_topic_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kReserved = {
      "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"};
  return std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("__stele");
}

}  // namespace stele::kafka
