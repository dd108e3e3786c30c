// The client's side of one HTTP/1.1 keep-alive connection: requests go out as they are given,
// answers come back one by one, with Content-Length or in chunks. Not blocking, but for wait().
// Thread: its owner's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stele::bench {

/// Views live until the connection receives again.
struct HttpAnswer {
  int status = 0;
  std::string_view etag;
  std::string_view body;
};

class HttpConnection {
public:
  /// Connects to HOST:PORT (numeric), or ends the program.
  explicit HttpConnection(const std::string& address);
  HttpConnection(HttpConnection&& other) noexcept;
  HttpConnection& operator=(HttpConnection&&) = delete;
  ~HttpConnection();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  void queue(std::string_view request) { out_ += request; }
  /// Sends what was queued, waiting for room if need be.
  void flush();
  /// Takes in what has come. The connection's end ends the program.
  void receive();
  /// The next whole answer, if it is there.
  std::optional<HttpAnswer> take();
  /// Blocks until something has come.
  void wait() const;

private:
  std::optional<HttpAnswer> whole_body(HttpAnswer answer, std::size_t body_at, std::size_t bytes);
  std::optional<HttpAnswer> chunked_body(HttpAnswer answer, std::size_t body_at);

  int descriptor_;
  std::string out_;
  std::string in_;
  std::size_t taken_ = 0;      ///< of in_: answers that were given out
  std::size_t chunks_at_ = 0;  ///< of in_: how far the chunks of the answer under way were read
  std::string chunks_;         ///< their contents
};

/// Tells which connections have something to read.
class HttpPoller {
public:
  HttpPoller();
  HttpPoller(const HttpPoller&) = delete;
  HttpPoller& operator=(const HttpPoller&) = delete;
  ~HttpPoller();

  void add(const HttpConnection& connection, std::size_t number);
  /// The numbers of those that have; blocks until there is one.
  const std::vector<std::size_t>& wait();

private:
  int descriptor_;
  std::vector<std::size_t> ready_;
};

}  // namespace stele::bench
