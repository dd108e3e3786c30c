#include "log/event_store/subscription.h"

#include "log/base/fail.h"
#include "log/event_store/owned_events.h"

namespace stele::log {

Result<Subscription> Subscription::open(const EventStore& events, ReadRequest request,
                                        const SubscriptionOptions& options) {
  if (request.direction != Direction::kForward)
    return fail(Code::kInvalid, "a subscription goes forward");
  request.events_max = options.events_max;
  request.bytes_max = options.bytes_max;
  STELE_TRY(auto cursor, events.open(std::move(request)));
  return Subscription(events, std::move(cursor), options);
}

bool Subscription::wants_wake() const {
  return begun_ && ended_ && caught_up_ && events_->store().end() <= next_;
}

Result<SubscriptionNews> Subscription::poll() {
  OwnedEvents events;
  STELE_TRY(SubscriptionFacts facts, poll_into(events));
  return SubscriptionNews{{std::move(facts)}, events.release()};
}

Result<SubscriptionFacts> Subscription::poll_into(EventSink& sink) {
  SubscriptionFacts news;
  const std::int64_t behind = distance(next_, events_->store().end());
  if (caught_up_ && behind > options_.behind_max) {
    news.fell_behind = behind;
    caught_up_ = false;
  }
  STELE_TRY(PageSummary page, cursor_->next_into(sink));
  STELE_TRY(next_, events_->parse_token(page.next));
  if (!begun_) told_ = next_;
  if (page.event_count > 0) {
    news.last = page.last;
    told_ = page.last.next();
  }
  ended_ = page.end;
  news.caught_up = ended_ && !caught_up_;
  caught_up_ = caught_up_ || ended_;
  // A filter that is quiet moves on too; and whoever has caught up may resume from there.
  if (news.caught_up || distance(told_, next_) >= options_.checkpoint_every) {
    news.checkpoint = std::move(page.next);
    told_ = next_;
  }
  begun_ = true;
  return news;
}

}  // namespace stele::log
