// What the types of log/event_store are as HTTP requests, as a client writes them.
//
// An append takes the narrowest way that can say it: binary mode, one event, a batch on a stream or
// a topic, POST /v1/events for the rest. Thread: any.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "log/event_store/event_store.h"

namespace stele::scenarios {

struct HttpRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

[[nodiscard]] HttpRequest http_append(const log::EventAppend& append);
/// `follows`: a subscription, which has no limit. kUnsupported: HTTP cannot say it; the detail says
/// what.
[[nodiscard]] Result<HttpRequest> http_read(const log::ReadRequest& read, bool follows);
[[nodiscard]] HttpRequest http_limits(const log::StreamName& name);
[[nodiscard]] HttpRequest http_set_limits(const log::StreamName& name,
                                          const log::StreamRules& limits);
[[nodiscard]] HttpRequest http_tombstone(const log::StreamName& name,
                                         const log::ExpectedVersion& expected);
[[nodiscard]] HttpRequest http_create_topic(const std::string& name, std::int32_t partition_count);

}  // namespace stele::scenarios
