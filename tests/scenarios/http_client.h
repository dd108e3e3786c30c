// One HTTP/1.1 connection to 127.0.0.1, by Boost.Beast: requests with answers, or a body that goes
// on, or a WebSocket. Waiting has a limit.
//
// Thread: the test's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "log/base/error.h"
#include "tests/scenarios/http_answers.h"
#include "tests/scenarios/http_requests.h"

namespace stele::scenarios {

/// Runs one operation at a time until it is done or the time is over.
class Waiting {
public:
  using Done = std::function<void(boost::system::error_code, std::size_t)>;

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  /// kCancelled: not within `longest` (`cancel` was called, and the operation is over); kClosed.
  Result<void> wait(std::chrono::milliseconds longest, const std::function<void(Done)>& start,
                    const std::function<void()>& cancel);

private:
  boost::asio::io_context context_;
};

/// Keeps its connection from one request to the next.
class HttpClient {
public:
  explicit HttpClient(std::uint16_t port);

  /// kClosed, kCancelled (after 20 s).
  Result<HttpAnswer> ask(const HttpRequest& request);

private:
  Waiting waiting_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
};

/// The lines of an answer that goes on: server-sent events.
class HttpLines {
public:
  /// The answer's problem, if it is one.
  static Result<std::unique_ptr<HttpLines>> open(std::uint16_t port, HttpRequest request);

  /// The next line, without its end. kClosed, kCancelled.
  Result<std::string> next(std::chrono::milliseconds longest);

private:
  explicit HttpLines(std::uint16_t port);
  Result<void> read_more(std::chrono::milliseconds longest);

  Waiting waiting_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::beast::http::response_parser<boost::beast::http::string_body> parser_;
  std::string text_;
};

/// The messages of a WebSocket.
class HttpMessages {
public:
  static Result<std::unique_ptr<HttpMessages>> open(std::uint16_t port, const HttpRequest& request);

  Result<std::string> next(std::chrono::milliseconds longest);

private:
  explicit HttpMessages(std::uint16_t port);

  Waiting waiting_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> socket_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace stele::scenarios
