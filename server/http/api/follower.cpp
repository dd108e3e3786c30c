#include "server/http/api/follower.h"

#include <utility>

#include "server/cloudevents/encode.h"

namespace stele::http {

namespace {
constexpr log::SubscriptionOptions kOptions{.events_max = 256, .bytes_max = 128 << 10};
}

std::string_view name(FollowKind kind) {
  switch (kind) {
    case FollowKind::kMessage:
      return "message";
    case FollowKind::kCheckpoint:
      return "checkpoint";
    case FollowKind::kCaughtUp:
      return "caught-up";
    case FollowKind::kFellBehind:
      return "fell-behind";
  }
  return "";
}

Result<Follower> Follower::open(log::EventStore& events, log::ReadRequest read,
                                std::optional<std::int64_t> limit) {
  auto subscription = log::Subscription::open(events, std::move(read), kOptions);
  if (!subscription) return std::unexpected(std::move(subscription.error()));
  return Follower(events, *std::move(subscription), limit);
}

/// Makes messages of events, as long as some are wanted.
class Follower::Sink final : public log::EventSink {
public:
  Sink(Follower& follower, std::vector<FollowMessage>& messages)
      : follower_(follower), messages_(messages) {}

  void take(const log::EventView& event) override {
    if (follower_.left_ && *follower_.left_ == 0) return;
    if (follower_.left_) --*follower_.left_;
    follower_.told_ = event.place.position.next();
    FollowMessage& message = messages_.emplace_back();
    message.token = follower_.events_->token(follower_.told_);
    cloudevents::write_event(event, message.event);
  }

private:
  Follower& follower_;
  std::vector<FollowMessage>& messages_;
};

Result<Follower::Step> Follower::next() {
  const Position before = subscription_.next();
  Step step;
  Sink sink(*this, step.messages);
  const auto facts = subscription_.poll_into(sink);
  if (!facts) return std::unexpected(facts.error());
  if (facts->fell_behind) {
    step.messages.insert(step.messages.begin(),
                         {FollowKind::kFellBehind, events_->token(before), {}});
  }
  step.ended = left_ && *left_ == 0;
  if (step.ended) return step;
  if (facts->checkpoint) {
    told_ = subscription_.next();
    step.messages.push_back({FollowKind::kCheckpoint, *facts->checkpoint, {}});
  }
  if (facts->caught_up) {
    told_ = subscription_.next();
    step.messages.push_back({FollowKind::kCaughtUp, events_->token(told_), {}});
  }
  step.waits = subscription_.wants_wake();
  return step;
}

std::optional<FollowMessage> Follower::checkpoint() {
  if (subscription_.next() <= told_) return std::nullopt;
  told_ = subscription_.next();
  return FollowMessage{FollowKind::kCheckpoint, events_->token(told_), {}};
}

}  // namespace stele::http
