#include "tests/scenarios/http_client.h"

#include <boost/beast/core/buffers_to_string.hpp>

#include "log/base/fail.h"

namespace stele::scenarios {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using namespace std::chrono_literals;

constexpr auto kAnswerWait = 20s;

http::request<http::string_body> message_of(const HttpRequest& request) {
  http::request<http::string_body> message;
  message.method_string(request.method);
  message.target(request.target);
  message.version(11);
  message.set(http::field::host, "127.0.0.1");
  for (const auto& [name, value] : request.headers) message.insert(name, value);
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

void connect(beast::tcp_stream& stream, std::uint16_t port) {
  stream.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
  stream.socket().set_option(asio::ip::tcp::no_delay(true));
}

HttpAnswer answer_of(const http::response<http::string_body>& response) {
  std::string etag(response[http::field::etag]);
  std::erase(etag, '"');
  return {response.result_int(), std::move(etag), response.body()};
}

}  // namespace

Result<void> Waiting::wait(std::chrono::milliseconds longest,
                           const std::function<void(Done)>& start,
                           const std::function<void()>& cancel) {
  std::optional<boost::system::error_code> done;
  start([&](boost::system::error_code error, std::size_t) { done = error; });
  context_.restart();
  context_.run_for(longest);
  if (!done) {
    cancel();
    context_.run();
    return fail(Code::kCancelled, "nothing came");
  }
  if (*done) return fail(Code::kClosed, "{}", done->message());
  return {};
}

HttpClient::HttpClient(std::uint16_t port) : stream_(waiting_.context()) {
  connect(stream_, port);
}

Result<HttpAnswer> HttpClient::ask(const HttpRequest& request) {
  const auto message = message_of(request);
  http::response<http::string_body> response;
  const auto cancel = [&] { stream_.close(); };
  STELE_DO(waiting_.wait(
      kAnswerWait,
      [&](Waiting::Done done) { http::async_write(stream_, message, std::move(done)); }, cancel));
  STELE_DO(waiting_.wait(
      kAnswerWait,
      [&](Waiting::Done done) { http::async_read(stream_, buffer_, response, std::move(done)); },
      cancel));
  return answer_of(response);
}

HttpLines::HttpLines(std::uint16_t port) : stream_(waiting_.context()) {
  parser_.body_limit(boost::none);
  connect(stream_, port);
}

Result<std::unique_ptr<HttpLines>> HttpLines::open(std::uint16_t port, HttpRequest request) {
  std::unique_ptr<HttpLines> lines(new HttpLines(port));
  request.headers.emplace_back("Accept", "text/event-stream");
  const auto message = message_of(request);
  const auto cancel = [&] { lines->stream_.close(); };
  STELE_DO(lines->waiting_.wait(
      kAnswerWait,
      [&](Waiting::Done done) { http::async_write(lines->stream_, message, std::move(done)); },
      cancel));
  STELE_DO(lines->waiting_.wait(
      kAnswerWait,
      [&](Waiting::Done done) {
        http::async_read_header(lines->stream_, lines->buffer_, lines->parser_, std::move(done));
      },
      cancel));
  if (lines->parser_.get()[http::field::content_type] == "text/event-stream") return lines;
  while (!lines->parser_.is_done()) STELE_DO(lines->read_more(kAnswerWait));
  HttpAnswer answer = answer_of(lines->parser_.get());
  answer.body = lines->text_;
  return std::unexpected(refusal_of(answer).error);
}

Result<void> HttpLines::read_more(std::chrono::milliseconds longest) {
  if (parser_.is_done()) return fail(Code::kClosed, "the answer is over");
  STELE_DO(waiting_.wait(
      longest,
      [&](Waiting::Done done) {
        http::async_read_some(stream_, buffer_, parser_, std::move(done));
      },
      [&] { stream_.close(); }));
  text_ += parser_.get().body();
  parser_.get().body().clear();
  return {};
}

Result<std::string> HttpLines::next(std::chrono::milliseconds longest) {
  auto end = text_.find('\n');
  for (; end == std::string::npos; end = text_.find('\n')) STELE_DO(read_more(longest));
  std::string line = text_.substr(0, end);
  text_.erase(0, end + 1);
  return line;
}

HttpMessages::HttpMessages(std::uint16_t port) : socket_(waiting_.context()) {
  connect(socket_.next_layer(), port);
}

Result<std::unique_ptr<HttpMessages>> HttpMessages::open(std::uint16_t port,
                                                         const HttpRequest& request) {
  std::unique_ptr<HttpMessages> messages(new HttpMessages(port));
  beast::websocket::response_type response;
  const auto open = messages->waiting_.wait(
      kAnswerWait,
      [&](const Waiting::Done& done) {
        messages->socket_.async_handshake(
            response, "127.0.0.1", request.target,
            [done](boost::system::error_code error) { done(error, 0); });
      },
      [&] { messages->socket_.next_layer().close(); });
  if (open) return messages;
  if (response.result() == http::status::switching_protocols || response.body().empty())
    return std::unexpected(open.error());
  return std::unexpected(refusal_of({response.result_int(), "", response.body()}).error);
}

Result<std::string> HttpMessages::next(std::chrono::milliseconds longest) {
  buffer_.clear();
  STELE_DO(waiting_.wait(
      longest, [&](Waiting::Done done) { socket_.async_read(buffer_, std::move(done)); },
      [&] { socket_.next_layer().close(); }));
  return beast::buffers_to_string(buffer_.data());
}

}  // namespace stele::scenarios
