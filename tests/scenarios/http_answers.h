// What HTTP answers, in the types of log/event_store, as a client reads them (with simdjson).
//
// Thread: any.
#pragma once

#include <string>

#include "log/event_store/event_store.h"

namespace stele::scenarios {

struct HttpAnswer {
  unsigned status = 0;
  std::string etag;  ///< without the quotes
  std::string body;
};

[[nodiscard]] Result<log::RecordedEvent> event_of_json(std::string_view json);
[[nodiscard]] log::EventAppendResult appended_of(const HttpAnswer& answer);
[[nodiscard]] Result<log::ReadPage> page_of(const HttpAnswer& answer);
[[nodiscard]] Result<log::StreamInfo> stream_of(const HttpAnswer& answer);
/// An answer without content.
[[nodiscard]] Result<void> done_of(const HttpAnswer& answer);
/// What a problem+json says.
[[nodiscard]] log::AppendRefusal refusal_of(const HttpAnswer& answer);

/// The token, the kind and the event of a message of a WebSocket.
struct FollowedMessage {
  std::string kind;
  std::string token;
  std::string event;  ///< JSON
};
[[nodiscard]] Result<FollowedMessage> message_of_json(std::string_view json);

}  // namespace stele::scenarios
