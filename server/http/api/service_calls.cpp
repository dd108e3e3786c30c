// What operators and tools ask: metrics, health, and the description of the API.
#include "server/http/api/use_cases.h"

namespace stele::http {

namespace {

constexpr std::string_view kPlain = "text/plain";

constexpr char kOpenApi[] = {
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc23-extensions"
#embed "../openapi.json"
#pragma clang diagnostic pop
};

}  // namespace

std::unique_ptr<BodySink> get_openapi(Call& call) {
  call.answer({.content_type = kJson, .body = std::string(kOpenApi, sizeof kOpenApi)});
  return nullptr;
}

std::unique_ptr<BodySink> get_metrics(Call& call) {
  call.answer({.content_type = "text/plain; version=0.0.4; charset=utf-8",
               .body = call.api.status().metrics()});
  return nullptr;
}

std::unique_ptr<BodySink> get_healthy(Call& call) {
  const std::string reason = call.api.status().unhealthy_because();
  call.answer(reason.empty()
                  ? Response{.content_type = kPlain, .body = "healthy\n"}
                  : Response{.status = 503, .content_type = kPlain, .body = reason + "\n"});
  return nullptr;
}

std::unique_ptr<BodySink> get_ready(Call& call) {
  call.answer(call.api.status().ready()
                  ? Response{.content_type = kPlain, .body = "ready\n"}
                  : Response{.status = 503, .content_type = kPlain, .body = "not ready\n"});
  return nullptr;
}

}  // namespace stele::http
