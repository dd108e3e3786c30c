#include "server/kafka/broker.h"

#include <algorithm>
#include <array>

#include "log/store/catalogue.h"
#include "server/kafka/handlers.h"

namespace stele::kafka {

namespace {
constexpr std::string_view kAnonymous = "ANONYMOUS";  // nobody has to prove who they are
}

Broker::Broker(log::Store& store_in, Env& env_in, server::TimerQueue& timers_in,
               server::BufferPool& pool_in, Metrics& metrics_in, BrokerOptions options_in)
    : store(store_in),
      env(env_in),
      timers(timers_in),
      pool(pool_in),
      metrics(metrics_in),
      options(std::move(options_in)),
      quota_configs(store_in.properties()),
      group_configs(store_in.properties()),
      quotas(options.quotas),
      fetch_sessions(env_in, options.fetch_sessions),
      waits(store_in, timers_in, fetch_index, fetch_sessions, metrics_in, {}),
      coordinator(store_in, env_in, timers_in, options.groups),
      fetch_seed(env_in.random()) {
  quotas.set_limits(&quota_configs);
  coordinator.set_consumer_overrides(
      [this](std::string_view group, groups::ConsumerGroupConfig& config) {
        group_configs.apply_to(group, config);
      });
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
  const Next next = dispatch_charged(std::move(request), frame.bytes.size(), client);
  if (next == Next::kClose)
    return refuse(client, fmt::format("bytes are not a {} v{} request", received->api->name,
                                      received->header.api_version));
  return next;
}

/// The time that it takes is the client's, whenever it is answered.
RequestHandler::Next Broker::dispatch_charged(Request request, std::size_t frame_bytes,
                                              const Client& client) {
  const QuotaClientPtr quota = quotas.client(kAnonymous, request.client_id, request.arrived);
  if (!quota) return dispatch(std::move(request), client);
  request.quotas = &quotas;
  request.quota = quota;
  if (request.api == ApiKey::kProduce) {
    // At once, not with the answer: a client that has many requests under way is stopped in time.
    const auto bytes = static_cast<double>(frame_bytes);
    request.pause = quota->record(QuotaKind::kProducerBytes, bytes, request.arrived);
    if (request.pause > std::chrono::nanoseconds(0)) request.reply->pause(request.pause);
  }
  quotas.begin_work(request.arrived);
  const Next next = dispatch(std::move(request), client);
  const auto now = env.now();
  quota->record(QuotaKind::kRequestTime, quotas.end_work(now), now);
  return next;
}

namespace {

/// What administrators ask. A test sees to it that every API of the table has its place.
Next dispatch_admin(Broker& broker, Request request, const Client& client) {
  switch (request.api) {
    case ApiKey::kCreateTopics:
      return handle_create_topics(broker, std::move(request));
    case ApiKey::kDeleteTopics:
      return handle_delete_topics(broker, std::move(request));
    case ApiKey::kDescribeConfigs:
      return handle_describe_configs(broker, request);
    case ApiKey::kAlterConfigs:
      return handle_alter_configs(broker, std::move(request));
    case ApiKey::kIncrementalAlterConfigs:
      return handle_incremental_alter_configs(broker, std::move(request));
    case ApiKey::kListConfigResources:
      return handle_list_config_resources(broker, request);
    case ApiKey::kCreatePartitions:
      return handle_create_partitions(broker, std::move(request));
    case ApiKey::kDeleteRecords:
      return handle_delete_records(broker, std::move(request));
    case ApiKey::kDescribeTopicPartitions:
      return handle_describe_topic_partitions(broker, request);
    case ApiKey::kDescribeAcls:
      return handle_describe_acls(broker, request);
    case ApiKey::kCreateAcls:
      return handle_create_acls(broker, request);
    case ApiKey::kDeleteAcls:
      return handle_delete_acls(broker, request);
    case ApiKey::kElectLeaders:
      return handle_elect_leaders(broker, request);
    case ApiKey::kAlterPartitionReassignments:
      return handle_alter_partition_reassignments(broker, request);
    case ApiKey::kListPartitionReassignments:
      return handle_list_partition_reassignments(broker, request);
    case ApiKey::kDescribeLogDirs:
      return handle_describe_log_dirs(broker, request);
    case ApiKey::kDescribeQuorum:
      return handle_describe_quorum(broker, request, client);
    case ApiKey::kDescribeClientQuotas:
      return handle_describe_client_quotas(broker, request);
    case ApiKey::kAlterClientQuotas:
      return handle_alter_client_quotas(broker, std::move(request));
    case ApiKey::kDescribeProducers:
      return handle_describe_producers(broker, request);
    default:
      return Next::kClose;
  }
}

Next dispatch_groups(Broker& broker, Request request, const Client& client) {
  switch (request.api) {
    case ApiKey::kFindCoordinator:
      return handle_find_coordinator(broker, std::move(request), client);
    case ApiKey::kJoinGroup:
      return handle_join_group(broker, std::move(request), client);
    case ApiKey::kSyncGroup:
      return handle_sync_group(broker, std::move(request));
    case ApiKey::kHeartbeat:
      return handle_heartbeat(broker, request);
    case ApiKey::kLeaveGroup:
      return handle_leave_group(broker, std::move(request));
    case ApiKey::kOffsetCommit:
      return handle_offset_commit(broker, std::move(request));
    case ApiKey::kOffsetFetch:
      return handle_offset_fetch(broker, std::move(request));
    case ApiKey::kOffsetDelete:
      return handle_offset_delete(broker, std::move(request));
    case ApiKey::kDescribeGroups:
      return handle_describe_groups(broker, request);
    case ApiKey::kListGroups:
      return handle_list_groups(broker, request);
    case ApiKey::kDeleteGroups:
      return handle_delete_groups(broker, std::move(request));
    case ApiKey::kConsumerGroupHeartbeat:
      return handle_consumer_group_heartbeat(broker, std::move(request), client);
    case ApiKey::kConsumerGroupDescribe:
      return handle_consumer_group_describe(broker, request);
    default:
      return dispatch_admin(broker, std::move(request), client);
  }
}

}  // namespace

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
    case ApiKey::kApiVersions:
      return handle_api_versions(*this, request);
    case ApiKey::kInitProducerId:
      return handle_init_producer_id(*this, std::move(request));
    case ApiKey::kOffsetForLeaderEpoch:
      return handle_offset_for_leader_epoch(*this, request);
    case ApiKey::kDescribeCluster:
      return handle_describe_cluster(*this, request, client);
    default:
      return dispatch_groups(*this, std::move(request), client);
  }
}

ErrorCode check_leader_epoch(std::int32_t current, std::int32_t expected) {
  if (expected < 0 || expected == current) return ErrorCode::kNone;
  return expected < current ? ErrorCode::kFencedLeaderEpoch : ErrorCode::kUnknownLeaderEpoch;
}

bool is_legal_topic_name(std::string_view name) {
  return log::check_topic_name(name).has_value();
}

bool is_reserved_topic_name(std::string_view name) {
  constexpr std::array<std::string_view, 4> kReserved = {
      "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"};
  return std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("__stele");
}

}  // namespace stele::kafka
