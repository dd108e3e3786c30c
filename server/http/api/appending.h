// An append on its way: topics that are not there are created first, if that is on, then the store
// takes it, then the answer is written.
//
// Thread: the loop's.
#pragma once

#include <functional>

#include "log/event_store/event_store.h"
#include "server/http/api/api.h"

namespace stele::http {

/// As EventStore::submit(), but for topics that are missing (see ApiOptions::auto_create_topics) or
/// reserved (kInvalid). `done` may be called at once.
void submit(Api& api, log::EventAppend append, log::EventAppendDone done);

/// What a successful append answers: its body, its ETag if `names_stream`.
[[nodiscard]] Response appended_response(const log::AppendedEvents& appended, bool names_stream);

}  // namespace stele::http
