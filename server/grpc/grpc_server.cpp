#include "server/grpc/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <array>
#include <thread>
#include <utility>

#include "log/base/fail.h"
#include "server/grpc/call_world.h"
#include "server/grpc/methods.h"

namespace stele::rpc {

namespace {
constexpr std::chrono::nanoseconds kHealthEvery = std::chrono::seconds(1);
/// The server as a whole, and each of its services.
constexpr std::array kHealthNames = {"", "stele.v1.EventStore", "stele.v1.Admin"};

/// gRPC and Protobuf would write lines of their own to stderr, one for each bad frame or message.
/// What a client does wrong, the client is told.
void silence_libraries() {
  gpr_set_log_function([](gpr_log_func_args*) {});
  google::protobuf::SetLogHandler(nullptr);
}

/// `address` with the port that was bound.
std::string with_port(const std::string& address, int port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}
}  // namespace

struct GrpcServer::Parts {
  Parts(server::EventLoop& loop, Env& env, log::EventStore& store, GrpcOptions given,
        std::function<std::string()> unhealthy)
      : options(std::move(given)),
        unhealthy_because(std::move(unhealthy)),
        events(store),
        gate(loop),
        readers(options.reader_threads) {
    loop.add_hook([this, &env] { return end_turn(env.now()); });
  }
  ~Parts() { stop(); }

  Result<void> listen(Env& env);
  std::chrono::nanoseconds end_turn(std::chrono::nanoseconds now);
  void stop();

  GrpcOptions options;
  std::function<std::string()> unhealthy_because;
  log::EventStore& events;
  std::vector<std::string> addresses;
  LoopGate gate;
  ReaderPool readers;
  Methods methods;
  std::unique_ptr<CallQueue> queue;
  std::unique_ptr<CallWorld> world;
  std::unique_ptr<::grpc::Server> server;
  Position followed;  ///< the store's end, as subscriptions know it
  std::chrono::nanoseconds next_health{0};
  bool healthy = true;
  bool draining = false;
  std::atomic<bool> drained{false};
  std::jthread shutdown;  ///< waits for the calls to end
};

Result<void> GrpcServer::Parts::listen(Env& env) {
  silence_libraries();
  ::grpc::EnableDefaultHealthCheckService(true);
  ::grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  ::grpc::ServerBuilder builder;
  ::grpc::ResourceQuota quota("stele");
  quota.Resize(options.memory_bytes_max);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server is an error
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.calls_per_connection_max);
  builder.SetSyncServerOption(::grpc::ServerBuilder::MIN_POLLERS, 1);  // of reflection alone
  builder.SetSyncServerOption(::grpc::ServerBuilder::MAX_POLLERS, 1);
  std::vector<int> ports(options.addresses.size(), 0);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    builder.AddListeningPort(options.addresses[i], ::grpc::InsecureServerCredentials(), &ports[i]);
  }
  methods.add_to(builder);
  queue = std::make_unique<CallQueue>(builder.AddCompletionQueue());
  server = builder.BuildAndStart();
  if (server == nullptr) {
    std::string all;
    for (const std::string& address : options.addresses) all += (all.empty() ? "" : ",") + address;
    return fail(Code::kAlreadyExists,
                "cannot listen on {}: in use, or not an address of this machine", all);
  }
  for (const char* name : kHealthNames)
    server->GetHealthCheckService()->SetServingStatus(name, true);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    addresses.push_back(with_port(options.addresses[i], ports[i]));
  }
  world = std::make_unique<CallWorld>(events, env, options, *queue, gate, readers);
  methods.expect_calls(*world);
  queue->run();
  return {};
}

std::chrono::nanoseconds GrpcServer::Parts::end_turn(std::chrono::nanoseconds now) {
  if (world == nullptr) return kHealthEvery;
  const Position end = events.store().end();
  if (std::exchange(followed, end) != end && world->counters.subscriptions.load() > 0) {
    world->long_calls.for_each([](LongCall& call) { call.advanced(); });
  }
  if (now >= next_health && !draining) {
    next_health = now + kHealthEvery;
    const bool now_healthy = unhealthy_because().empty();
    if (now_healthy != std::exchange(healthy, now_healthy)) {
      auto* health = server->GetHealthCheckService();
      for (const char* name : kHealthNames) health->SetServingStatus(name, now_healthy);
    }
  }
  return draining ? kHealthEvery : next_health - now;
}

/// The store answers what it was given, the clients are told what there is still to tell; then
/// there is nothing left that could ask for any of this.
void GrpcServer::Parts::stop() {
  if (server == nullptr) {
    if (queue != nullptr) queue->close();
    return;
  }
  if (shutdown.joinable()) {
    shutdown.join();
  } else {
    server->Shutdown(std::chrono::system_clock::time_point::min());
  }
  readers.stop();
  queue->close();
  events.store().cancel_scavenge();
  events.store().run_until([this] { return world->unanswered.load() == 0; });
}

GrpcServer::GrpcServer() = default;
GrpcServer::~GrpcServer() = default;

Result<std::unique_ptr<GrpcServer>> GrpcServer::open(
    server::EventLoop& loop, Env& env, log::EventStore& events, GrpcOptions options,
    std::function<std::string()> unhealthy_because) {
  std::unique_ptr<GrpcServer> opened(new GrpcServer);
  opened->parts_ =
      std::make_unique<Parts>(loop, env, events, std::move(options), std::move(unhealthy_because));
  STELE_DO(opened->parts_->listen(env));
  return opened;
}

const std::vector<std::string>& GrpcServer::addresses() const {
  return parts_->addresses;
}

void GrpcServer::drain(std::chrono::nanoseconds longest) {
  if (std::exchange(parts_->draining, true)) return;
  parts_->server->GetHealthCheckService()->Shutdown();
  parts_->world->long_calls.close();
  parts_->world->long_calls.for_each([](LongCall& call) { call.drain(); });
  parts_->shutdown = std::jthread([this, longest] {
    const gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                               gpr_time_from_nanos(longest.count(), GPR_TIMESPAN));
    parts_->server->Shutdown(deadline);
    parts_->drained.store(true);
    parts_->gate.wake();
  });
}

bool GrpcServer::drained() const {
  return parts_->drained.load();
}

void GrpcServer::print(server::PrometheusText& out) const {
  const GrpcCounters& counters = parts_->world->counters;
  out.counter("stele_grpc_appends_total", "Appends that came over gRPC.")
      .sample("", counters.appends.load());
  out.counter("stele_grpc_refused_appends_total", "Those of them that were refused.")
      .sample("", counters.refused_appends.load());
  out.counter("stele_grpc_sent_events_total", "Events sent by reads and subscriptions.")
      .sample("", counters.events_sent.load());
  out.gauge("stele_grpc_append_streams", "Append streams that are open.")
      .sample("", counters.append_streams.load());
  out.gauge("stele_grpc_reads", "Reads under way.").sample("", counters.reads.load());
  out.gauge("stele_grpc_subscriptions", "Subscriptions that are open.")
      .sample("", counters.subscriptions.load());
}

}  // namespace stele::rpc
