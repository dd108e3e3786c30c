// Reads: pages, batches, lines; from where, how many, narrowed by what.
#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

class HttpRead : public ApiFixture {
protected:
  /// `count` events of types T0, T1, T0, … with tags a, b, a, … in the streams s0, s1, s2, s0, …
  void fill(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      const std::string parity = std::to_string(i % 2);
      const Answer done =
          call("POST", "/v1/topics/orders/events",
               R"({"id":"e)" + n + R"(","type":"T)" + parity + R"(","tags":[")" +
                   (i % 2 == 0 ? "a" : "b") + R"("],"stream":"s)" + std::to_string(i % 3) +
                   R"(","time":"2013-01-01T00:00:)" + (i < 10 ? "0" : "") + n +
                   R"(Z","headers":{"shard":")" + parity + R"("},"data":)" + n + "}",
               kCloudEvent);
      ASSERT_EQ(done.status, 201) << done.body;
    }
  }
  /// The data of a page's events: "0 3 6".
  static std::string data(const Answer& page) {
    std::string all;
    for (int i = 0;; ++i) {
      const std::string one = page.at("/events/" + std::to_string(i) + "/data");
      if (one == "?") return all;
      all += (all.empty() ? "" : " ") + one;
    }
  }
  /// Of the event with this data.
  std::string position(int n) {
    return get("/v1/events?limit=1&streamPrefix=s&header=shard:" + std::to_string(n % 2) +
               "&fromEventTime=2013-01-01T00:00:0" + std::to_string(n) + "Z")
        .at("/events/0/position");
  }
  std::string data_of(std::string_view target) { return data(get(target)); }
};

TEST_F(HttpRead, StreamForwardBackwardAndFromAVersion) {
  fill(9);
  const std::string path = "/v1/topics/orders/streams/s0";
  const Answer page = get(path);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("content-type"), "application/json");
  EXPECT_EQ(page.header("etag"), "\"2\"");
  EXPECT_EQ(data(page), "0 3 6");
  EXPECT_EQ(page.at("/lastVersion"), "2");
  EXPECT_EQ(page.at("/end"), "true");
  EXPECT_EQ(page.header("link"), "");
  EXPECT_EQ(page.at("/events/1/version"), "1");
  EXPECT_EQ(data_of(path + "?direction=backward"), "6 3 0");
  EXPECT_EQ(data_of(path + "?from=1"), "3 6");
  EXPECT_EQ(data_of(path + "?from=1&direction=backward"), "3 0");
  EXPECT_EQ(data_of(path + "?sinceType=T1"), "3 6");
}

TEST_F(HttpRead, EverythingTopicsTypesTagsPrefixesAndHeaders) {
  fill(6);
  append("other");  // {"n":1}
  EXPECT_EQ(data_of("/v1/events?limit=6"), "0 1 2 3 4 5");
  EXPECT_EQ(data_of("/v1/topics/orders/events?limit=6"), "0 1 2 3 4 5");
  EXPECT_EQ(data_of("/v1/events?type=T1"), "1 3 5");
  EXPECT_EQ(data_of("/v1/events?type=T1&type=T0"), "0 1 2 3 4 5");
  EXPECT_EQ(data_of("/v1/events?tag=a"), "0 2 4");
  EXPECT_EQ(data_of("/v1/events?tag=a&tag=b"), "");
  EXPECT_EQ(data_of("/v1/events?streamPrefix=s1"), "1 4");
  EXPECT_EQ(data_of("/v1/events?header=shard:1"), "1 3 5");
  EXPECT_EQ(data_of("/v1/events?from=" + position(4) + "&limit=2"), "4 5");
  EXPECT_EQ(data_of("/v1/events?direction=backward&from=" + position(2)), "2 1 0");
  EXPECT_EQ(data_of("/v1/events?type=T0&direction=backward"), "4 2 0");
  EXPECT_EQ(data_of("/v1/events?fromEventTime=2013-01-01T00:00:04Z&limit=2"), "4 5");
  EXPECT_EQ(data_of("/v1/events?fromTime=1970-01-01T00:00:00Z&limit=1"), "0");
  EXPECT_EQ(get("/v1/events?versions&limit=4").at("/events/3/version"), "1");
  EXPECT_EQ(get("/v1/events").at("/events/3/version"), "?");
}

TEST_F(HttpRead, PagesFollowEachOtherByTheirLink) {
  fill(7);
  for (const std::string start : {"/v1/events?limit=3&type=T0&type=T1",
                                  "/v1/topics/orders/streams/s0?limit=1&direction=backward",
                                  "/v1/topics/orders/streams/s0?limit=2&sinceType=T1"}) {
    SCOPED_TRACE(start);
    std::string all;
    std::string target = start;
    for (int pages = 0; pages < 10; ++pages) {
      const Answer page = get(target);
      ASSERT_EQ(page.status, 200) << page.body;
      all += data(page) + " ";
      const std::string link = page.header("link");
      if (link.empty()) {
        EXPECT_EQ(page.at("/end"), "true");
        break;
      }
      ASSERT_TRUE(link.ends_with(">; rel=\"next\""));
      target = link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(all, start.starts_with("/v1/events")         ? "0 1 2 3 4 5 6 "
                   : start.find("sinceType") != start.npos ? "3 6 "
                                                           : "6 3 0 ");
  }
}

TEST_F(HttpRead, ClientThatHasTheVersionGetsNoBody) {
  fill(1);
  const std::string path = "/v1/topics/orders/streams/s0";
  const Answer same = get(path, "If-None-Match: \"0\"\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.header("etag"), "\"0\"");
  EXPECT_EQ(same.header("content-type"), "");
  EXPECT_EQ(get(path, "If-None-Match: W/\"0\"\r\n").status, 304) << "as a proxy weakens it";
  EXPECT_EQ(get(path, "If-None-Match: \"1\"\r\n").status, 200);
  const Answer head = call("HEAD", path);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("etag"), "\"0\"");
  EXPECT_EQ(head.body, "");
}

TEST_F(HttpRead, FormIsWhatIsAccepted) {
  fill(2);
  const auto type = [&](std::string_view accept) {
    const Answer answer = get("/v1/events", "Accept: " + std::string(accept) + "\r\n");
    return answer.status == 200 ? answer.header("content-type") : std::to_string(answer.status);
  };
  EXPECT_EQ(type("application/json"), "application/json");
  EXPECT_EQ(type("*/*"), "application/json");
  EXPECT_EQ(type("text/html, application/*;q=0.8"), "application/json");
  EXPECT_EQ(type("application/cloudevents-batch+json"), "application/cloudevents-batch+json");
  EXPECT_EQ(type("application/x-ndjson"), "application/x-ndjson");
  EXPECT_EQ(type("image/png"), "406");
  const Answer batch = get("/v1/events", "Accept: application/cloudevents-batch+json\r\n");
  EXPECT_EQ(batch.at("/1/id"), "e1");
  const Answer lines = get("/v1/events", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(std::ranges::count(lines.body, '\n'), 2);
  EXPECT_TRUE(lines.body.ends_with("}\n"));
}

TEST_F(HttpRead, WhatWasReadCanBeAppendedElsewhere) {
  fill(3);
  const Answer lines = get("/v1/topics/orders/events", "Accept: application/x-ndjson\r\n");
  const Answer again = call("POST", "/v1/topics/copy/events", lines.body, kLines);
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(data_of("/v1/topics/copy/events"), "0 1 2");
  EXPECT_EQ(get("/v1/topics/copy/streams/s1").at("/events/0/headers"), "shard=1");
}

TEST_F(HttpRead, LinesGoOnToTheLimitOverPages) {
  for (int i = 0; i < 3; ++i) {
    std::string lines;
    for (int n = 0; n < 600; ++n)
      lines += R"({"type":"T","data":1})"
               "\n";
    ASSERT_EQ(call("POST", "/v1/topics/orders/events", lines, kLines).status, 201);
  }
  const auto count = [&](std::string_view target) {
    return std::ranges::count(get(target, "Accept: application/x-ndjson\r\n").body, '\n');
  };
  EXPECT_EQ(count("/v1/events"), 1800);
  EXPECT_EQ(count("/v1/events?limit=1201"), 1201);
  EXPECT_EQ(count("/v1/events?limit=500"), 500) << "just a page";
  EXPECT_EQ(get("/v1/events").at("/end"), "false") << "1,000 at a time";
}

TEST_F(HttpRead, QueriesOfAllKinds) {
  fill(6);
  const auto query = [&](std::string_view body) {
    return call("POST", "/v1/events/query", body, kJsonBody);
  };
  EXPECT_EQ(data(query(R"({"query":{"items":[{"types":["T1"]},{"tags":["a"]}]},"limit":4})")),
            "0 1 2 3");
  EXPECT_EQ(data(query(R"({"query":{"items":[{"types":["T0","T1"],"tags":["b"],
      "topics":["orders"]}]},"direction":"backward","filter":{"streamPrefix":"s1"}})")),
            "1");
  EXPECT_EQ(data(query(R"({"from":{"position":)" + position(4) + "}}")), "4 5");
  EXPECT_EQ(data(query(R"({"from":{"time":"2013-01-01T00:00:05Z"}})")), "5");
  EXPECT_EQ(data(query(R"({"query":{"items":[{"topics":["nowhere"]}]}})")), "");
  const Answer page = query(R"({"query":{"items":[{"tags":["a"]}]},"limit":2})");
  EXPECT_EQ(page.at("/end"), "false");
  EXPECT_EQ(data(query(R"({"query":{"items":[{"tags":["a"]}]},"from":{"token":")" +
                       page.at("/next") + "\"}}")),
            "4");
  for (const char* bad :
       {"[]", R"({"query":{"items":[{"type":["T"]}]}})", R"({"limit":0})", R"({"limit":10001})",
        R"({"direction":"up"})", R"({"from":7})", R"({"query":{"items":[{"tags":[""]}]}})"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(query(bad).status, 400);
  }
}

TEST_F(HttpRead, ReadsThatMakeNoSenseAreRefused) {
  fill(1);
  for (const char* target : {"/v1/events?nonsense=1",
                             "/v1/events?limit=0",
                             "/v1/events?limit=-1",
                             "/v1/events?limit=10001",
                             "/v1/events?limit=1&limit=2",
                             "/v1/events?from=",
                             "/v1/events?from=1&from=2",
                             "/v1/events?from=nonsense",
                             "/v1/events?from=1&fromTime=2013-01-01T00:00:00Z",
                             "/v1/events?fromTime=yesterday",
                             "/v1/events?direction=sideways",
                             "/v1/events?type=",
                             "/v1/events?tag=",
                             "/v1/events?header=x",
                             "/v1/events?sinceType=T",
                             "/v1/events?follow=maybe",
                             "/v1/events?follow&direction=backward",
                             "/v1/events?%zz=1",
                             "/v1/events?encoding=base64url",
                             "/v1/events?from=99999999999999999999"}) {
    SCOPED_TRACE(target);
    EXPECT_EQ(get(target).status, 400);
  }
  EXPECT_EQ(get("/v1/topics/nowhere/events").status, 404);
  EXPECT_EQ(get("/v1/topics/nowhere/streams/s").status, 404);
  EXPECT_EQ(get("/v1/topics/orders/streams/none").status, 404);
  EXPECT_EQ(call("HEAD", "/v1/topics/orders/streams/none").status, 404);
  EXPECT_EQ(get("/v1/topics/orders/streams/none", "Accept: application/x-ndjson\r\n").status, 404);
  EXPECT_EQ(get("/v1/events?from=3").status, 416);
}

TEST_F(HttpRead, LimitsOfAStreamAreKept) {
  fill(9);
  const std::string path = "/v1/topics/orders/streams/s0";
  EXPECT_EQ(call("PUT", path + "/limits", R"({"maxCount":2})", kJsonBody).status, 204);
  const Answer limits = get(path + "/limits");
  EXPECT_EQ(limits.header("etag"), "\"2\"");
  EXPECT_EQ(limits.at("/maxCount"), "2");
  EXPECT_EQ(limits.at("/firstVersion"), "1");
  EXPECT_EQ(limits.at("/tombstoned"), "false");
  EXPECT_NE(limits.body.find("\"maxAgeMs\":null"), std::string::npos);
  EXPECT_EQ(data_of(path), "3 6");
  EXPECT_EQ(call("PUT", path + "/limits", R"({"truncateBefore":"2"})", kJsonBody).status, 204);
  EXPECT_EQ(data_of(path), "6");
  EXPECT_EQ(call("PUT", path + "/limits", R"({"maxCount":-1})", kJsonBody).status, 400);
  EXPECT_EQ(call("PUT", path + "/limits", R"({"max":1})", kJsonBody).status, 400);
  EXPECT_EQ(get("/v1/topics/nowhere/streams/s/limits").status, 404);
}

TEST_F(HttpRead, StreamsOfATopicAreListed) {
  fill(4);
  append("%FF");
  const Answer all = get("/v1/topics/orders/streams");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.at("/end"), "true");
  EXPECT_NE(all.body.find(R"({"stream":"s0","lastVersion":"1","lastPosition":"4"})"),
            std::string::npos)
      << all.body;
  EXPECT_NE(all.body.find(R"({"streambase64":"/w==","lastVersion":"0","lastPosition":"5"})"),
            std::string::npos);
  EXPECT_EQ(get("/v1/topics/orders/streams?prefix=s2").at("/streams/0/stream"), "s2");
  EXPECT_EQ(get("/v1/topics/orders/streams?prefix=s2").at("/streams/1/stream"), "?");
  EXPECT_EQ(get("/v1/topics/orders/streams?limit=2").at("/end"), "false");
  EXPECT_EQ(get("/v1/topics/orders/streams?limit=0").status, 400);
  EXPECT_EQ(get("/v1/topics/nowhere/streams").status, 404);
}

}  // namespace
}  // namespace stele::http::test
