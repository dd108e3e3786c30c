// A client of the Kafka protocol for thousands of connections on one thread: what librdkafka would
// need thousands of threads for. Speaks through the service's own codec, to any broker.
//
//   Network ─ epoll ─► Connection ─ answers, in the order of the requests ─► the request's handler
//
// A broken connection or an answer that is not one ends the program: a measurement without it would
// mean nothing. Thread: one.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "server/kafka/wire/codec.h"

namespace stele::bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why);

class Connection {
public:
  Connection(int epoll, const std::string& address);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// `handle` gets the answer once it is there.
  template <class Response, class Request>
  void call(std::int16_t version, const Request& request,
            std::move_only_function<void(const Response&)> handle) {
    kafka::RequestHeader header{.api_key = static_cast<std::int16_t>(Request::kApi),
                                .api_version = version,
                                .correlation_id = next_correlation_,
                                .client_id = "gload"};
    auto frame = kafka::request_frame(header, request);
    if (!frame) give_up(frame.error().detail);
    send(frame->flat(), kafka::response_header_version(Request::kApi, version),
         [version, handle = std::move(handle)](ByteView body) mutable {
           const auto response = kafka::read<Response>(version, body);
           if (!response) give_up(response.error().detail);
           handle(*response);
         });
  }
  void on_ready();

private:
  using Handler = std::move_only_function<void(ByteView body)>;
  struct Waiting {
    std::int32_t correlation_id;
    std::int16_t header_version;
    Handler handle;
  };
  void send(Bytes bytes, std::int16_t response_header, Handler handle);
  void flush();
  void receive();
  bool take_answer();

  int socket_;
  std::int32_t next_correlation_ = 1;
  std::deque<Waiting> waiting_;
  Bytes unsent_;
  Bytes received_;
};

class Network {
public:
  explicit Network(std::string address);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Connection& connect();
  void at(Clock::time_point when, std::function<void()> task);
  /// Until `done()`, or `longest` has gone by: then it gives up.
  void run(const std::function<bool()>& done, std::chrono::seconds longest);

private:
  struct Timer {
    Clock::time_point when;
    std::function<void()> task;
    friend bool operator<(const Timer& a, const Timer& b) { return a.when > b.when; }
  };
  std::string address_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::priority_queue<Timer> timers_;
};

}  // namespace stele::bench
