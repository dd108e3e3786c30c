// One request on its way to an answer. Handlers answer through it, at once or later; the connection
// sends the answers of its requests in the order in which these came.
//
//   answer(response)            a whole answer
//   answer(response, source)    a head, then a body that the source makes while it is being sent
//   take_over(protocol)         101: the socket goes to another protocol (WebSocket)
//
// Thread: the loop's. Lifetime: shared by the connection and whoever answers; the connection may be
// gone by then, which is fine.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/listener.h"
#include "server/http/request.h"

namespace stele::http {

struct Response {
  unsigned status = 200;
  std::string_view content_type;  ///< of static lifetime; empty: no body
  std::string headers;            ///< further lines, each with its CRLF
  std::string body;
};

/// A body that is made while it is sent: asked for more only when the socket has taken what was
/// there, so that a slow reader costs one page of memory.
class BodySource {
public:
  enum class Next : std::uint8_t {
    kMore,  ///< ask again when that has left
    kWait,  ///< nothing now: ask again when something was appended
    kEnd,
    kAbort,  ///< it cannot be ended as promised: the connection closes, so that the client sees it
  };
  BodySource() = default;
  BodySource(const BodySource&) = delete;
  BodySource& operator=(const BodySource&) = delete;
  virtual ~BodySource() = default;
  /// Appends a bounded piece to `out`.
  virtual Next pump(std::string& out) = 0;
  /// Nothing was sent for a while: what tells the client, and those in between, that it is alive.
  virtual void keep_alive(std::string& out) { (void)out; }
  /// The service stops. True: it ends here, with what it appends to `out`; false: it has an end of
  /// its own, and goes on until then.
  virtual bool stop(std::string& out) {
    (void)out;
    return false;
  }
};

/// Takes the body of a request as it arrives.
class BodySink {
public:
  BodySink() = default;
  BodySink(const BodySink&) = delete;
  BodySink& operator=(const BodySink&) = delete;
  virtual ~BodySink() = default;
  virtual void take(std::string_view piece) = 0;
  /// The body was received whole.
  virtual void end() = 0;
  /// Nothing more will come; the answer says how far it got, with this status and reason.
  virtual void stop(unsigned status, std::string_view why) = 0;
  /// False: the connection reads nothing more until the exchange calls on_wanted().
  [[nodiscard]] virtual bool wants_more() const = 0;
};

/// A socket that its connection has given away, with what was received and not read.
struct TakenSocket {
  server::AcceptedSocket socket;
  std::string received;
};
using Protocol = std::move_only_function<void(TakenSocket)>;

/// Who waits for the answer.
class ExchangeListener {
public:
  ExchangeListener() = default;
  ExchangeListener(const ExchangeListener&) = delete;
  ExchangeListener& operator=(const ExchangeListener&) = delete;
  virtual ~ExchangeListener() = default;
  virtual void on_answer() = 0;
  /// The sink of the request's body wants more.
  virtual void on_wanted() = 0;
};

class Exchange {
public:
  Exchange(std::weak_ptr<ExchangeListener> listener, const Request& request)
      : listener_(std::move(listener)),
        is_head_(request.method == Method::kHead),
        is_http11_(request.is_http11),
        keep_alive_(request.keep_alive) {}

  /// The first answer counts.
  void answer(Response response);
  void answer(Response head, std::unique_ptr<BodySource> source);
  void take_over(Protocol protocol);
  /// See BodySink::wants_more().
  void want_more();
  /// The connection closes after the answer.
  void close_after() { keep_alive_ = false; }

  [[nodiscard]] bool answered() const { return answered_; }
  [[nodiscard]] bool is_head() const { return is_head_; }
  [[nodiscard]] bool is_http11() const { return is_http11_; }
  [[nodiscard]] bool keeps_alive() const { return keep_alive_; }
  [[nodiscard]] Response& response() { return response_; }
  [[nodiscard]] std::unique_ptr<BodySource>& source() { return source_; }
  [[nodiscard]] Protocol& protocol() { return protocol_; }

private:
  void tell();

  std::weak_ptr<ExchangeListener> listener_;
  Response response_;
  std::unique_ptr<BodySource> source_;
  Protocol protocol_;
  bool is_head_;
  bool is_http11_;
  bool keep_alive_;
  bool answered_ = false;
};
using ExchangePtr = std::shared_ptr<Exchange>;

/// What is to be done with a request, decided from its head alone.
struct Plan {
  std::size_t body_bytes_max = 0;
  bool streams_body = false;  ///< handle() wants a head, and its sink the body
  bool may_overlap = false;   ///< handled before earlier requests are answered (an append)
};

class RequestHandler {
public:
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;
  virtual ~RequestHandler() = default;
  virtual Plan plan(Request& head) = 0;
  /// Answers `exchange`, now or later. A sink, if the plan streams the body and the request was not
  /// refused.
  virtual std::unique_ptr<BodySink> handle(Request& request, ExchangePtr exchange) = 0;
  /// The answer to a request that could not be read, or not be taken.
  virtual Response refuse(unsigned status, std::string_view why) = 0;
};

}  // namespace stele::http
