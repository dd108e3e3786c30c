// Errors as answers: a status, and problem+json (RFC 9457) that says what it is and what to do.
//
// Thread: any.
#pragma once

#include <string_view>

#include "log/event_store/event_store.h"
#include "server/http/exchange.h"

namespace stele::http {

/// Of what the store answered.
[[nodiscard]] Response problem(const Error& error);
/// The same with every failed check; ETag is the version of the stream, if one alone was checked.
[[nodiscard]] Response problem(const log::AppendRefusal& refusal);
/// Of what HTTP itself refuses.
[[nodiscard]] Response problem(unsigned status, std::string_view detail);

/// ETag line of a stream at that version.
[[nodiscard]] std::string etag_line(Version version);

}  // namespace stele::http
