// If-Match and If-None-Match on a stream, whose ETag is its version in quotes.
//
//   If-Match: "17"     exact(17)         If-Match: *         exists
//   If-None-Match: *   no_stream         neither             any
//
// Thread: any.
#pragma once

#include "log/base/error.h"
#include "log/events/query.h"
#include "server/http/request.h"

namespace stele::http {

/// For a request that writes. kInvalid: both, a weak tag, several tags, or what is no version.
[[nodiscard]] Result<log::ExpectedVersion> expected_version(const Request& request);
/// For one that reads: the client has this version already.
[[nodiscard]] bool has_version(const Request& request, Version version);

}  // namespace stele::http
