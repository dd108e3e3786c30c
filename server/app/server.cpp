#include "server/app/server.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

#include "log/base/fail.h"
#include "server/app/store_metrics.h"
#include "server/core/log.h"
#include "server/kafka/handlers.h"

namespace stele::app {

using namespace std::chrono_literals;

namespace {

constexpr auto kDrainMax = 10s;
constexpr auto kTellMax = 2s;  // after the store has stopped: clients and health checks learn of it
constexpr auto kDrainCheck = 10ms;

kafka::ConnectionLimits connection_limits(const Settings& settings) {
  kafka::ConnectionLimits limits;
  limits.frame_bytes_max = static_cast<std::size_t>(settings.request_bytes_max);
  limits.idle_max = std::chrono::milliseconds(settings.idle_ms_max);
  limits.unsent_total_bytes_max = static_cast<std::size_t>(settings.memory_bytes_max / 4);
  return limits;
}

server::SampledRate::Window quota_window(const Settings& settings) {
  return {static_cast<std::size_t>(settings.quota_samples),
          std::chrono::seconds(settings.quota_sample_seconds)};
}

server::ConnectionQuota::Limits quota_limits(const Settings& settings) {
  const bool rate_is_limited =
      settings.connection_rate_max < std::numeric_limits<std::int32_t>::max();
  return {.connections_max = static_cast<std::size_t>(settings.connections_max),
          .connections_per_ip_max = static_cast<std::size_t>(settings.connections_per_ip_max),
          .per_ip_overrides = settings.connections_per_ip_overrides,
          .rate_max = rate_is_limited ? static_cast<double>(settings.connection_rate_max) : 0,
          .window = quota_window(settings)};
}

server::ConnectionQuota::Limits http_quota_limits(const Settings& settings) {
  const auto connections_max = static_cast<std::size_t>(settings.http_connections_max);
  return {.connections_max = connections_max, .connections_per_ip_max = connections_max};
}

http::Limits http_limits(const Settings& settings) {
  http::Limits limits;
  limits.body_bytes_max = static_cast<std::size_t>(settings.http_body_bytes_max);
  limits.body_total_bytes_max = static_cast<std::size_t>(settings.memory_bytes_max / 8);
  limits.unsent_total_bytes_max = static_cast<std::size_t>(settings.memory_bytes_max / 8);
  limits.followers_max = static_cast<std::size_t>(settings.http_followers_max);
  limits.request_max = std::chrono::milliseconds(settings.http_request_ms_max);
  limits.idle_max = std::chrono::milliseconds(settings.http_idle_ms_max);
  limits.stalled_max = limits.idle_max;
  return limits;
}

bool on_both_loopbacks(const std::vector<std::unique_ptr<server::Listener>>& listeners) {
  const auto has = [&](int family) {
    return std::ranges::any_of(listeners, [family](const auto& listener) {
      return listener->address().is_loopback() && listener->address().family() == family;
    });
  };
  return has(AF_INET) && has(AF_INET6);
}

groups::GroupSettings group_settings(const Settings& settings) {
  groups::GroupSettings groups;
  groups.offsets_topic_partitions = settings.offsets_partitions;
  groups.session_ms_min = settings.group_session_ms_min;
  groups.session_ms_max = settings.group_session_ms_max;
  groups.initial_delay_ms = settings.group_initial_delay_ms;
  groups.metadata_bytes_max = settings.offset_metadata_bytes_max;
  groups.retention_ms = std::int64_t{settings.offsets_retention_minutes} * 60'000;
  groups.retention_check_ms = settings.offsets_retention_check_ms;
  groups.member_count_max = static_cast<std::size_t>(settings.group_members_max);
  groups.memory_bytes_max = static_cast<std::size_t>(settings.memory_bytes_max / 8);
  return groups;
}

/// The most of the buffers that are kept when nobody uses them.
std::size_t kept_buffer_bytes(const Settings& settings) {
  return static_cast<std::size_t>(std::min<std::int64_t>(settings.memory_bytes_max / 8, 32 << 20));
}

/// Buffers get so much of the budget; the rest is for everything else that lives in memory.
std::size_t buffer_bytes(const Settings& settings) {
  return static_cast<std::size_t>(settings.memory_bytes_max / 8 * 5);
}

}  // namespace

Server::Server(const ParsedSettings& parsed, Env& env, log::Store& store, const Systemd& systemd)
    : parsed_(parsed),
      env_(env),
      store_(store),
      systemd_(systemd),
      kafka_quota_(quota_limits(parsed.settings)),
      http_quota_(http_quota_limits(parsed.settings)),
      pool_({buffer_bytes(parsed.settings), kept_buffer_bytes(parsed.settings)}),
      loop_(env),
      driver_(loop_, env, store),
      events_(store) {}

Server::~Server() {
  store_.on_advance({});
}

Result<std::vector<server::SocketAddress>> Server::addresses_of(const std::string& setting,
                                                                std::string_view name) const {
  std::vector<server::SocketAddress> all;
  for (std::size_t at = 0; at < setting.size();) {
    const std::size_t comma = std::min(setting.find(',', at), setting.size());
    STELE_TRY(const auto parsed,
              server::HostPort::parse(std::string_view(setting).substr(at, comma - at)));
    STELE_TRY(const auto found, server::resolve(parsed));
    all.insert(all.end(), found.begin(), found.end());
    at = comma + 1;
  }
  for (const server::SocketAddress& address : all) {
    if (address.is_loopback() || parsed_.settings.insecure) continue;
    return fail(Code::kInvalid,
                "{}={} is open to other machines, and nobody has to prove who they are: add "
                "--insecure if that is meant",
                name, address.text());
  }
  return all;
}

Result<void> Server::listen_on(const std::string& setting, std::string_view name,
                               const server::Listener::Handler& handler,
                               std::vector<std::unique_ptr<server::Listener>>& into) {
  STELE_TRY(auto addresses, addresses_of(setting, name));
  const bool is_kafka = &into == &kafka_listeners_;
  for (server::SocketAddress& address : addresses) {
    // Port 0: the first address gets any, the others the same one.
    if (address.port() == 0 && !into.empty()) address.set_port(into.front()->address().port());
    auto listener =
        server::Listener::open(loop_, address, is_kafka ? kafka_quota_ : http_quota_, handler);
    if (!listener) {
      return fail(listener.error().code, "{}: {}", name, listener.error().detail);
    }
    into.push_back(*std::move(listener));
  }
  return {};
}

Result<void> Server::listen() {
  const auto to_kafka = [this](server::AcceptedSocket socket) {
    kafka_->accept(std::move(socket));
  };
  const auto to_http = [this](server::AcceptedSocket socket) { http_->accept(std::move(socket)); };
  STELE_DO(listen_on(parsed_.settings.kafka_listen, "kafka-listen", to_kafka, kafka_listeners_));
  STELE_DO(listen_on(parsed_.settings.http_listen, "http-listen", to_http, http_listeners_));
  broker_ = std::make_unique<kafka::Broker>(store_, env_, loop_.timers(), pool_, metrics_,
                                            broker_options());
  STELE_DO(broker_->coordinator.load());
  kafka_quota_.limit_rates(
      [this](const std::string& ip) { return broker_->quota_configs.connection_rate_of(ip); });
  kafka_ = std::make_unique<kafka::Service>(loop_, pool_, connection_limits(parsed_.settings),
                                            *broker_, metrics_);
  make_http();
  return make_grpc();
}

Result<void> Server::make_grpc() {
  if (parsed_.settings.grpc_listen.empty()) return {};
  STELE_TRY(const auto addresses, addresses_of(parsed_.settings.grpc_listen, "grpc-listen"));
  rpc::GrpcOptions options;
  for (const server::SocketAddress& address : addresses) {
    options.addresses.push_back(address.text());
  }
  options.memory_bytes_max = static_cast<std::size_t>(parsed_.settings.memory_bytes_max / 4);
  auto opened = rpc::GrpcServer::open(loop_, env_, events_, std::move(options),
                                      [this] { return unhealthy_because(); });
  if (!opened) return fail(opened.error().code, "grpc-listen: {}", opened.error().detail);
  grpc_ = *std::move(opened);
  return {};
}

void Server::make_http() {
  http::ApiOptions options;
  options.limits = http_limits(parsed_.settings);
  options.auto_create_topics = parsed_.settings.auto_create_topics;
  options.default_partitions = parsed_.settings.default_partitions;
  options.is_reserved = kafka::is_reserved_topic_name;
  api_ = std::make_unique<http::Api>(
      loop_, events_, options,
      http::Status{.metrics = [this] { return metrics_text(); },
                   .unhealthy_because = [this] { return unhealthy_because(); },
                   .ready = [this] { return drain_until_ == 0ns && stopped_since_ == 0ns; }});
  http_ = std::make_unique<http::HttpServer>(loop_, env_, options.limits, *api_,
                                             [this] { return store_.end().raw(); });
}

std::chrono::nanoseconds Server::end_http_turn() {
  constexpr auto kKeepAliveEvery = 15s;
  const Position end = store_.end();
  if (std::exchange(followed_, end) != end) api_->wake_followers();
  if (loop_.now() >= next_keep_alive_) {
    api_->keep_followers_alive();
    next_keep_alive_ = loop_.now() + kKeepAliveEvery;
  }
  return http_->end_turn();
}

kafka::BrokerOptions Server::broker_options() const {
  const Settings& settings = parsed_.settings;
  kafka::BrokerOptions options;
  options.node_id = settings.node_id;
  if (!settings.kafka_advertised.empty()) {
    options.advertised = server::HostPort::parse(settings.kafka_advertised).value();
  }
  options.listens_on_both_loopbacks = on_both_loopbacks(kafka_listeners_);
  options.auto_create_topics = settings.auto_create_topics;
  options.data_folder = settings.data;
  options.clamp_replication = settings.clamp_replication;
  options.default_partitions = settings.default_partitions;
  options.fetch_bytes_max = static_cast<std::size_t>(settings.fetch_bytes_max);
  options.groups = group_settings(settings);
  options.fetch_sessions.sessions_max = static_cast<std::size_t>(settings.fetch_sessions_max);
  options.quotas.window = quota_window(settings);
  options.appending_bytes_max = static_cast<std::size_t>(settings.queued_bytes_max / 2);
  for (const SettingInForce& setting : parsed_.in_force) {
    kafka::BrokerConfig& config = options.configs.emplace_back();
    config.name = setting.kafka_name.empty() ? fmt::format("stele.{}", setting.name)
                                             : std::string(setting.kafka_name);
    config.value = setting.value;
    config.default_value = setting.default_value;
    config.documentation = setting.documentation;
    config.is_default = setting.source == Source::kDefault;
  }
  return options;
}

std::string Server::ready_text(std::chrono::nanoseconds took) const {
  const auto list = [](const auto& listeners) {
    std::string text;
    for (const auto& listener : listeners) {
      text += (text.empty() ? "" : ",") + listener->address().text();
    }
    return text;
  };
  std::string grpc_text = grpc_ == nullptr ? "none" : "";
  if (grpc_ != nullptr) {
    for (const std::string& address : grpc_->addresses()) {
      grpc_text += (grpc_text.empty() ? "" : ",") + address;
    }
  }
  const std::uint16_t port = kafka_listeners_.front()->address().port();
  const std::string host = on_both_loopbacks(kafka_listeners_)
                               ? fmt::format("localhost:{}", port)
                               : kafka_listeners_.front()->address().text();
  return fmt::format(
      "steled ready kafka={} http={} grpc={} data={} took_ms={}\n"
      "  produce:  echo 'hello, stele' | kcat -b {} -t first -P\n"
      "  consume:  kcat -b {} -t first -C -o beginning -e\n"
      "  look:     kcat -b {} -L\n"
      "  append:   curl -d 'hello' -H 'content-type: text/plain' -H 'ce-type: Greeted' "
      "http://{}/v1/topics/orders/streams/order-1\n"
      "  read:     curl http://{}/v1/topics/orders/streams/order-1\n",
      list(kafka_listeners_), list(http_listeners_), grpc_text, parsed_.settings.data,
      std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), host, host, host,
      http_listeners_.front()->address().text(), http_listeners_.front()->address().text());
}

int Server::run() {
  loop_.add_hook([this] {
    broker_->end_turn();
    return std::chrono::nanoseconds::max();
  });
  loop_.add_hook([this] { return kafka_->end_turn(); });
  loop_.add_hook([this] { return end_http_turn(); });
  loop_.add_hook([this] { return std::min(watch_store(), watch_drain()); });
  if (systemd_.watchdog_period() > 0us) loop_.add_hook([this] { return ping_systemd(); });
  loop_.on_signals({SIGTERM, SIGINT}, [this](int signal) { on_signal(signal); });
  loop_.run();
  return exit_code_;
}

void Server::on_signal(int signal) {
  if (drain_until_ != 0ns) {
    server::log_warn("stopping_at_once signal={}", signal);
    std::_Exit(128 + signal);
  }
  start_drain(exit_code_, signal == SIGTERM ? "SIGTERM" : "SIGINT");
}

/// A store that has stopped does not come back: clients get errors that they retry elsewhere or
/// later, health checks get a reason, then the process ends so that a restart recovers.
std::chrono::nanoseconds Server::watch_store() {
  if (store_.state() != log::StoreState::kStopped) return std::chrono::nanoseconds::max();
  if (stopped_since_ == 0ns) {
    stopped_since_ = loop_.now();
    exit_code_ = kExitDiskFailed;
    server::log_error("store_stopped reason=\"{}\"", store_.stats().stopped_because);
  }
  const auto left = stopped_since_ + kTellMax - loop_.now();
  if (left > 0ns) return left;
  if (drain_until_ == 0ns) start_drain(kExitDiskFailed, "the store has stopped");
  return kDrainCheck;
}

void Server::start_drain(int exit_code, std::string_view reason) {
  exit_code_ = exit_code;
  drain_until_ = loop_.now() + kDrainMax;
  server::log_info("draining reason=\"{}\" connections={}", reason, kafka_->connection_count());
  systemd_.stopping(fmt::format("draining: {}", reason));
  store_.cancel_scavenge();  // nobody waits for hours
  kafka_listeners_.clear();
  broker_->drain();
  kafka_->drain();
  api_->drain();
  http_->drain();
  if (grpc_ != nullptr) grpc_->drain(kDrainMax);
}

std::chrono::nanoseconds Server::watch_drain() {
  if (drain_until_ == 0ns) return std::chrono::nanoseconds::max();
  const bool drained =
      kafka_->connection_count() == 0 && http_->drained() && (grpc_ == nullptr || grpc_->drained());
  if (drained || loop_.now() >= drain_until_) {
    loop_.stop();
    return 0ns;
  }
  return kDrainCheck;
}

/// A loop that turns is alive: two pings a period.
std::chrono::nanoseconds Server::ping_systemd() {
  const auto now = loop_.now();
  if (now >= next_ping_) {
    systemd_.ping();
    next_ping_ = now + systemd_.watchdog_period() / 2;
  }
  return next_ping_ - now;
}

std::string Server::unhealthy_because() const {
  if (store_.state() == log::StoreState::kOpen) return "";
  const std::string reason = store_.stats().stopped_because;
  return reason.empty() ? "the store is closed" : "the store has stopped: " + reason;
}

std::string Server::metrics_text() const {
  server::PrometheusText text;
  print_store_metrics(store_.stats(), text);
  print_index_metrics(store_.index(), text);
  metrics_.print(text);
  const auto as_gauge = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  text.gauge("stele_kafka_connections", "Open client connections.")
      .sample("", as_gauge(kafka_->connection_count()));
  text.gauge("stele_kafka_waiting_fetches", "Fetches that wait for data.")
      .sample("", as_gauge(broker_->waits.count()));
  const kafka::FetchSessionCache& sessions = broker_->fetch_sessions;
  text.gauge("stele_kafka_fetch_sessions", "Fetch sessions that are kept.")
      .sample("", as_gauge(sessions.count()));
  text.gauge("stele_kafka_fetch_session_partitions", "Partitions of all fetch sessions.")
      .sample("", as_gauge(sessions.partition_count()));
  text.counter("stele_kafka_fetch_session_evictions_total", "Sessions that gave way to others.")
      .sample("", sessions.eviction_count());
  text.gauge("stele_kafka_quota_clients", "Clients whose use is measured for quotas.")
      .sample("", as_gauge(broker_->quotas.client_count()));
  broker_->coordinator.print(text);
  api_->print(text);
  http_->print(text);
  if (grpc_ != nullptr) grpc_->print(text);
  text.gauge("stele_kafka_appending_bytes", "Bytes given to the store and not yet answered.")
      .sample("", as_gauge(broker_->appending_bytes));
  text.gauge("stele_buffer_in_use_bytes", "Buffers that hold requests and answers.")
      .sample("", as_gauge(pool_.in_use_bytes()));
  text.gauge("stele_buffer_free_bytes", "Buffers kept for reuse.")
      .sample("", as_gauge(pool_.free_bytes()));
  std::int64_t refused = 0;
  std::int64_t throttled = 0;
  for (const auto& listener : kafka_listeners_) {
    refused += listener->refused_count();
    throttled += listener->throttled_count();
  }
  text.counter("stele_kafka_connections_throttled_total",
               "Connections that came too fast from one address.")
      .sample("", throttled);
  text.counter("stele_kafka_connections_refused_total", "Connections refused at a limit.")
      .sample("", refused);
  return text.take();
}

}  // namespace stele::app
