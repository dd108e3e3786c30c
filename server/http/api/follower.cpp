#include "server/http/api/follower.h"

#include <utility>

namespace stele::http {

namespace {
constexpr log::SubscriptionOptions kOptions{.events_max = 256, .bytes_max = 256 << 10};
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

Result<Follower::Step> Follower::next() {
  const Position before = subscription_.next();
  auto news = subscription_.poll();
  if (!news) return std::unexpected(std::move(news.error()));
  Step step;
  if (news->fell_behind) {
    step.messages.push_back({FollowKind::kFellBehind, events_->token(before), {}});
  }
  for (log::RecordedEvent& event : news->events) {
    if (left_ && *left_ == 0) break;
    if (left_) --*left_;
    told_ = event.position.next();
    step.messages.push_back({FollowKind::kMessage, events_->token(told_), std::move(event)});
  }
  step.ended = left_ && *left_ == 0;
  if (step.ended) return step;
  if (news->checkpoint) {
    told_ = subscription_.next();
    step.messages.push_back({FollowKind::kCheckpoint, *std::move(news->checkpoint), {}});
  }
  if (news->caught_up) {
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
