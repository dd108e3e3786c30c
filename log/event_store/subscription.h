// A catch-up subscription: history, then what is appended, without a gap or a repeat at the seam.
// What HTTP and gRPC need beyond a cursor: checkpoints, "caught up", "fell behind".
//
//   while (subscription.wants_wake()) wait until store.end() > subscription.next();
//   STELE_TRY(const SubscriptionNews news, subscription.poll());    // tell them in the order of
//   fields
//
// Each poll() reads at most one page and keeps nothing: a slow client, who is polled less often,
// costs no memory and misses nothing. Resume with ReadFrom::token = the last token that was told.
// Thread: its owner's. Never blocks but for the disk.
#pragma once

#include "log/event_store/event_store.h"

namespace stele::log {

struct SubscriptionOptions {
  std::size_t events_max = 500;     ///< of one poll
  std::size_t bytes_max = 1 << 20;  ///< of one poll, about
  std::int64_t checkpoint_every =
      10'000;                        ///< positions without an event, until a checkpoint is told
  std::int64_t behind_max = 10'000;  ///< positions behind the end, until "fell behind" is told
};

/// To be told in this order: fell_behind, the events, checkpoint, caught_up.
struct SubscriptionFacts {
  std::optional<std::int64_t> fell_behind;  ///< so many positions; it had caught up before
  std::optional<Position> last;             ///< of the last event; none: there are no events
  std::optional<std::string> checkpoint;    ///< nothing more is wanted before it: resume from it
  bool caught_up = false;  ///< all there was has been told; once, and again after it fell behind
};
struct SubscriptionNews : SubscriptionFacts {
  std::vector<RecordedEvent> events;  ///< resume behind one: EventStore::token(position.next())
};

class Subscription {
public:
  /// `request` is forward; its events_max and bytes_max are those of `options`. `events` outlives
  /// it. Errors as EventStore::open().
  static Result<Subscription> open(const EventStore& events, ReadRequest request,
                                   const SubscriptionOptions& options = {});

  /// What there is now; may be nothing. kNotFound: the topic was deleted; kTombstoned: the stream
  /// was. After an error it is over.
  Result<SubscriptionNews> poll();
  /// The same, with the events into `sink`; of a poll that failed it may have got some.
  Result<SubscriptionFacts> poll_into(EventSink& sink);

  /// True: there is nothing to poll for before the store's end is past next().
  [[nodiscard]] bool wants_wake() const;
  /// All below it has been told, or is not wanted.
  [[nodiscard]] Position next() const { return next_; }

private:
  Subscription(const EventStore& events, std::unique_ptr<EventCursor> cursor,
               const SubscriptionOptions& options)
      : events_(&events), cursor_(std::move(cursor)), options_(options) {}

  const EventStore* events_;
  std::unique_ptr<EventCursor> cursor_;
  SubscriptionOptions options_;
  Position next_;  ///< what the last page came to
  Position told_;  ///< what the client knows to resume from
  bool begun_ = false;
  bool ended_ = false;  ///< the last page did: there was nothing more
  bool caught_up_ = false;
};

}  // namespace stele::log
