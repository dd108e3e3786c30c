// Routes, methods, topics, what operators ask, pages of other hosts, and the end.
#include <array>

#include "server/http/api/routes.h"

#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

class HttpService : public ApiFixture {};

TEST_F(HttpService, MethodThatARouteDoesNotHaveIsRefusedWithThoseItHas) {
  for (const auto& [method, target, allowed] : std::vector<std::array<const char*, 3>>{
           {"PUT", "/v1/topics/t/streams/s", "POST, GET, HEAD, DELETE"},
           {"PATCH", "/v1/events", "POST, GET, HEAD"},
           {"GET", "/v1/events/query", "POST"},
           {"POST", "/v1/topics/t/streams/s/limits", "GET, HEAD, PUT"},
           {"DELETE", "/metrics", "GET, HEAD"}}) {
    SCOPED_TRACE(target);
    const Answer answer = call(method, target);
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.header("allow"), allowed);
    EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  }
}

TEST_F(HttpService, OptionsTellsTheMethodsAndNothingOfOtherOrigins) {
  const Answer answer = call("OPTIONS", "/v1/events", "",
                             "Origin: http://evil.example\r\n"
                             "Access-Control-Request-Method: POST\r\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("allow"), "POST, GET, HEAD");
  for (const auto& [name, value] : answer.headers) {
    EXPECT_FALSE(name.starts_with("Access-Control")) << name;
  }
}

TEST_F(HttpService, EveryRouteAnswersToItsMethod) {
  for (const Route& route : routes()) {
    std::string target(route.path);
    for (std::size_t at = target.find('{'); at != std::string::npos; at = target.find('{')) {
      target.replace(at, target.find('}') - at + 1, "x");
    }
    SCOPED_TRACE(target);
    const int status = call(name(route.method), target).status;
    EXPECT_NE(status, 405);
    EXPECT_LT(status, 500);
    const Answer description = get("/v1/openapi.json");
    EXPECT_NE(description.body.find("\"" + std::string(route.path) + "\""), std::string::npos)
        << "it is in the description";
  }
  EXPECT_EQ(get("/v1/nowhere").status, 404);
  EXPECT_EQ(get("/v1/events/").status, 404);
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/v1/%zz").status, 400);
}

TEST_F(HttpService, TopicsAreMadeListedAndDeleted) {
  const Answer made =
      call("POST", "/v1/topics",
           R"({"name":"t","partitions":3,"settings":{"retention.ms":"1000"}})", kJsonBody);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.header("location"), "/v1/topics/t");
  EXPECT_EQ(made.at("/partitions"), "3");
  EXPECT_EQ(get("/v1/topics/t").at("/settings/retention.ms"), "1000");
  EXPECT_NE(get("/v1/topics").body.find(R"("name":"t")"), std::string::npos);
  EXPECT_EQ(call("POST", "/v1/topics", R"({"name":"t"})", kJsonBody).status, 409);
  for (const char* bad : {R"({"name":""})", R"({"name":"a/b"})", R"({"name":"__x"})", R"({})",
                          R"({"name":"u","partitions":0})", R"({"name":"u","shards":1})",
                          R"({"name":"u","settings":{"nonsense":"1"}})"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(call("POST", "/v1/topics", bad, kJsonBody).status, 400);
  }
  EXPECT_EQ(call("DELETE", "/v1/topics/t").status, 204);
  EXPECT_EQ(call("DELETE", "/v1/topics/t").status, 404);
  EXPECT_EQ(get("/v1/topics/t").status, 404);
}

TEST_F(HttpService, HealthAndMetrics) {
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_EQ(get("/metrics").body, "up 1\n");
  unhealthy = "the disk";
  is_ready = false;
  EXPECT_EQ(get("/-/healthy").status, 503);
  EXPECT_EQ(get("/-/healthy").body, "the disk\n");
  EXPECT_EQ(get("/-/ready").status, 503);
}

TEST_F(HttpService, PageOfAnotherHostMayNotWrite) {
  const std::string foreign = std::string(kBinary) + "Origin: http://evil.example\r\n";
  EXPECT_EQ(call("POST", "/v1/topics/t/events", "{}", foreign).status, 403);
  EXPECT_EQ(call("DELETE", "/v1/topics/t", "", "Origin: null\r\n").status, 403);
  EXPECT_EQ(call("POST", "/v1/topics/t/events", "{}", std::string(kBinary) + "Origin: http://a\r\n")
                .status,
            201);
  EXPECT_EQ(get("/v1/topics/t/events").at("/events/1/id"), "?") << "one was appended";
}

TEST_F(HttpService, HeadHasTheLengthAndNoBody) {
  const Answer get_answer = get("/v1/topics");
  const Answer head = call("HEAD", "/v1/topics");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), get_answer.header("content-length"));
  EXPECT_EQ(head.body, "");
}

TEST_F(HttpService, BodyWhereNoneBelongsIsRefused) {
  EXPECT_EQ(call("GET", "/v1/events", "x").status, 413);
  EXPECT_EQ(call("DELETE", "/v1/topics/t", "x").status, 413);
}

TEST_F(HttpService, DrainAnswersWhatIsUnderWayThenOnlyHealth) {
  Client client = connect();
  client.send(request("POST", "/v1/topics/t/streams/s", "{}", kBinary));
  loop.turn(0ns);  // submitted, not durable yet
  api->drain();
  server->drain();
  const std::string answer = receive_all(client);
  EXPECT_EQ(status_of(answer), "HTTP/1.1 201 Created");
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(server->drained());
  EXPECT_EQ(get("/-/healthy").status, 200);
  const Answer late = call("POST", "/v1/topics/t/streams/s", "{}", kBinary);
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(late.header("retry-after"), "1");
}

}  // namespace
}  // namespace stele::http::test
