// One client of the HTTP listener: receives requests, has them handled, sends the answers in order.
//
//   socket ─► input ─► RequestParser ─► RequestHandler ─► Exchange… ─► output ─► socket
//                          └ BodySink (a streamed body)       └ BodySource (a streamed answer)
//
// Reading stops while too much is unanswered or unsent, while a sink wants nothing, and while a
// request waits for those before it. Appends of one connection overlap (pipelining); any other
// request is handled once all before it are answered, so that it sees what they wrote.
// Thread: the loop's. Lifetime: the host owns it; exchanges know it weakly.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "server/core/event_loop.h"
#include "server/core/listener.h"
#include "server/http/exchange.h"
#include "server/http/request.h"
#include "server/http/request_parser.h"
#include "server/http/response_writer.h"

namespace stele::http {

struct Limits {
  std::size_t body_bytes_max = 8 << 20;           ///< of a request that is not streamed (413)
  std::size_t body_total_bytes_max = 128 << 20;   ///< of all clients' requests together (503)
  std::size_t unsent_bytes_max = 256 << 10;       ///< then nothing more of the client is handled
  std::size_t unsent_total_bytes_max = 64 << 20;  ///< of all; beyond it who stalls is closed
  std::size_t pipelined_max = 256;                ///< requests of a client that are under way
  std::size_t followers_max = 1024;               ///< SSE and WebSocket together (503)
  std::chrono::nanoseconds request_max = std::chrono::seconds(10);  ///< first to last byte
  std::size_t streamed_bytes_min = 1024;  ///< of a streamed body, in each request_max
  std::chrono::nanoseconds idle_max = std::chrono::seconds(60);
  std::chrono::nanoseconds stalled_max = std::chrono::seconds(60);  ///< client takes nothing
  std::chrono::nanoseconds keep_alive_every = std::chrono::seconds(15);
};

class Connection;

/// What a connection receives into. Held only while there is something in it.
using InputBuffer = std::unique_ptr<char[]>;
inline constexpr std::size_t kInputBytes = 32 << 10;

/// What a connection needs of whoever holds all of them.
class ConnectionHost {
public:
  ConnectionHost() = default;
  ConnectionHost(const ConnectionHost&) = delete;
  ConnectionHost& operator=(const ConnectionHost&) = delete;
  virtual ~ConnectionHost() = default;
  /// finish_turn() is wanted at the end of this turn.
  virtual void on_dirty(Connection& connection) = 0;
  /// Its answer waits for something to be appended: finish_turn() is wanted then.
  virtual void on_waiting(Connection& connection) = 0;
  virtual void on_closed(Connection& connection, std::string_view reason) = 0;
  [[nodiscard]] virtual InputBuffer take_input() = 0;
  virtual void give_input(InputBuffer buffer) = 0;
  virtual void on_bytes(std::size_t received, std::size_t sent) = 0;
  virtual void on_response(unsigned status) = 0;
  /// False: bodies take too much memory already.
  [[nodiscard]] virtual bool reserve_body(std::size_t bytes) = 0;
  virtual void release_body(std::size_t bytes) = 0;
  [[nodiscard]] virtual std::string_view date() = 0;
};

class Connection final : public std::enable_shared_from_this<Connection>,
                         public ExchangeListener,
                         public server::ReadyListener {
public:
  Connection(server::EventLoop& loop, server::AcceptedSocket socket, const Limits& limits,
             RequestHandler& handler, ConnectionHost& host);
  ~Connection() override;

  void start();
  /// Handles what it may, sends what is ready. True if it wants another turn at once.
  bool finish_turn();
  /// Something was appended: the answer that waited for it goes on.
  void wake();
  /// Reads nothing more; closes when everything received is answered. Followers are told.
  void drain();
  /// Something of it is under way: not answered, or not sent.
  [[nodiscard]] bool busy() const { return !exchanges_.empty() || unsent_bytes() > 0; }
  void close(std::string_view reason);
  void check_deadlines(std::chrono::nanoseconds now);

  /// Of answers that the client has not taken.
  [[nodiscard]] std::size_t unsent_bytes() const { return output_.size() - sent_; }
  /// Since when it takes nothing; 0: it does.
  [[nodiscard]] std::chrono::nanoseconds stalled_since() const { return stalled_since_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  bool dirty = false;    ///< the host's mark
  bool waiting = false;  ///< the host's mark

private:
  enum class State : std::uint8_t { kHead, kBody, kHandle, kStream };

  void on_readable() override;
  void on_writable() override;
  void on_answer() override;
  void on_wanted() override;

  void receive();
  bool receive_once(std::size_t& total);
  /// True if it got anywhere.
  bool process();
  bool step();
  bool take_head();
  bool take_body();
  bool take_streamed();
  bool dispatch();
  bool admit_body();
  void give_back_body();
  void refuse(unsigned status, std::string_view why);
  void next_request();
  [[nodiscard]] bool may_handle() const;
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] std::string_view unread() const { return {input_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes);
  void give_back_input();

  void gather_answers();
  void begin_answer(Exchange& exchange);
  void pump();
  template <class Write>
  auto add_piece(const Write& write);
  void end_source();
  void send();
  void hand_over();
  bool finish_if_done();
  void check_request(std::chrono::nanoseconds now);

  server::EventLoop& loop_;
  const Limits& limits_;
  RequestHandler& handler_;
  ConnectionHost& host_;
  server::AcceptedSocket socket_;
  std::string peer_;

  InputBuffer input_;  ///< none while there is nothing in it
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  RequestParser parser_;
  Request request_;
  Plan plan_;
  State state_ = State::kHead;
  std::size_t reserved_bytes_ = 0;  ///< of the body, at the host
  std::unique_ptr<BodySink> sink_;
  ExchangePtr sink_exchange_;

  std::deque<ExchangePtr> exchanges_;
  std::unique_ptr<BodySource> source_;  ///< of the first exchange
  Framing framing_ = Framing::kLength;
  std::string output_;
  std::size_t sent_ = 0;

  std::chrono::nanoseconds last_active_;
  std::chrono::nanoseconds last_sent_{0};
  std::chrono::nanoseconds request_since_{0};  ///< 0: no request is arriving
  std::chrono::nanoseconds stalled_since_{0};  ///< 0: not
  std::chrono::nanoseconds linger_since_{0};
  std::size_t arrived_bytes_ = 0;  ///< of the streamed body since request_since_
  bool source_waits_ = false;
  bool peer_done_ = false;
  bool no_more_ = false;  ///< nothing after this request is read
  bool draining_ = false;
  bool lingers_ = false;  ///< all is said: waits for the peer to close, so that it reads that
  bool closed_ = false;
  std::unique_ptr<server::EventLoop::Watch> watch_;
};

}  // namespace stele::http
