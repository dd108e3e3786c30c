#include "server/http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/optional.hpp>
#include <cstring>
#include <optional>

#include "log/base/fail.h"

namespace stele::http {

namespace beast = boost::beast;

namespace {

std::string_view text_of(beast::string_view from) {
  return {from.data(), from.size()};
}

Method method_of(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return Method::kGet;
    case beast::http::verb::head:
      return Method::kHead;
    case beast::http::verb::post:
      return Method::kPost;
    case beast::http::verb::put:
      return Method::kPut;
    case beast::http::verb::delete_:
      return Method::kDelete;
    case beast::http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

/// Writes the head down as views of what it parses, and hands the body out piece by piece.
class Sink final : public beast::http::basic_parser<true> {
public:
  Request* into = nullptr;
  std::string_view piece;
  int version = 11;
  int length_headers = 0;
  int host_headers = 0;
  bool only_chunked = true;  ///< no other transfer coding

private:
  void on_request_impl(beast::http::verb method, beast::string_view, beast::string_view target,
                       int http_version, beast::error_code&) override {
    into->method = method_of(method);
    into->target = text_of(target);
    version = http_version;
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_field_impl(beast::http::field field, beast::string_view name_text,
                     beast::string_view value, beast::error_code&) override {
    if (is_header_done()) return;  // a trailer: nobody asks for it
    into->headers.push_back({text_of(name_text), text_of(value)});
    if (field == beast::http::field::content_length) ++length_headers;
    if (field == beast::http::field::host) ++host_headers;
    if (field == beast::http::field::transfer_encoding) {
      only_chunked = only_chunked && equals_ignoring_case(text_of(value), "chunked");
    }
    if (field == beast::http::field::expect) {
      into->wants_continue = equals_ignoring_case(text_of(value), "100-continue");
    }
  }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view bytes, beast::error_code&) override {
    piece = text_of(bytes);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes,
                                 beast::error_code&) override {
    piece = text_of(bytes);
    return bytes.size();
  }
  void on_finish_impl(beast::error_code&) override {}
};

/// The head's bytes get a home in the request, and its views move there.
void keep_head(std::string_view bytes, Request& request) {
  request.head.assign(bytes);
  const auto moved = [&](std::string_view view) {
    return std::string_view(request.head.data() + (view.data() - bytes.data()), view.size());
  };
  request.target = moved(request.target);
  for (Header& header : request.headers) header = {moved(header.name), moved(header.value)};
}

}  // namespace

struct RequestParser::Impl {
  std::optional<Sink> sink;
};

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {
  reset();
}

RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  impl_->sink.emplace();
  impl_->sink->header_limit(kHeadBytesMax);
  impl_->sink->body_limit(boost::none);
  scanned_bytes_ = 0;
}

bool RequestParser::complete() const {
  return impl_->sink->is_done();
}

/// One past the empty line that ends the head; 0 if it is not there yet.
Result<std::size_t> RequestParser::find_end(std::string_view bytes) {
  std::size_t line = scanned_bytes_;  // always at the beginning of one
  while (true) {
    const std::size_t end = bytes.find('\n', line);
    if (end == std::string_view::npos) break;
    if (end == 0 || bytes[end - 1] != '\r' || end - 1 < line) {
      return fail(Code::kInvalid, "a line of the head ends in a bare line feed");
    }
    if (end - 1 == line) return end + 1;
    if (line > 0 && (bytes[line] == ' ' || bytes[line] == '\t')) {
      return fail(Code::kInvalid, "a header is folded over lines");
    }
    line = end + 1;
  }
  scanned_bytes_ = line;
  return std::size_t{0};
}

Result<std::size_t> RequestParser::head(std::string_view bytes, Request& into) {
  STELE_TRY(const std::size_t end, find_end(bytes));
  if (end > kHeadBytesMax || (end == 0 && bytes.size() >= kHeadBytesMax)) {
    return fail(Code::kTooLarge, "headers over {} bytes", kHeadBytesMax);
  }
  if (end == 0) return std::size_t{0};
  if (end == 2) return fail(Code::kInvalid, "not an HTTP request");
  Sink& sink = *impl_->sink;
  sink.into = &into;
  beast::error_code error;
  const std::size_t taken = sink.put(boost::asio::const_buffer(bytes.data(), end), error);
  if (error == beast::http::error::bad_version) {
    return fail(Code::kOutOfRange, "only HTTP/1.0 and HTTP/1.1");
  }
  if (error || taken != end)
    return fail(Code::kInvalid, "not an HTTP request: {}", error.message());
  if (sink.length_headers > 1) return fail(Code::kInvalid, "several Content-Length headers");
  if (!sink.only_chunked) return fail(Code::kUnsupported, "a transfer coding other than chunked");
  if (sink.version != 10 && sink.version != 11) {
    return fail(Code::kOutOfRange, "only HTTP/1.0 and HTTP/1.1");
  }
  if (sink.chunked() && sink.version == 10) {
    return fail(Code::kInvalid, "HTTP/1.0 knows no chunks");
  }
  if (sink.host_headers > 1 || (sink.version == 11 && sink.host_headers == 0)) {
    return fail(Code::kInvalid, "there must be one Host header");
  }
  into.is_http11 = sink.version == 11;
  into.keep_alive = sink.keep_alive();
  into.wants_upgrade = sink.upgrade();
  into.is_chunked = sink.chunked();
  if (const auto length = sink.content_length()) into.content_length = *length;
  keep_head(bytes.substr(0, end), into);
  return end;
}

Result<std::size_t> RequestParser::body(std::string_view bytes, std::string_view& piece) {
  Sink& sink = *impl_->sink;
  sink.piece = {};
  piece = {};
  if (bytes.empty() || sink.is_done()) return std::size_t{0};
  beast::error_code error;
  const std::size_t taken = sink.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == beast::http::error::need_more) {
    if (taken == 0 && bytes.size() > kHeadBytesMax) {
      return fail(Code::kInvalid, "a chunk's header is over {} bytes", kHeadBytesMax);
    }
    return taken;
  }
  if (error) return fail(Code::kInvalid, "not a chunked body: {}", error.message());
  piece = sink.piece;
  return taken;
}

}  // namespace stele::http
