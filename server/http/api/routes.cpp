#include "server/http/api/routes.h"

#include <algorithm>
#include <array>

#include "server/http/api/use_cases.h"

namespace stele::http {

namespace {

constexpr std::array kRoutes = std::to_array<Route>({
    {Method::kPost, "/v1/topics/{topic}/streams/{stream}", BodyKind::kEvents, append_to_stream},
    {Method::kGet, "/v1/topics/{topic}/streams/{stream}", BodyKind::kNone, read_stream},
    {Method::kDelete, "/v1/topics/{topic}/streams/{stream}", BodyKind::kNone, tombstone_stream},
    {Method::kGet, "/v1/topics/{topic}/streams/{stream}/limits", BodyKind::kNone, get_limits},
    {Method::kPut, "/v1/topics/{topic}/streams/{stream}/limits", BodyKind::kJson, put_limits},
    {Method::kGet, "/v1/topics/{topic}/streams", BodyKind::kNone, list_streams},
    {Method::kPost, "/v1/topics/{topic}/events", BodyKind::kEvents, append_to_topic},
    {Method::kGet, "/v1/topics/{topic}/events", BodyKind::kNone, read_topic},
    {Method::kPost, "/v1/events", BodyKind::kJson, append_to_many, true},
    {Method::kGet, "/v1/events", BodyKind::kNone, read_all},
    {Method::kPost, "/v1/events/query", BodyKind::kJson, query_events},
    {Method::kGet, "/v1/topics", BodyKind::kNone, list_topics},
    {Method::kPost, "/v1/topics", BodyKind::kJson, create_topic},
    {Method::kGet, "/v1/topics/{topic}", BodyKind::kNone, get_topic},
    {Method::kDelete, "/v1/topics/{topic}", BodyKind::kNone, delete_topic},
    {Method::kPost, "/v1/admin/scavenge", BodyKind::kNone, scavenge},
    {Method::kGet, "/v1/openapi.json", BodyKind::kNone, get_openapi},
    {Method::kGet, "/metrics", BodyKind::kNone, get_metrics, false, true},
    {Method::kGet, "/-/healthy", BodyKind::kNone, get_healthy, false, true},
    {Method::kGet, "/-/ready", BodyKind::kNone, get_ready, false, true},
});

bool matches(std::string_view path, const Target& url) {
  for (const std::string& segment : url.segments) {
    if (path.empty()) return false;
    path.remove_prefix(1);  // the slash
    const std::string_view wanted = path.substr(0, path.find('/'));
    if (!wanted.starts_with('{') && wanted != segment) return false;
    path.remove_prefix(wanted.size());
  }
  return path.empty();
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

const Route* find_route(Method method, const Target& url) {
  const Method wanted = method == Method::kHead ? Method::kGet : method;
  const auto* const found = std::ranges::find_if(kRoutes, [&](const Route& route) {
    return route.method == wanted && matches(route.path, url);
  });
  return found == kRoutes.end() ? nullptr : found;
}

std::string allowed_methods(const Target& url) {
  std::string allowed;
  for (const Route& route : kRoutes) {
    if (!matches(route.path, url)) continue;
    if (!allowed.empty()) allowed += ", ";
    allowed += name(route.method);
    if (route.method == Method::kGet) allowed += ", HEAD";
  }
  return allowed;
}

}  // namespace stele::http
