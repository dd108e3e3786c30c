// The HTTP listener: for now what operators need.
//
//   GET /metrics      Prometheus text
//   GET /-/healthy    200 while the store takes appends, else 503 with the reason
//   GET /-/ready      200 once the service answers, 503 while it starts or drains
//
// Limits: headers of 8 KiB, no body, 10 s for a request, 60 s idle; one request at a time.
// Thread: the loop's. Asio and Beast stay behind this header.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/core/event_loop.h"
#include "server/core/listener.h"

namespace stele::http {

struct Answer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// What the service says of itself; called on the loop's thread.
struct Status {
  std::function<std::string()> metrics;
  std::function<std::string()> unhealthy_because;  ///< empty: healthy
  std::function<bool()> ready;
};

/// Answers `target` (path, query cut off).
[[nodiscard]] Answer answer_get(const Status& status, std::string_view target);

class HttpServer {
public:
  HttpServer(server::EventLoop& loop, Status status);
  ~HttpServer();

  void accept(server::AcceptedSocket socket);

private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace stele::http
