#include "projections/remote/position_reader.h"

#include <grpcpp/completion_queue.h>

#include <algorithm>
#include <thread>

#include "log/base/fail.h"
#include "projections/remote/event_messages.h"
#include "projections/remote/request_messages.h"

namespace stele::projections {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr milliseconds kReconnectFirst{50};
constexpr milliseconds kReconnectLongest{2'000};
constexpr std::chrono::seconds kAskEndEvery{1};
constexpr milliseconds kPassOverEvery{100};

/// One subscription: a call with its own queue, on which one operation is under way at most.
class Subscription {
public:
  enum class News : std::uint8_t { kMessage, kNothing, kEnded };

  Subscription(ServerAccess& access, const v1::SubscribeRequest& request)
      : call_(access.stub().AsyncSubscribe(&context_, request, &queue_, this)) {}
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  /// kMessage: lot() holds it. kEnded: status() says why.
  News wait(steady_clock::time_point until);
  [[nodiscard]] std::shared_ptr<MessageLot> take_lot() { return std::move(lot_); }
  [[nodiscard]] const ::grpc::Status& status() const { return status_; }

private:
  enum class Step : std::uint8_t { kStarting, kReading, kFinishing };
  void read() {
    step_ = Step::kReading;
    lot_ = std::make_shared<MessageLot>();
    call_->Read(&lot_->message(), this);
  }

  ::grpc::ClientContext context_;
  ::grpc::CompletionQueue queue_;
  ::grpc::Status status_;
  std::shared_ptr<MessageLot> lot_;  ///< being read into
  Step step_ = Step::kStarting;
  std::unique_ptr<::grpc::ClientAsyncReader<v1::SubscribeResponse>> call_;
};

Subscription::News Subscription::wait(steady_clock::time_point until) {
  if (step_ == Step::kReading && lot_ == nullptr) read();
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(until - steady_clock::now());
    void* tag = nullptr;
    bool ok = false;
    const auto told = queue_.AsyncNext(
        &tag, &ok, std::chrono::system_clock::now() + std::max(left, std::chrono::microseconds(0)));
    if (told == ::grpc::CompletionQueue::TIMEOUT) return News::kNothing;
    if (told == ::grpc::CompletionQueue::SHUTDOWN || step_ == Step::kFinishing) return News::kEnded;
    if (ok && step_ == Step::kReading) return News::kMessage;
    if (ok) {
      read();
    } else {
      step_ = Step::kFinishing;
      call_->Finish(&status_, this);
    }
  }
}

class PositionReader final : public SourceReader {
public:
  PositionReader(ServerAccess& access, std::vector<std::string> topics, Position from, Position end)
      : access_(access), topics_(std::move(topics)), next_(from.raw()), end_(end.raw()) {}

  Result<LotPtr> next(nanoseconds longest) override;

private:
  void subscribe();
  Result<LotPtr> take(std::shared_ptr<MessageLot> lot);
  Result<LotPtr> quiet();
  Result<LotPtr> ended(steady_clock::time_point until);
  Result<LotPtr> place(const std::shared_ptr<MessageLot>& lot);

  ServerAccess& access_;
  std::vector<std::string> topics_;
  std::int64_t next_;
  std::int64_t end_;
  bool caught_up_ = false;
  steady_clock::time_point end_asked_ = steady_clock::now();
  milliseconds reconnect_after_ = kReconnectFirst;
  steady_clock::time_point reconnect_at_;
  steady_clock::time_point passed_over_;
  std::unique_ptr<Subscription> subscription_;
};

void PositionReader::subscribe() {
  v1::SubscribeRequest request;
  select_topics(*request.mutable_selection(), topics_);
  request.mutable_from()->set_position(static_cast<std::uint64_t>(next_));
  subscription_ = std::make_unique<Subscription>(access_, request);
  caught_up_ = false;
}

Result<LotPtr> PositionReader::next(nanoseconds longest) {
  const auto until = steady_clock::now() + std::min<nanoseconds>(longest, std::chrono::hours(24));
  if (subscription_ == nullptr) {
    const auto now = steady_clock::now();
    if (now < reconnect_at_) std::this_thread::sleep_for(std::min(reconnect_at_, until) - now);
    if (until < reconnect_at_) return place(std::make_shared<MessageLot>());
    subscribe();
  }
  switch (subscription_->wait(until)) {
    case Subscription::News::kMessage:
      return take(subscription_->take_lot());
    case Subscription::News::kNothing:
      return quiet();
    case Subscription::News::kEnded:
      break;
  }
  return ended(until);
}

Result<LotPtr> PositionReader::take(std::shared_ptr<MessageLot> lot) {
  reconnect_after_ = kReconnectFirst;
  const v1::SubscribeResponse& message = lot->message();
  switch (message.message_case()) {
    case v1::SubscribeResponse::kBatch:
      lot->take_events();
      if (!lot->events.empty()) next_ = lot->events.back().position.raw() + 1;
      break;
    case v1::SubscribeResponse::kCheckpoint:
      next_ = std::max(next_, static_cast<std::int64_t>(message.checkpoint().position()));
      break;
    case v1::SubscribeResponse::kCaughtUp:
      next_ = std::max(next_, static_cast<std::int64_t>(message.caught_up().position()));
      caught_up_ = true;
      break;
    case v1::SubscribeResponse::kFellBehind:
      caught_up_ = false;
      break;
    case v1::SubscribeResponse::MESSAGE_NOT_SET:
      break;
  }
  return place(lot);
}

Result<LotPtr> PositionReader::place(const std::shared_ptr<MessageLot>& lot) {
  if (!caught_up_ && steady_clock::now() - end_asked_ > kAskEndEvery) {
    end_asked_ = steady_clock::now();
    // For who watches how far it is: what is not told now is told the next time.
    if (const auto end = access_.end()) end_ = end->raw();
  }
  lot->input = InputId::store();
  lot->next = next_;
  lot->input_end = end_ = std::max(end_, next_);
  lot->end = caught_up_;
  return lot;
}

// Other topics' events are told of by checkpoints, which are rare: a fold that has caught up would
// not know that it has.
Result<LotPtr> PositionReader::quiet() {
  if (caught_up_ && steady_clock::now() - passed_over_ > kPassOverEvery) {
    if (const auto next = access_.pass_over(topics_, Position(next_))) next_ = next->raw();
    passed_over_ = steady_clock::now();
  }
  return place(std::make_shared<MessageLot>());
}

// The server went, or stops: what it had is read on from here. Another reason is told.
Result<LotPtr> PositionReader::ended(steady_clock::time_point until) {
  const ::grpc::Status status = subscription_->status();
  subscription_.reset();
  const Error error = error_of(status, access_.place() + ": subscription");
  const bool may_come_back = error.code == Code::kIo || error.code == Code::kClosed ||
                             error.code == Code::kCancelled || error.code == Code::kOverloaded;
  if (!may_come_back && !status.ok()) return std::unexpected(error);
  access_.forget_store();
  reconnect_at_ = steady_clock::now() + reconnect_after_;
  reconnect_after_ = std::min(reconnect_after_ * 2, kReconnectLongest);
  caught_up_ = false;
  std::this_thread::sleep_for(std::max(
      nanoseconds(0),
      std::min<nanoseconds>(reconnect_at_ - steady_clock::now(), until - steady_clock::now())));
  return place(std::make_shared<MessageLot>());
}

}  // namespace

Result<std::unique_ptr<SourceReader>> open_position_reader(ServerAccess& access,
                                                           const std::vector<std::string>& topics,
                                                           Position from) {
  STELE_TRY(const Position end, access.end());
  if (from > end)
    return fail(Code::kOutOfRange,
                "the checkpoint is at position {}, {} ends at {}: it is of another store, or "
                "events were lost; build the projection anew",
                from.raw(), access.place(), end.raw());
  return std::make_unique<PositionReader>(access, topics, from, end);
}

}  // namespace stele::projections
