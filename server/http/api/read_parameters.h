// What a GET asks to read: query parameters and headers ─► ReadRequest, and how it is to be
// answered.
//
//   from, fromTime, fromEventTime, direction, limit, type, tag, streamPrefix, header, sinceType,
//   versions, follow, encoding
//
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>

#include "log/event_store/event_store.h"
#include "server/http/api/call.h"
#include "server/http/api/read_form.h"

namespace stele::http {

inline constexpr std::size_t kPageEvents = 1000;  ///< if there is no limit
inline constexpr std::size_t kPageEventsMax = 10'000;

struct ReadCall {
  log::ReadRequest read;
  ReadForm form = ReadForm::kPage;
  std::optional<std::int64_t> limit;
};

/// Of a GET. `select` is what the path says: all, a topic, or a stream. kInvalid names the
/// parameter; kUnsupported: no form that the client accepts (406).
[[nodiscard]] Result<ReadCall> parse_read(const Call& call, log::Selection select);

/// Of the body of a query. kInvalid, kUnsupported, kTooLarge.
[[nodiscard]] Result<ReadCall> parse_query_read(const Call& call);

/// How the client wants it: ?follow and Accept. kUnsupported.
[[nodiscard]] Result<ReadForm> read_form(const Request& request);

/// "Link: <…>; rel="next"": the same read from `token` on.
[[nodiscard]] std::string next_link(const Request& request, std::string_view token);

}  // namespace stele::http
