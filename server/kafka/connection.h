// One client: receives frames, has them handled, sends the answers in order.
//
//   socket ─► FrameReader ─► RequestHandler ─► Reply… ─► ReplyQueue ─► socket
//
// Reading stops (the client is muted) while too much of it is unanswered or unsent, while a request
// that must not be overtaken is under way, while it is over a quota, and while the buffer pool is
// full.
// Thread: the loop's. Lifetime: the host owns it; handlers hold Replies, which know it weakly.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "server/core/event_loop.h"
#include "server/core/listener.h"
#include "server/kafka/frame_reader.h"
#include "server/kafka/reply.h"

namespace stele::kafka {

/// Who asks, and which address of ours they reached.
struct Client {
  std::string peer;
  server::SocketAddress local;
};

class RequestHandler {
public:
  enum class Next : std::uint8_t {
    kGoOn,   ///< later requests may be handled before this one is answered
    kWait,   ///< handle nothing more of this connection until this one is answered
    kClose,  ///< not a request that can be answered
  };
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;
  virtual ~RequestHandler() = default;
  virtual Next handle(const RequestFrame& frame, const Client& client, ReplyPtr reply) = 0;
};

class Connection;

/// What a connection needs of whoever holds all of them.
class ConnectionHost {
public:
  ConnectionHost() = default;
  ConnectionHost(const ConnectionHost&) = delete;
  ConnectionHost& operator=(const ConnectionHost&) = delete;
  virtual ~ConnectionHost() = default;
  /// finish_turn() is wanted at the end of this turn.
  virtual void on_dirty(Connection& connection) = 0;
  /// finish_turn() is wanted once there is memory again.
  virtual void on_starved(Connection& connection) = 0;
  /// It has closed: forget it, after this turn.
  virtual void on_closed(Connection& connection, std::string_view reason) = 0;
  virtual void on_bytes(std::size_t received, std::size_t sent) = 0;
  /// One more connection, or one less, pauses for going over a quota.
  virtual void on_muted(int change) = 0;
  /// Bytes of answers that wait to be sent have become more, or less.
  virtual void on_unsent(std::ptrdiff_t change) = 0;

  enum class Pressure : std::uint8_t {
    kNone,
    kHigh,    ///< who has not read its answers gets no more; who stalls is closed soon
    kUtmost,  ///< nobody gets any more answers until those that wait have left
  };
  /// How much memory answers take that their clients do not read.
  [[nodiscard]] virtual Pressure pressure() const = 0;
};

struct ConnectionLimits {
  std::size_t frame_bytes_max = 100 << 20;
  std::size_t requests_in_flight_max = 256;
  std::size_t unsent_bytes_max = 1 << 20;
  std::size_t unsent_total_bytes_max = 64 << 20;  ///< of all; twice that is the utmost
  std::chrono::nanoseconds idle_max = std::chrono::minutes(10);
  std::chrono::nanoseconds stalled_send_max = std::chrono::seconds(60);
  std::chrono::nanoseconds stalled_send_under_pressure_max = std::chrono::seconds(5);
  std::chrono::nanoseconds partial_frame_max = std::chrono::seconds(30);
  /// A frame that takes longer than partial_frame_max must have grown by this much in that time.
  std::size_t partial_frame_progress_bytes = 32 << 10;
};

class Connection final : public server::ReadyListener,
                         public ReplyListener,
                         public std::enable_shared_from_this<Connection> {
public:
  Connection(server::EventLoop& loop, server::BufferPool& pool, server::AcceptedSocket socket,
             const ConnectionLimits& limits, RequestHandler& handler, ConnectionHost& host);
  ~Connection() override;

  /// Once, after it is held by a shared_ptr.
  void start();
  /// Sends what is ready, then handles and reads on where it may. True if it handled a request.
  bool finish_turn();
  /// Reads nothing more; closes when everything received is answered.
  void drain();
  void close(std::string_view reason);
  /// Closes if a deadline has gone by.
  void check_deadlines(std::chrono::nanoseconds now);

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const Client& client() const { return client_; }
  bool dirty = false;    ///< the host's mark
  bool starved = false;  ///< the host's mark

private:
  void on_readable() override;
  void on_writable() override;
  void on_reply(std::size_t answer_bytes) override;
  void on_abort() override;
  void on_pause(std::chrono::nanoseconds time) override;
  void resume();
  void receive();
  bool receive_once(std::size_t& total);
  bool handle_frames();
  void note_partial(bool frame_completed);
  void flush();
  void note_sent(std::size_t bytes);
  [[nodiscard]] bool may_handle() const;
  [[nodiscard]] bool may_read() const;

  server::EventLoop& loop_;
  const ConnectionLimits& limits_;
  RequestHandler& handler_;
  ConnectionHost& host_;
  Client client_;
  server::ConnectionQuota::Seat seat_;
  server::Descriptor socket_;
  FrameReader reader_;
  ReplyQueue replies_;
  ReplyPtr barrier_;  ///< nothing is handled until this one is answered
  std::chrono::nanoseconds last_active_;
  std::chrono::nanoseconds stalled_since_{0};  ///< 0: not
  std::chrono::nanoseconds partial_since_{0};  ///< 0: no partial frame
  std::size_t partial_bytes_ = 0;              ///< that it had then
  std::size_t unsent_bytes_ = 0;               ///< of answers that are ready
  std::chrono::nanoseconds paused_until_{0};   ///< 0: not
  server::TimerQueue::Id pause_timer_{};
  bool peer_done_ = false;
  bool draining_ = false;
  bool closed_ = false;
  server::EventLoop::Watch watch_;
};

}  // namespace stele::kafka
