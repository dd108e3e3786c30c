#include "server/http/api/api.h"

#include "server/http/api/followers.h"
#include "server/http/api/origin.h"
#include "server/http/api/problems.h"
#include "server/http/api/routes.h"

namespace stele::http {

namespace {

bool is_ndjson(const Request& request) {
  return equals_ignoring_case(media_type(request.header("content-type")), kNdjson);
}

bool writes(Method method) {
  return method != Method::kGet && method != Method::kHead && method != Method::kOptions;
}

}  // namespace

Api::Api(server::EventLoop& loop, log::EventStore& events, ApiOptions options, Status status)
    : loop_(loop),
      events_(events),
      options_(std::move(options)),
      status_(std::move(status)),
      followers_(std::make_unique<Followers>(options_.limits.followers_max)) {}

Api::~Api() = default;

/// A request that cannot succeed is handled from its head: its body would be received for nothing.
Plan Api::plan(Request& head) {
  const Plan refused{.streams_body = true};
  if (!parse_target(head.target, head.url)) {
    head.status = 400;
    return refused;
  }
  const Route* route = find_route(head.method, head.url);
  if (route == nullptr || (writes(head.method) && is_foreign(head))) return refused;
  switch (route->body) {
    case BodyKind::kNone:
      return {.body_bytes_max = 0};
    case BodyKind::kJson:
      return {.body_bytes_max = options_.limits.body_bytes_max, .may_overlap = route->appends};
    case BodyKind::kEvents:
      if (is_ndjson(head)) return {.streams_body = true};
      return {.body_bytes_max = options_.limits.body_bytes_max, .may_overlap = true};
  }
  return refused;
}

std::unique_ptr<BodySink> Api::handle(Request& request, ExchangePtr exchange) {
  Call call{*this, request, std::move(exchange)};
  if (request.status) {
    call.answer(problem(*request.status, "the target is not a URL's path and query"));
    return nullptr;
  }
  if (const Route* route = find_route(request.method, request.url)) {
    const bool is_handshake = request.wants_upgrade && !writes(request.method);
    if (is_foreign(request) && (writes(request.method) || is_handshake)) {
      call.answer(problem(403, "a page of another host asks"));
      return nullptr;
    }
    if (draining_ && !route->of_service) {
      call.answer(Error{Code::kClosed, "the service stops"});
      return nullptr;
    }
    return route->use_case(call);
  }
  const std::string allowed = allowed_methods(request.url);
  if (allowed.empty()) {
    call.answer(problem(404, "there is no such path; /v1/openapi.json has them all"));
    return nullptr;
  }
  Response response = request.method == Method::kOptions ? Response{.status = 204}
                                                         : problem(405, "not with this method");
  response.headers += "Allow: " + allowed + "\r\n";
  call.answer(std::move(response));
  return nullptr;
}

Response Api::refuse(unsigned status, std::string_view why) {
  return problem(status, why);
}

void Api::wake_followers() {
  followers_->wake();
}

void Api::keep_followers_alive() {
  followers_->keep_alive();
}

void Api::drain() {
  draining_ = true;
  followers_->close();
}

void Api::print(server::PrometheusText& text) const {
  metrics_.print(text);
  text.gauge("stele_http_followers", "Who follows over SSE or WebSocket.")
      .sample("", static_cast<std::int64_t>(followers_->count()));
}

}  // namespace stele::http
