// One request on its route: what a use case needs of it.
//
// Thread: the loop's. Lifetime: of the handler's call; who answers later keeps the exchange.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "log/base/error.h"
#include "log/event_store/event_store.h"
#include "server/http/api/api.h"
#include "server/http/exchange.h"
#include "server/http/request.h"

namespace stele::http {

struct Call {
  Api& api;
  Request& request;
  ExchangePtr exchange;

  [[nodiscard]] const std::string& segment(std::size_t index) const {
    return request.url.segments[index];
  }
  /// Of /v1/topics/{topic}/…
  [[nodiscard]] const std::string& topic() const { return segment(2); }
  /// Of /v1/topics/{topic}/streams/{stream}/…, decoded once more if ?encoding=base64url. kInvalid.
  [[nodiscard]] Result<log::StreamName> stream() const;
  [[nodiscard]] const std::string* parameter(std::string_view name) const {
    return request.url.parameter(name);
  }
  /// kInvalid names a query parameter that is none of `known`.
  [[nodiscard]] Result<void> check_parameters(std::initializer_list<std::string_view> known) const;

  void answer(Response response) const { exchange->answer(std::move(response)); }
  void answer(const Error& error) const;
};

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kProblem = "application/problem+json";
inline constexpr std::string_view kNdjson = "application/x-ndjson";
inline constexpr std::string_view kBatch = "application/cloudevents-batch+json";
inline constexpr std::string_view kStructured = "application/cloudevents+json";
inline constexpr std::string_view kEventStream = "text/event-stream";

/// A whole number from 0 on that fits into 63 bits, as JSON has it: no sign, no leading zeros.
/// kInvalid.
[[nodiscard]] Result<std::int64_t> parse_whole(std::string_view text, std::string_view name);

}  // namespace stele::http
