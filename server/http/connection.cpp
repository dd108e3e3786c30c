#include "server/http/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace stele::http {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kReceiveBytesPerEvent = 1 << 20;  // then others get their turn
constexpr auto kLingerMax = 2s;

unsigned status_of_bad_head(Code code) {
  switch (code) {
    case Code::kTooLarge:
      return 431;
    case Code::kUnsupported:
      return 501;
    case Code::kOutOfRange:
      return 505;
    default:
      return 400;
  }
}

}  // namespace

Connection::Connection(server::EventLoop& loop, server::AcceptedSocket socket, const Limits& limits,
                       RequestHandler& handler, ConnectionHost& host)
    : loop_(loop),
      limits_(limits),
      handler_(handler),
      host_(host),
      socket_(std::move(socket)),
      peer_(socket_.peer.text()),
      last_active_(loop.now()),
      last_sent_(loop.now()),
      watch_(std::make_unique<server::EventLoop::Watch>(loop, socket_.socket.get(), *this)) {}

Connection::~Connection() {
  give_back_body();
}

void Connection::start() {
  watch_->wait_readable();
}

bool Connection::may_handle() const {
  return !closed_ && !no_more_ && exchanges_.size() < limits_.pipelined_max &&
         unsent_bytes() < limits_.unsent_bytes_max;
}

bool Connection::may_read() const {
  if (closed_ || peer_done_) return false;
  if (lingers_) return true;
  if (no_more_) return false;
  switch (state_) {
    case State::kHead:
      return may_handle();
    case State::kBody:
      return true;
    case State::kHandle:
      return false;
    case State::kStream:
      return sink_->wants_more();
  }
  return false;
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

void Connection::on_answer() {
  if (!closed_) host_.on_dirty(*this);
}

void Connection::on_wanted() {
  if (!closed_) host_.on_dirty(*this);
}

void Connection::wake() {
  source_waits_ = false;
  if (!closed_) host_.on_dirty(*this);
}

void Connection::consume(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ == end_) begin_ = end_ = 0;
}

void Connection::give_back_input() {
  if (input_ && begin_ == end_) host_.give_input(std::move(input_));
}

void Connection::receive() {
  std::size_t total = 0;
  while (total < kReceiveBytesPerEvent && may_read() && receive_once(total)) {
  }
  loop_.note_work(total);
  give_back_input();
  if (closed_) return;
  if (total > 0) {
    last_active_ = loop_.now();
    host_.on_bytes(total, 0);
  }
  host_.on_dirty(*this);
}

/// False when there is nothing more to receive now.
bool Connection::receive_once(std::size_t& total) {
  if (!input_) input_ = host_.take_input();
  if (end_ == kInputBytes && begin_ > 0) {
    std::memmove(input_.get(), input_.get() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  const std::size_t room = kInputBytes - end_;
  if (room == 0) return false;
  const ssize_t got = ::recv(socket_.socket.get(), input_.get() + end_, room, MSG_DONTWAIT);
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
  end_ += bytes;
  total += bytes;
  if (lingers_) {
    begin_ = end_ = 0;
    return bytes == room;
  }
  process();
  return !closed_ && bytes == room;
}

bool Connection::process() {
  bool moved = false;
  while (!closed_ && step()) moved = true;
  return moved;
}

/// False when nothing more can be done with what is there.
bool Connection::step() {
  switch (state_) {
    case State::kHead:
      return may_handle() && end_ > begin_ && take_head();
    case State::kBody:
      return take_body();
    case State::kHandle:
      return dispatch();
    case State::kStream:
      return take_streamed();
  }
  return false;
}

bool Connection::take_head() {
  if (unread().starts_with("\r\n")) {  // some clients end a body with one too many
    consume(2);
    return true;
  }
  if (request_since_ == 0ns) request_since_ = loop_.now();
  const auto taken = parser_.head(unread(), request_);
  if (!taken) {
    refuse(status_of_bad_head(taken.error().code), taken.error().detail);
    return false;
  }
  if (*taken == 0) return false;
  consume(*taken);
  plan_ = handler_.plan(request_);
  if (plan_.streams_body || parser_.complete()) {
    state_ = State::kHandle;
    return true;
  }
  if (!admit_body()) return false;
  if (request_.wants_continue && exchanges_.empty()) output_ += kContinue;
  request_.body.reserve(reserved_bytes_);
  state_ = State::kBody;
  return true;
}

/// Whether a body of the length told, or received so far, is within the limits.
bool Connection::admit_body() {
  const std::size_t wanted =
      std::max<std::size_t>(request_.content_length.value_or(0), request_.body.size());
  if (wanted > plan_.body_bytes_max) {
    refuse(413, plan_.body_bytes_max == 0 ? "no body, please" : "the body is too large");
    return false;
  }
  if (wanted <= reserved_bytes_) return true;
  if (!host_.reserve_body(wanted - reserved_bytes_)) {
    refuse(503, "too many bytes of requests are under way");
    return false;
  }
  reserved_bytes_ = wanted;
  return true;
}

void Connection::give_back_body() {
  if (reserved_bytes_ > 0) host_.release_body(std::exchange(reserved_bytes_, 0));
}

bool Connection::take_body() {
  std::string_view piece;
  const auto taken = parser_.body(unread(), piece);
  if (!taken) {
    refuse(400, taken.error().detail);
    return false;
  }
  request_.body += piece;
  consume(*taken);
  if (!admit_body()) return false;
  if (parser_.complete()) {
    state_ = State::kHandle;
    return true;
  }
  return *taken > 0;
}

bool Connection::dispatch() {
  if (!plan_.may_overlap && !exchanges_.empty()) return false;
  auto exchange = std::make_shared<Exchange>(weak_from_this(), request_);
  exchanges_.push_back(exchange);
  sink_ = handler_.handle(request_, exchange);
  give_back_body();
  if (!sink_) {
    // A body that nobody takes: the answer says why, and nothing after it can be found.
    if (!parser_.complete()) exchange->close_after();
    no_more_ = no_more_ || !exchange->keeps_alive();
    next_request();
    return true;
  }
  if (request_.wants_continue) output_ += kContinue;
  sink_exchange_ = std::move(exchange);
  state_ = State::kStream;
  arrived_bytes_ = 0;
  return true;
}

bool Connection::take_streamed() {
  if (sink_exchange_->answered()) {  // refused before its end
    sink_exchange_->close_after();
    no_more_ = true;
    next_request();
    return false;
  }
  if (!parser_.complete()) {
    if (!sink_->wants_more()) return false;
    std::string_view piece;
    const auto taken = parser_.body(unread(), piece);
    if (!taken) {
      sink_exchange_->close_after();
      sink_exchange_->answer(handler_.refuse(400, taken.error().detail));
      return true;
    }
    if (!piece.empty()) sink_->take(piece);
    arrived_bytes_ += *taken;
    consume(*taken);
    if (!parser_.complete()) return *taken > 0;
  }
  sink_->end();
  no_more_ = no_more_ || !sink_exchange_->keeps_alive();
  next_request();
  return true;
}

void Connection::next_request() {
  request_.clear();
  parser_.reset();
  sink_.reset();
  sink_exchange_.reset();
  state_ = State::kHead;
  request_since_ = 0ns;
}

void Connection::refuse(unsigned status, std::string_view why) {
  auto exchange = std::make_shared<Exchange>(weak_from_this(), request_);
  exchanges_.push_back(exchange);
  exchange->close_after();
  exchange->answer(handler_.refuse(status, why));
  no_more_ = true;
  give_back_body();
  next_request();
}

// --- answers ---

void Connection::begin_answer(Exchange& exchange) {
  framing_ = Framing::kLength;
  if (exchange.source()) framing_ = exchange.is_http11() ? Framing::kChunks : Framing::kClose;
  write_response(exchange, framing_, host_.date(), output_);
  host_.on_response(exchange.response().status);
  if (exchange.source() && !exchange.is_head()) {
    source_ = std::move(exchange.source());
    return;
  }
  exchanges_.pop_front();
}

void Connection::gather_answers() {
  while (!exchanges_.empty() && !source_ && exchanges_.front()->answered() &&
         !exchanges_.front()->protocol() && unsent_bytes() < limits_.unsent_bytes_max) {
    const ExchangePtr first = exchanges_.front();
    if (first == sink_exchange_ && !parser_.complete()) first->close_after();
    begin_answer(*first);
    if (framing_ == Framing::kClose) no_more_ = true;
  }
}

/// Lets the source write its next piece behind what is there.
template <class Write>
auto Connection::add_piece(const Write& write) {
  // What has left makes room first: a slow client costs one page, not one more for each it took.
  output_.erase(0, std::exchange(sent_, 0));
  if (framing_ != Framing::kChunks) return write(output_);
  const std::size_t begin = begin_chunk(output_);
  auto result = write(output_);
  end_chunk(begin, output_);
  return result;
}

void Connection::pump() {
  constexpr std::size_t kOutputLowBytes = 64 << 10;
  if (source_ && draining_ && add_piece([this](std::string& out) { return source_->stop(out); })) {
    end_source();
  }
  for (int pages = 0; source_ && !source_waits_ && pages < 4; ++pages) {
    if (unsent_bytes() >= kOutputLowBytes) return;
    const auto next = add_piece([this](std::string& out) { return source_->pump(out); });
    if (next == BodySource::Next::kAbort) {
      send();
      return close("an answer could not be finished");
    }
    if (next == BodySource::Next::kEnd) {
      end_source();
    } else if (next == BodySource::Next::kWait) {
      source_waits_ = true;
      host_.on_waiting(*this);
    }
  }
}

void Connection::end_source() {
  if (framing_ == Framing::kChunks) output_ += kLastChunk;
  source_.reset();
  source_waits_ = false;
  exchanges_.pop_front();
}

void Connection::send() {
  while (unsent_bytes() > 0) {
    const ssize_t sent = ::send(socket_.socket.get(), output_.data() + sent_, unsent_bytes(),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      if (stalled_since_ == 0ns) stalled_since_ = loop_.now();
      return watch_->wait_writable();
    }
    if (sent < 0) return close(std::strerror(errno));
    sent_ += static_cast<std::size_t>(sent);
    stalled_since_ = 0ns;
    last_sent_ = last_active_ = loop_.now();
    host_.on_bytes(0, static_cast<std::size_t>(sent));
  }
  sent_ = 0;
  output_.clear();
  if (output_.capacity() > limits_.unsent_bytes_max) output_ = {};
}

/// The socket goes to another protocol, with what was received of it.
void Connection::hand_over() {
  const ExchangePtr exchange = exchanges_.front();
  Protocol protocol = std::move(exchange->protocol());
  TakenSocket taken{std::move(socket_), std::string(unread())};
  watch_.reset();
  closed_ = true;
  host_.on_response(101);
  host_.on_closed(*this, "");
  protocol(std::move(taken));
}

/// True if there is nothing left to do but to close.
bool Connection::finish_if_done() {
  const bool follower_left = peer_done_ && source_ && source_waits_;
  const bool said_all = exchanges_.empty() && unsent_bytes() == 0;
  if (follower_left || (peer_done_ && said_all)) {
    close("");
    return true;
  }
  if (no_more_ && said_all && !lingers_) {
    // Closing with bytes unread would reset the connection, and take the answer with it.
    ::shutdown(socket_.socket.get(), SHUT_WR);
    lingers_ = true;
    linger_since_ = loop_.now();
    begin_ = end_ = 0;
  }
  return false;
}

bool Connection::finish_turn() {
  const auto alive = shared_from_this();
  if (closed_) return false;
  bool more = false;
  try {
    process();
    gather_answers();
    pump();
    if (!closed_) send();
    if (!closed_ && unsent_bytes() == 0) {
      if (!exchanges_.empty() && exchanges_.front()->protocol()) {
        hand_over();
        return false;
      }
      more = process() || (source_ && !source_waits_);
      if (!exchanges_.empty() && exchanges_.front()->answered() && !source_) more = true;
    }
  } catch (const std::bad_alloc&) {
    close("out of memory");
  }
  if (closed_ || finish_if_done()) return false;
  give_back_input();
  if (may_read()) watch_->wait_readable();
  return more;
}

void Connection::drain() {
  draining_ = no_more_ = true;
  if (state_ == State::kStream) {
    sink_exchange_->close_after();
    sink_->stop(503, "the service stops");
  }
  host_.on_dirty(*this);
}

void Connection::close(std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  ::shutdown(socket_.socket.get(), SHUT_RDWR);
  source_.reset();  // a follower's seat is free at once, whoever still knows the connection
  give_back_body();
  host_.on_closed(*this, reason);
}

/// A request, or its body, must not take for ever to arrive.
void Connection::check_request(std::chrono::nanoseconds now) {
  if (request_since_ == 0ns || now - request_since_ <= limits_.request_max) return;
  constexpr std::string_view kWhy = "the request arrives too slowly";
  if (state_ == State::kHandle) return;
  if (state_ != State::kStream) return refuse(408, kWhy);
  if (!sink_->wants_more() || arrived_bytes_ >= limits_.streamed_bytes_min) {
    request_since_ = now;
    arrived_bytes_ = 0;
    return;
  }
  sink_exchange_->close_after();
  sink_->stop(408, kWhy);
}

void Connection::check_deadlines(std::chrono::nanoseconds now) {
  if (closed_) return;
  if (stalled_since_ != 0ns && now - stalled_since_ > limits_.stalled_max) {
    return close("client does not read its answers");
  }
  if (lingers_ && now - linger_since_ > kLingerMax) return close("");
  check_request(now);
  if (closed_) return;
  if (exchanges_.empty() && state_ == State::kHead && now - last_active_ > limits_.idle_max) {
    return close("");
  }
  if (!source_ || !source_waits_ || now - last_sent_ < limits_.keep_alive_every) return;
  add_piece([this](std::string& out) {
    source_->keep_alive(out);
    return true;
  });
  last_sent_ = now;
  host_.on_dirty(*this);
}

}  // namespace stele::http
