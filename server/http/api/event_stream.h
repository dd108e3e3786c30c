// Server-sent events: what a Follower says, as text/event-stream.
//
//   id: <token>
//   event: message
//   data: {…}
//
// Thread: the loop's.
#pragma once

#include "server/http/api/follower.h"
#include "server/http/api/followers.h"
#include "server/http/exchange.h"

namespace stele::http {

class EventStream final : public BodySource {
public:
  /// `first` is the step that the follower has given already.
  EventStream(Follower follower, Follower::Step first, Followers::Seat seat)
      : follower_(std::move(follower)), step_(std::move(first)), seat_(std::move(seat)) {}

  Next pump(std::string& out) override;
  void keep_alive(std::string& out) override;
  bool stop(std::string& out) override;

private:
  Follower follower_;
  std::optional<Follower::Step> step_;
  Followers::Seat seat_;
};

}  // namespace stele::http
