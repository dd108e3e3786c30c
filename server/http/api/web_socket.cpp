#include "server/http/api/web_socket.h"

#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <optional>

#include "server/cloudevents/json_writer.h"
#include "server/http/api/problems.h"

namespace stele::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMessageBytesMax = 4096;  // of what a client sends

using Socket = asio::generic::stream_protocol::socket;

std::string text_of(const FollowMessage& message) {
  std::string text;
  cloudevents::JsonObject object(text);
  object.text("kind", name(message.kind));
  object.text("token", message.token);
  if (!message.event.empty()) object.at("event") += message.event;
  object.close();
  return text;
}

std::string text_of(const Error& error) {
  std::string problem_text = problem(error).body;
  while (problem_text.ends_with('\n')) problem_text.pop_back();
  return R"({"kind":"error","problem":)" + problem_text + "}";
}

/// Keeps itself alive through the operations under way.
class Session final : public Awaiting, public std::enable_shared_from_this<Session> {
public:
  Session(asio::io_context& context, TakenSocket taken, Follower follower, Followers::Seat seat)
      : stream_(Socket(context)),
        connection_seat_(std::move(taken.socket.seat)),
        follower_(std::move(follower)),
        seat_(std::move(seat)) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof address;
    ::getsockname(taken.socket.socket.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
    beast::error_code ignored;
    stream_.next_layer().assign(asio::generic::stream_protocol(address.ss_family, 0),
                                taken.socket.socket.release(), ignored);
  }

  void start(std::string_view head, Follower::Step first) {
    beast::error_code error;
    parser_.put(asio::const_buffer(head.data(), head.size()), error);
    add(first);
    stream_.set_option(websocket::stream_base::timeout{10s, 60s, true});
    stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& answer) {
      answer.set(beast::http::field::server, "steled");
    }));
    stream_.read_message_max(kMessageBytesMax);
    stream_.async_accept(parser_.get(), [self = shared_from_this()](beast::error_code failed) {
      if (failed) return;
      self->is_open_ = true;
      self->read();
      self->pump();
    });
  }

  void wake() override {
    if (!std::exchange(waits_, false)) return;
    pump();
  }
  void keep_alive() override {
    const auto checkpoint = follower_.checkpoint();
    if (!checkpoint) return;
    texts_.push_back(text_of(*checkpoint));
    pump();
  }
  /// Told to go elsewhere; behind the message that is being written, if there is one.
  void close() override {
    waits_ = false;
    ended_ = is_going_ = true;
    texts_.resize(is_writing_ ? 1 : 0);
    pump();
  }

private:
  void drop() {
    is_open_ = false;
    beast::error_code ignored;
    stream_.next_layer().close(ignored);
  }

  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) {
        self->is_open_ = false;
        return;
      }
      self->buffer_.clear();
      self->read();
    });
  }

  void add(const Follower::Step& step) {
    for (const FollowMessage& message : step.messages) texts_.push_back(text_of(message));
    waits_ = step.waits;
    ended_ = step.ended;
  }

  void pump() {
    if (is_writing_ || !is_open_) return;
    if (texts_.empty() && !waits_ && !ended_) {
      if (auto step = follower_.next()) {
        add(*step);
      } else {
        texts_.push_back(text_of(step.error()));
        ended_ = true;
      }
    }
    if (!texts_.empty()) return write();
    if (!ended_) return again_if_not_waiting();
    is_open_ = false;
    stream_.async_close(
        is_going_ ? websocket::close_code::going_away : websocket::close_code::normal,
        [self = shared_from_this()](beast::error_code) {});
  }

  /// A page of a quiet filter had nothing to say: the others get their turn first.
  void again_if_not_waiting() {
    if (waits_) return;
    asio::post(stream_.get_executor(), [self = shared_from_this()] { self->pump(); });
  }

  void write() {
    is_writing_ = true;
    stream_.text(true);
    stream_.async_write(asio::const_buffer(texts_.front().data(), texts_.front().size()),
                        [self = shared_from_this()](beast::error_code error, std::size_t) {
                          self->is_writing_ = false;
                          self->texts_.pop_front();
                          if (error) return self->drop();
                          self->pump();
                        });
  }

  websocket::stream<Socket> stream_;
  server::ConnectionQuota::Seat connection_seat_;
  beast::http::request_parser<beast::http::empty_body> parser_;
  beast::flat_buffer buffer_;
  Follower follower_;
  Followers::Seat seat_;
  std::deque<std::string> texts_;
  bool waits_ = false;
  bool ended_ = false;
  bool is_going_ = false;
  bool is_writing_ = false;
  bool is_open_ = false;
};

}  // namespace

void serve_web_socket(Api& api, TakenSocket taken, std::string head, Follower follower,
                      Follower::Step first, Followers::Seat seat) {
  if (!taken.received.empty()) return;  // frames before the handshake: not a client of ours
  auto session = std::make_shared<Session>(api.loop().context(), std::move(taken),
                                           std::move(follower), std::move(seat));
  api.followers().add(session);
  session->start(head, std::move(first));
}

}  // namespace stele::http
