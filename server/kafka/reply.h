// The answers of one connection, in the order of its requests, whatever order they get ready in.
//
//   requests   1   2   3   4
//   replies   [ready][ready][…   ][ready]     sent: 1 and 2 in one gathering write; 4 waits for 3
//
// Thread: the connection's. A Reply may outlive its connection: what it is given is then dropped.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "server/core/buffer_pool.h"
#include "server/kafka/wire/writer.h"

struct iovec;

namespace stele::kafka {

/// A frame and what keeps its borrowed bytes alive.
struct Answer {
  Frame frame;
  std::vector<std::shared_ptr<const void>> owners;
};

/// Whoever waits for a reply: the connection.
class ReplyListener {
public:
  ReplyListener() = default;
  ReplyListener(const ReplyListener&) = delete;
  ReplyListener& operator=(const ReplyListener&) = delete;
  virtual ~ReplyListener() = default;
  /// It is ready, with an answer of so many bytes.
  virtual void on_reply(std::size_t answer_bytes) = 0;
  /// Nothing more is to be handled of this client for so long.
  virtual void on_pause(std::chrono::nanoseconds) {}
  /// The request cannot be answered in Kafka's terms: the connection is to be closed.
  virtual void on_abort() = 0;
};

class Reply {
public:
  enum class State : std::uint8_t { kWaiting, kReady };

  explicit Reply(std::weak_ptr<ReplyListener> listener) : listener_(std::move(listener)) {}

  void send(Answer answer);
  /// Done without an answer (acks=0).
  void skip();
  void abort();
  /// Mutes the client, from now on; what it has asked already is answered.
  void pause(std::chrono::nanoseconds time);

  /// Nobody waits for it any longer.
  [[nodiscard]] bool abandoned() const { return listener_.expired(); }
  [[nodiscard]] bool ready() const { return state_ == State::kReady; }
  [[nodiscard]] const Answer& answer() const { return answer_; }

private:
  void finish();

  std::weak_ptr<ReplyListener> listener_;
  Answer answer_;
  State state_ = State::kWaiting;
};
using ReplyPtr = std::shared_ptr<Reply>;

class ReplyQueue {
public:
  void push(ReplyPtr reply) { replies_.push_back(std::move(reply)); }
  [[nodiscard]] std::size_t count() const { return replies_.size(); }
  [[nodiscard]] bool has_ready() const { return !replies_.empty() && replies_.front()->ready(); }
  /// Fills `into` with what is to be sent next; empty if nothing is ready. Valid until sent().
  void gather(std::vector<iovec>& into);
  /// The first `bytes` of what gather() gave have left.
  void sent(std::size_t bytes);

private:
  std::deque<ReplyPtr> replies_;
  std::size_t head_sent_ = 0;  ///< of the first reply
};

}  // namespace stele::kafka
