// A subscription as messages, one for each thing to be told, with the token to resume from behind
// it:
//   message      an event
//   checkpoint   nothing matched for a while, but this far was looked
//   caught-up    everything there was has been given
//   fell-behind  it had caught up, and much has come since
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/event_store/subscription.h"

namespace stele::http {

enum class FollowKind : std::uint8_t { kMessage, kCheckpoint, kCaughtUp, kFellBehind };

/// "message", "checkpoint", "caught-up", "fell-behind"
[[nodiscard]] std::string_view name(FollowKind kind);

struct FollowMessage {
  FollowKind kind = FollowKind::kMessage;
  std::string token;
  std::string event;  ///< as JSON; empty: none
};

class Follower {
public:
  struct Step {
    std::vector<FollowMessage> messages;
    bool waits = false;  ///< nothing more now: ask again when something was appended
    bool ended = false;  ///< the limit is reached
  };

  /// `events` outlives it; `limit`: events in all. Errors as Subscription::open().
  static Result<Follower> open(log::EventStore& events, log::ReadRequest read,
                               std::optional<std::int64_t> limit);

  /// What comes next; bounded. Errors as Subscription::poll(): it is over then.
  Result<Step> next();
  /// Where a quiet client may resume from, if that has moved since it was told.
  [[nodiscard]] std::optional<FollowMessage> checkpoint();

private:
  class Sink;
  Follower(log::EventStore& events, log::Subscription subscription,
           std::optional<std::int64_t> limit)
      : events_(&events), subscription_(std::move(subscription)), left_(limit) {}

  log::EventStore* events_;
  log::Subscription subscription_;
  std::optional<std::int64_t> left_;
  Position told_;  ///< where the last message resumes
};

}  // namespace stele::http
