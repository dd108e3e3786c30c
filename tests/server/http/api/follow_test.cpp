// Server-sent events: history, then what comes; resuming; slow readers; the end.
#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

struct Told {
  std::string id;
  std::string event;
  std::string data;
};

class HttpFollow : public ApiFixture {
protected:
  Client follow(std::string_view target, std::string_view headers = "") {
    Client client = connect();
    client.send(request("GET", target, "", headers));
    return client;
  }
  /// Everything that a follower was told so far; `raw` gathers the bytes.
  std::vector<Told> told(Client& client, std::string& raw) {
    raw += receive_all(client);
    bool whole = false;
    return parse(unchunked(body_of(raw), whole));
  }
  static std::vector<Told> parse(std::string_view text) {
    std::vector<Told> all;
    for (std::size_t end = text.find("\n\n"); end != std::string_view::npos;
         end = text.find("\n\n")) {
      Told one;
      std::string_view block = text.substr(0, end + 1);
      text.remove_prefix(end + 2);
      while (!block.empty()) {
        const std::string_view line = block.substr(0, block.find('\n'));
        block.remove_prefix(line.size() + 1);
        const std::size_t colon = std::min(line.find(": "), line.size());
        const std::string value(line.substr(std::min(colon + 2, line.size())));
        if (line.starts_with("id")) one.id = value;
        if (line.starts_with("event")) one.event = value;
        if (line.starts_with("data")) one.data = value;
      }
      all.push_back(std::move(one));
    }
    return all;
  }
  /// "message:0 caught-up message:1"; messages by their version, checkpoints left out.
  static std::string kinds(const std::vector<Told>& all) {
    std::string text;
    for (const Told& one : all) {
      if (one.event == "checkpoint") continue;
      text += (text.empty() ? "" : " ") + one.event;
      if (one.event == "message") {
        text += ":" + cloudevents::find_text(one.data, "version").value_or("?");
      }
    }
    return text;
  }
};

TEST_F(HttpFollow, HistoryThenWhatIsAppended) {
  append("s");
  std::string raw;
  Client client = follow("/v1/topics/orders/streams/s?follow");
  EXPECT_EQ(kinds(told(client, raw)), "message:0 caught-up");
  EXPECT_NE(raw.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  append("other");
  append("s");
  EXPECT_EQ(kinds(told(client, raw)), "message:0 caught-up message:1");
}

TEST_F(HttpFollow, AnyReadCanBeFollowed) {
  append("s");
  for (const char* target :
       {"/v1/events?follow", "/v1/events?follow=true&type=T", "/v1/topics/orders/events?follow",
        "/v1/topics/orders/streams/s?follow=1", "/v1/events?follow&streamPrefix=s&versions"}) {
    SCOPED_TRACE(target);
    Client client = follow(target);
    std::string raw;
    ASSERT_FALSE(told(client, raw).empty());
    EXPECT_TRUE(told(client, raw).front().event == "message");
  }
  std::string raw;
  Client accepted = follow("/v1/events", "Accept: text/event-stream\r\n");
  EXPECT_EQ(kinds(told(accepted, raw)), "message:? caught-up");
  Client query = connect();
  query.send(request("POST", "/v1/events/query?follow",
                     R"({"query":{"items":[{"types":["T"]}]},"limit":1})", kJsonBody));
  std::string queried;
  EXPECT_EQ(told(query, queried).size(), 1u);
  EXPECT_TRUE(queried.ends_with("0\r\n\r\n")) << "the limit ends it";
}

TEST_F(HttpFollow, InterruptedFollowerResumesBehindWhatItSawLast) {
  for (int i = 0; i < 5; ++i) append("s");
  std::string raw;
  Client client = follow("/v1/topics/orders/streams/s?follow");
  const auto all = told(client, raw);
  ASSERT_EQ(kinds(all), "message:0 message:1 message:2 message:3 message:4 caught-up");
  client.close();
  append("s");
  std::string again;
  Client resumed =
      follow("/v1/topics/orders/streams/s?follow&from=0", "Last-Event-ID: " + all[2].id + "\r\n");
  EXPECT_EQ(kinds(told(resumed, again)), "message:3 message:4 message:5 caught-up");
  EXPECT_EQ(get("/v1/events?follow", "Last-Event-ID: nonsense\r\n").status, 400);
  Client query = connect();
  query.send(request("POST", "/v1/events/query?follow", R"({"versions":true})",
                     std::string(kJsonBody) + "Last-Event-ID: " + all[3].id + "\r\n"));
  std::string queried;
  EXPECT_EQ(kinds(told(query, queried)), "message:4 message:5 caught-up");
}

TEST_F(HttpFollow, StreamThatIsNotThereYetIsWaitedFor) {
  append("other");
  std::string raw;
  Client client = follow("/v1/topics/orders/streams/s?follow");
  EXPECT_EQ(kinds(told(client, raw)), "caught-up");
  append("s");
  EXPECT_EQ(kinds(told(client, raw)), "caught-up message:0");
  EXPECT_EQ(get("/v1/topics/nowhere/events?follow").status, 404);
}

TEST_F(HttpFollow, QuietFilterIsToldHowFarItGot) {
  std::string raw;
  append("s");
  Client client = follow("/v1/events?follow&type=Never");
  EXPECT_EQ(kinds(told(client, raw)), "caught-up");
  append("s");
  EXPECT_EQ(told(client, raw).back().event, "caught-up");
  pass(16s);
  const auto all = told(client, raw);
  EXPECT_EQ(all.back().event, "checkpoint");
  EXPECT_EQ(get("/v1/events?from=" + all.back().id).at("/events/0/position"), "?") << "all seen";
  pass(16s);
  told(client, raw);
  EXPECT_NE(raw.find(": keep-alive\n\n"), std::string::npos);
}

TEST_F(HttpFollow, SlowFollowerCostsAPageAndIsToldThatItFellBehind) {
  std::string lines;
  for (int i = 0; i < 1000; ++i)
    lines += R"({"type":"T","data":")" + std::string(400, 'x') + "\"}\n";
  std::string raw;
  ASSERT_EQ(call("POST", "/v1/topics", R"({"name":"t"})", kJsonBody).status, 201);
  Client client = follow("/v1/topics/t/events?follow");
  ASSERT_EQ(kinds(told(client, raw)), "caught-up");
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(call("POST", "/v1/topics/t/events", lines, kLines).status, 201);
  }
  turns(100);
  std::size_t unread = 0;  // the socket holds some 200 KiB, the connection a page
  for (std::string more = client.receive(1 << 20); !more.empty(); more = client.receive(1 << 20)) {
    unread += more.size();
    raw += more;
  }
  EXPECT_LT(unread, 1u << 20) << "all of it was made although nobody read";
  const auto all = told(client, raw);
  std::size_t messages = 0;
  std::size_t behind = 0;
  for (const Told& one : all) {
    messages += one.event == "message" ? 1 : 0;
    behind += one.event == "fell-behind" ? 1 : 0;
  }
  EXPECT_EQ(messages, 12'000u);
  EXPECT_EQ(behind, 1u);
  EXPECT_EQ(all.back().event, "caught-up");
}

TEST_F(HttpFollow, FollowerWhoTakesNothingIsClosed) {
  Client client = follow("/v1/events?follow");
  turns();
  std::string lines;
  for (int i = 0; i < 900; ++i)
    lines += R"({"type":"T","data":")" + std::string(500, 'x') + "\"}\n";
  for (int i = 0; i < 3; ++i) call("POST", "/v1/topics/t/events", lines, kLines);
  const auto connections = server->connection_count();
  pass(63s);
  EXPECT_LT(server->connection_count(), connections);
}

TEST_F(HttpFollow, TombstoneEndsWhatFollowsTheStream) {
  append("s");
  std::string raw;
  Client client = follow("/v1/topics/orders/streams/s?follow");
  told(client, raw);
  EXPECT_EQ(call("DELETE", "/v1/topics/orders/streams/s").status, 204);
  append("other");
  const auto all = told(client, raw);
  EXPECT_EQ(all.back().event, "error");
  EXPECT_EQ(cloudevents::find_text(all.back().data, "code").value_or("?"), "tombstoned");
  EXPECT_TRUE(raw.ends_with("0\r\n\r\n"));
}

TEST_F(HttpFollow, DrainTellsWhoFollows) {
  append("s");
  std::string raw;
  Client client = follow("/v1/events?follow");
  told(client, raw);
  api->drain();
  server->drain();
  const auto all = told(client, raw);
  EXPECT_EQ(kinds(all), "message:? caught-up error");
  EXPECT_EQ(cloudevents::find_text(all.back().data, "code").value_or("?"), "closed");
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(server->drained());
}

class HttpFewFollowers : public ApiFixture {
protected:
  void SetUp() override { serve_api({.limits = {.followers_max = 1}}); }
};

TEST_F(HttpFewFollowers, OneTooManyIsToldToComeBack) {
  append("s");
  Client first = connect();
  first.send(request("GET", "/v1/events?follow"));
  turns();
  const Answer refused = get("/v1/events?follow");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("retry-after"), "1");
  first.close();
  turns();
  Client second = connect();
  second.send(request("GET", "/v1/events?follow"));
  EXPECT_NE(receive_all(second).find("event: message"), std::string::npos);
}

}  // namespace
}  // namespace stele::http::test
