// WebSocket: what a Follower says, a text frame a message.
//
//   {"kind":"message","token":"…","event":{…}}      {"kind":"caught-up","token":"…"}
//   {"kind":"error","problem":{…}}                   the last one
//
// Nothing is expected of the client: frames of data over 4 KiB close with 1009, others are read and
// dropped; an unmasked frame or a reserved opcode closes with 1002. A page is read when the one
// before has been sent, so that a slow client costs one page. Pings after 30 s of silence, closed
// after 60. Thread: the loop's. Beast stays behind this header.
#pragma once

#include "server/http/api/api.h"
#include "server/http/api/follower.h"
#include "server/http/api/followers.h"
#include "server/http/exchange.h"

namespace stele::http {

/// Shakes hands (`head` is the request's) and serves until either side closes.
void serve_web_socket(Api& api, TakenSocket taken, std::string head, Follower follower,
                      Follower::Step first, Followers::Seat seat);

}  // namespace stele::http
