// Who may write, and follow, from within a browser: pages of this very host.
//
// A browser sends Origin with every WebSocket handshake and with requests that pages of other sites
// make; those must not reach a store that listens on loopback, or behind somebody's cookie.
// Thread: any.
#pragma once

#include "server/http/request.h"

namespace stele::http {

/// True if a page of another host asks.
[[nodiscard]] bool is_foreign(const Request& request);

}  // namespace stele::http
