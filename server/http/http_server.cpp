#include "server/http/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <utility>

namespace stele::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace std::chrono_literals;

namespace {
constexpr std::uint32_t kHeaderBytesMax = 8192;
constexpr auto kRequestMax = 10s;
}  // namespace

struct HttpServer::Shared {
  asio::io_context& context;
  Status status;
};

namespace {

/// One connection: reads a request, answers it, reads the next. Keeps itself alive through the
/// operation under way; each has a deadline.
class Session : public std::enable_shared_from_this<Session> {
public:
  Session(asio::io_context& context, server::AcceptedSocket socket,
          std::function<Answer(std::string_view)> get)
      : stream_(context), seat_(std::move(socket.seat)), get_(std::move(get)) {
    const bool is_v6 = socket.local.family() == AF_INET6;
    stream_.socket().assign(is_v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(),
                            socket.socket.release());
  }

  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(0);
    stream_.expires_after(kRequestMax);
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = shared_from_this()](beast::error_code error, std::size_t) {
                              self->on_read(error);
                            });
  }

private:
  void on_read(beast::error_code error) {
    if (error == beast::http::error::end_of_stream || error == beast::error::timeout) return;
    if (error == beast::http::error::header_limit)
      return write({431, "text/plain", "headers over 8 KiB\n"}, false);
    if (error == beast::http::error::body_limit)
      return write({413, "text/plain", "no body, please\n"}, false);
    if (error.category() ==
        beast::http::make_error_code(beast::http::error::bad_method).category()) {
      return write({400, "text/plain", "not an HTTP request\n"}, false);
    }
    if (error) return;
    const auto& request = parser_->get();
    const bool keep = request.keep_alive();
    const auto method = request.method();
    if (method != beast::http::verb::get && method != beast::http::verb::head) {
      return write({405, "text/plain", "only GET and HEAD\n"}, keep);
    }
    std::string_view target(request.target().data(), request.target().size());
    target = target.substr(0, target.find('?'));
    write(get_(target), keep);
  }

  void write(Answer answer, bool keep_alive) {
    response_ = {};
    response_.result(answer.status);
    response_.set(beast::http::field::server, "steled");
    response_.set(beast::http::field::content_type, answer.content_type);
    response_.set(beast::http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.keep_alive(keep_alive);
    const bool head =
        parser_->is_header_done() && parser_->get().method() == beast::http::verb::head;
    response_.content_length(answer.body.size());
    if (!head) response_.body() = std::move(answer.body);
    stream_.expires_after(kRequestMax);
    beast::http::async_write(
        stream_, response_,
        [self = shared_from_this(), keep_alive](beast::error_code error, std::size_t) {
          if (!error && keep_alive) return self->read();
          beast::error_code ignored;
          self->stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
        });
  }

  beast::tcp_stream stream_;
  server::ConnectionQuota::Seat seat_;
  std::function<Answer(std::string_view)> get_;
  beast::flat_buffer buffer_{std::size_t{2} * kHeaderBytesMax};
  std::optional<beast::http::request_parser<beast::http::empty_body>> parser_;
  beast::http::response<beast::http::string_body> response_;
};

}  // namespace

Answer answer_get(const Status& status, std::string_view target) {
  if (target == "/metrics") {
    return {200, "text/plain; version=0.0.4; charset=utf-8", status.metrics()};
  }
  if (target == "/-/healthy") {
    const std::string reason = status.unhealthy_because();
    return reason.empty() ? Answer{200, "text/plain", "healthy\n"}
                          : Answer{503, "text/plain", reason + "\n"};
  }
  if (target == "/-/ready") {
    return status.ready() ? Answer{200, "text/plain", "ready\n"}
                          : Answer{503, "text/plain", "not ready\n"};
  }
  return {404, "text/plain", "try /metrics, /-/healthy or /-/ready\n"};
}

HttpServer::HttpServer(server::EventLoop& loop, Status status)
    : shared_(std::make_shared<Shared>(Shared{loop.context(), std::move(status)})) {}

HttpServer::~HttpServer() = default;

void HttpServer::accept(server::AcceptedSocket socket) {
  const auto session = std::make_shared<Session>(
      shared_->context, std::move(socket),
      [shared = shared_](std::string_view target) { return answer_get(shared->status, target); });
  session->read();
}

}  // namespace stele::http
