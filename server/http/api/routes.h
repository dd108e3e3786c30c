// The table of routes: a method, a path, and the use case behind it.
//
// Thread: immutable.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/http/api/call.h"

namespace stele::http {

/// Answers the call, now or later. A sink, if the route's body is streamed and was not refused.
using UseCase = std::unique_ptr<BodySink> (*)(Call& call);

enum class BodyKind : std::uint8_t {
  kNone,
  kJson,    ///< received whole
  kEvents,  ///< the same; or NDJSON, which is streamed
};

struct Route {
  Method method;
  std::string_view path;  ///< "/v1/topics/{topic}"; a segment in braces is any
  BodyKind body;
  UseCase use_case;
  bool appends = false;     ///< needs nothing of what earlier requests wrote
  bool of_service = false;  ///< metrics and health: answered to the end
};

[[nodiscard]] std::span<const Route> routes();

/// The route of a request; null if there is none. HEAD goes where GET does.
[[nodiscard]] const Route* find_route(Method method, const Target& url);
/// "GET, HEAD, POST": what may be asked of the path; empty if there is no such path.
[[nodiscard]] std::string allowed_methods(const Target& url);

}  // namespace stele::http
