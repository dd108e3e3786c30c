#include "server/kafka/connection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace stele::kafka {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kReceiveBytesPerEvent = 1 << 20;  // then others get their turn
}

Connection::Connection(server::EventLoop& loop, server::BufferPool& pool,
                       server::AcceptedSocket socket, const ConnectionLimits& limits,
                       RequestHandler& handler, ConnectionHost& host)
    : loop_(loop),
      limits_(limits),
      handler_(handler),
      host_(host),
      client_{socket.peer.text(), socket.local},
      seat_(std::move(socket.seat)),
      socket_(std::move(socket.socket)),
      reader_(pool, limits.frame_bytes_max),
      last_active_(loop.now()),
      watch_(loop, socket_.get(), *this) {}

Connection::~Connection() = default;

void Connection::start() {
  watch_.wait_readable();
}

/// Whatever it asked is answered, however much that is: so nothing more is handled before what is
/// ready has left.
bool Connection::may_handle() const {
  using enum ConnectionHost::Pressure;
  const auto pressure = host_.pressure();
  if (unsent_bytes_ >= limits_.unsent_bytes_max || pressure == kUtmost) return false;
  if (unsent_bytes_ > 0 && pressure == kHigh) return false;
  return !closed_ && !barrier_ && paused_until_ == 0ns &&
         replies_.count() < limits_.requests_in_flight_max;
}

bool Connection::may_read() const {
  return may_handle() && !peer_done_ && !draining_ && !starved;
}

void Connection::on_readable() {
  const auto alive = shared_from_this();
  if (closed_) return;
  try {
    receive();
  } catch (const std::bad_alloc&) {
    close("out of memory");
  }
}

void Connection::on_writable() {
  if (!closed_) host_.on_dirty(*this);
}

void Connection::on_reply(std::size_t answer_bytes) {
  if (closed_) return;
  unsent_bytes_ += answer_bytes;
  host_.on_unsent(static_cast<std::ptrdiff_t>(answer_bytes));
  if (barrier_ && barrier_->ready()) barrier_.reset();
  host_.on_dirty(*this);
}

void Connection::on_abort() {
  close("request cannot be answered");
}

void Connection::on_pause(std::chrono::nanoseconds time) {
  const auto until = loop_.now() + time;
  if (closed_ || until <= paused_until_) return;
  if (std::exchange(paused_until_, until) == 0ns) host_.on_muted(1);
  loop_.timers().cancel(pause_timer_);
  pause_timer_ = loop_.timers().add(until, [weak = weak_from_this()] {
    if (const auto alive = weak.lock()) alive->resume();
  });
}

void Connection::resume() {
  if (std::exchange(paused_until_, 0ns) != 0ns) host_.on_muted(-1);
  last_active_ = loop_.now();
  loop_.timers().cancel(pause_timer_);
  if (!closed_) host_.on_dirty(*this);
}

void Connection::receive() {
  std::size_t total = 0;
  while (total < kReceiveBytesPerEvent && may_read() && receive_once(total)) {
  }
  loop_.note_work(total);
  if (closed_) return;
  if (total > 0) {
    last_active_ = loop_.now();
    host_.on_bytes(total, 0);
  }
  host_.on_dirty(*this);
}

/// False when there is nothing more to receive now.
bool Connection::receive_once(std::size_t& total) {
  const ByteSpan space = reader_.space();
  if (space.empty()) {
    host_.on_starved(*this);
    return false;
  }
  const ssize_t got = ::recv(socket_.get(), space.data(), space.size(), MSG_DONTWAIT);
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) close(std::strerror(errno));
    return false;
  }
  if (got == 0) {
    peer_done_ = true;
    return false;
  }
  const auto bytes = static_cast<std::size_t>(got);
  reader_.received(bytes);
  total += bytes;
  handle_frames();
  return !closed_ && bytes == space.size();
}

/// True if there was a whole frame.
bool Connection::handle_frames() {
  bool frame_completed = false;
  while (may_handle()) {
    auto frame = reader_.next();
    if (!frame) {
      close(frame.error().detail);
      return false;
    }
    if (!*frame) break;
    frame_completed = true;
    auto reply = std::make_shared<Reply>(weak_from_this());
    replies_.push(reply);
    const auto next = handler_.handle(**frame, client_, reply);
    if (next == RequestHandler::Next::kClose) {
      close("invalid request");
      return false;
    }
    if (next == RequestHandler::Next::kWait && !reply->ready()) barrier_ = reply;
  }
  note_partial(frame_completed);
  return frame_completed;
}

void Connection::note_partial(bool frame_completed) {
  if (reader_.pending_bytes() == 0) {
    partial_since_ = 0ns;
  } else if (partial_since_ == 0ns || frame_completed) {
    partial_since_ = loop_.now();
    partial_bytes_ = reader_.pending_bytes();
  }
}

void Connection::note_sent(std::size_t bytes) {
  unsent_bytes_ -= bytes;
  host_.on_unsent(-static_cast<std::ptrdiff_t>(bytes));
}

void Connection::flush() {
  std::vector<iovec> pieces;
  while (true) {
    replies_.gather(pieces);
    if (pieces.empty()) break;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      if (stalled_since_ == 0ns) stalled_since_ = loop_.now();
      return watch_.wait_writable();
    }
    if (sent < 0) return close(std::strerror(errno));
    replies_.sent(static_cast<std::size_t>(sent));
    note_sent(static_cast<std::size_t>(sent));
    last_active_ = loop_.now();
    stalled_since_ = 0ns;
    host_.on_bytes(0, static_cast<std::size_t>(sent));
  }
  stalled_since_ = 0ns;
}

bool Connection::finish_turn() {
  const auto alive = shared_from_this();
  if (closed_) return false;
  bool handled = false;
  try {
    flush();
    if (!closed_ && reader_.pending_bytes() > 0) handled = handle_frames();
    if (!closed_) reader_.release_if_empty();
  } catch (const std::bad_alloc&) {
    close("out of memory");
  }
  if (closed_) return false;
  if (replies_.has_ready() && handled) host_.on_dirty(*this);
  if ((peer_done_ || draining_) && replies_.count() == 0) {
    close(peer_done_ ? "" : "shutting down");
  } else if (may_read()) {
    watch_.wait_readable();
  } else if (unsent_bytes_ == 0 && host_.pressure() == ConnectionHost::Pressure::kUtmost) {
    host_.on_starved(*this);
  }
  return handled;
}

void Connection::drain() {
  draining_ = true;
  host_.on_dirty(*this);
}

void Connection::close(std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  ::shutdown(socket_.get(), SHUT_RDWR);
  resume();
  note_sent(unsent_bytes_);
  host_.on_closed(*this, reason);
}

void Connection::check_deadlines(std::chrono::nanoseconds now) {
  if (closed_) return;
  const auto stalled_max = host_.pressure() == ConnectionHost::Pressure::kNone
                               ? limits_.stalled_send_max
                               : limits_.stalled_send_under_pressure_max;
  if (stalled_since_ != 0ns && now - stalled_since_ > stalled_max) {
    return close("client does not read its answers");
  }
  // Waiting for memory is no fault of the client, but what its frame holds is what others wait for.
  const bool may_progress = may_read() || starved;
  if (partial_since_ != 0ns && now - partial_since_ > limits_.partial_frame_max && may_progress) {
    const std::size_t grown = reader_.pending_bytes() - partial_bytes_;
    if (grown < limits_.partial_frame_progress_bytes) return close("request arrives too slowly");
    partial_since_ = now;
    partial_bytes_ = reader_.pending_bytes();
  }
  const bool is_idle = replies_.count() == 0 && paused_until_ == 0ns;
  if (is_idle && now - last_active_ > limits_.idle_max) close("idle");
}

}  // namespace stele::kafka
