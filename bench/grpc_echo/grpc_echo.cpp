// grpc_echo: what gRPC alone costs on this machine, so that the service's own share can be told.
//   grpc_echo serve -b HOST:PORT [-t THREADS]      sends back whatever comes
//   grpc_echo unary -b HOST:PORT [-s BYTES] [-d SECONDS]                one call at a time
//   grpc_echo stream -b HOST:PORT [-s BYTES] [-d SECONDS] [-f FLIGHT]   FLIGHT messages in flight
// The server is the service's own: raw bytes, asynchronous, completion queue polled by THREADS
// threads (1). Each load prints one JSON line.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <echo.grpc.pb.h>

namespace stele::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Service = Echo::WithRawMethod_Unary<Echo::WithRawMethod_Pipelined<Echo::Service>>;

struct Options {
  std::string address = "127.0.0.1:8099";
  int threads = 1;
  int flight = 64;
  std::size_t payload_bytes = 100;
  std::chrono::seconds lasts{5};
};

class Event {
public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  virtual ~Event() = default;
  virtual void happened(bool ok) = 0;
};

class UnaryCall : public Event {
public:
  UnaryCall(Service& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), answer_(&context_) {
    service.RequestUnary(&context_, &request_, &answer_, &queue, &queue, this);
  }

  void happened(bool ok) override {
    if (!ok || finished_) {
      delete this;
      return;
    }
    finished_ = true;
    new UnaryCall(service_, queue_);
    answer_.Finish(request_, grpc::Status::OK, this);
  }

private:
  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> answer_;
  bool finished_ = false;
};

/// Reads one, writes it, reads the next: as much is under way as the client sends.
class StreamCall : public Event {
public:
  StreamCall(Service& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), stream_(&context_) {
    service.RequestPipelined(&context_, &stream_, &queue, &queue, this);
  }

  void happened(bool ok) override {
    switch (step_) {
      case Step::kWaiting:
        if (!ok) return delete this;
        new StreamCall(service_, queue_);
        return read();
      case Step::kReading:
        if (!ok) {
          step_ = Step::kFinishing;
          return stream_.Finish(grpc::Status::OK, this);
        }
        step_ = Step::kWriting;
        return stream_.Write(message_, this);
      case Step::kWriting:
        return read();
      case Step::kFinishing:
        return delete this;
    }
  }

private:
  enum class Step : std::uint8_t { kWaiting, kReading, kWriting, kFinishing };

  void read() {
    step_ = Step::kReading;
    stream_.Read(&message_, this);
  }

  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  grpc::ByteBuffer message_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_;
  Step step_ = Step::kWaiting;
};

int serve(const Options& options) {
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  new UnaryCall(service, *queue);
  new StreamCall(service, *queue);
  std::printf("serving %s\n", options.address.c_str());
  std::fflush(stdout);
  const auto poll = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    while (queue->Next(&tag, &ok)) static_cast<Event*>(tag)->happened(ok);
  };
  std::vector<std::jthread> pollers;
  for (int i = 0; i < options.threads; ++i) pollers.emplace_back(poll);
  server->Wait();
  return 0;
}

void print(const Options& options, const char* mode, std::vector<double>& us, double seconds) {
  std::ranges::sort(us);
  const auto percentile = [&us](std::size_t of_100) { return us[us.size() * of_100 / 100]; };
  std::printf(
      "{\"mode\": \"%s\", \"bytes\": %zu, \"flight\": %d, \"count\": %zu, \"per_s\": %.0f, "
      "\"us_p50\": %.1f, \"us_p99\": %.1f}\n",
      mode, options.payload_bytes, options.flight, us.size(),
      static_cast<double>(us.size()) / seconds, percentile(50), percentile(99));
}

double us_since(Clock::time_point began) {
  return std::chrono::duration<double, std::micro>(Clock::now() - began).count();
}

int load_unary(Options options) {
  const auto stub =
      Echo::NewStub(grpc::CreateChannel(options.address, grpc::InsecureChannelCredentials()));
  options.flight = 1;
  Payload payload;
  payload.set_data(std::string(options.payload_bytes, 'x'));
  std::vector<double> us;
  const auto began = Clock::now();
  while (Clock::now() - began < options.lasts) {
    grpc::ClientContext context;
    Payload answer;
    const auto sent = Clock::now();
    if (!stub->Unary(&context, payload, &answer).ok()) return 1;
    us.push_back(us_since(sent));
  }
  print(options, "unary", us, us_since(began) * 1e-6);
  return 0;
}

int load_stream(const Options& options) {
  const auto stub =
      Echo::NewStub(grpc::CreateChannel(options.address, grpc::InsecureChannelCredentials()));
  Payload payload;
  payload.set_data(std::string(options.payload_bytes, 'x'));
  grpc::ClientContext context;
  const auto stream = stub->Pipelined(&context);
  std::vector<Clock::time_point> sent;
  std::vector<double> us;
  const auto began = Clock::now();
  for (int i = 0; i < options.flight; ++i) {
    sent.push_back(Clock::now());
    if (!stream->Write(payload)) return 1;
  }
  Payload answer;
  while (us.size() < sent.size()) {
    if (!stream->Read(&answer)) return 1;
    us.push_back(us_since(sent[us.size()]));
    if (Clock::now() - began > options.lasts) continue;
    sent.push_back(Clock::now());
    if (!stream->Write(payload)) return 1;
  }
  stream->WritesDone();
  if (!stream->Finish().ok()) return 1;
  print(options, "stream", us, us_since(began) * 1e-6);
  return 0;
}

int run(int count, char** arguments) {
  Options options;
  const std::string mode = count > 1 ? arguments[1] : "";
  optind = 2;
  for (int flag = 0; (flag = ::getopt(count, arguments, "b:t:s:d:f:")) != -1;) {
    const std::string value = flag == '?' ? "" : optarg;
    if (flag == 'b') options.address = value;
    if (flag == 't') options.threads = std::atoi(value.c_str());
    if (flag == 's') options.payload_bytes = static_cast<std::size_t>(std::atoi(value.c_str()));
    if (flag == 'd') options.lasts = std::chrono::seconds(std::atoi(value.c_str()));
    if (flag == 'f') options.flight = std::atoi(value.c_str());
  }
  if (mode == "serve") return serve(options);
  if (mode == "unary") return load_unary(options);
  if (mode == "stream") return load_stream(options);
  std::fprintf(stderr, "usage: grpc_echo serve|unary|stream -b HOST:PORT …\n");
  return 2;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(count, arguments);
}
