// A connection at the level of bytes: heads, bodies, order, limits, deadlines.
#include <functional>

#include "tests/server/http/http_client.h"

namespace stele::http::test {
namespace {

/// Counts up to `end` and waits, a line each; then more after each wake.
class Counting final : public BodySource {
public:
  Counting(int end, bool follows) : end_(end), follows_(follows) {}
  Next pump(std::string& out) override {
    ++pumps;
    for (int i = 0; i < 1000 && at_ < end_; ++i) out += std::to_string(at_++) + "\n";
    if (at_ < end_) return Next::kMore;
    if (!follows_) return Next::kEnd;
    ++end_;
    return Next::kWait;
  }
  void keep_alive(std::string& out) override { out += ":\n"; }
  bool stop(std::string& out) override {
    if (follows_) out += "bye";
    return follows_;
  }
  static inline int pumps = 0;

private:
  int at_ = 0;
  int end_;
  bool follows_;
};

class Collecting final : public BodySink {
public:
  explicit Collecting(ExchangePtr exchange) : exchange_(std::move(exchange)) {}
  void take(std::string_view piece) override { got_ += piece; }
  void end() override { exchange_->answer({200, "text/plain", "", got_}); }
  void stop(unsigned status, std::string_view) override {
    exchange_->answer({status, "text/plain", "", got_});
  }
  [[nodiscard]] bool wants_more() const override { return wants; }
  static inline bool wants = true;

private:
  ExchangePtr exchange_;
  std::string got_;
};

/// "/echo" says what it got, "/large" a MiB, "/later" and "/overlap" wait for the test, "/count"
/// streams an answer,
/// "/follow" goes on, "/upload" streams a body.
class ScriptedHandler final : public RequestHandler {
public:
  Plan plan(Request& head) override {
    return {.body_bytes_max = 1000,
            .streams_body = head.target == "/upload" || head.target == "/refused",
            .may_overlap = head.target == "/overlap"};
  }
  std::unique_ptr<BodySink> handle(Request& request, ExchangePtr exchange) override {
    handled.emplace_back(request.target);
    if (request.target == "/later" || request.target == "/overlap") {
      waiting.push_back(std::move(exchange));
    } else if (request.target == "/large") {
      exchange->answer({200, "text/plain", "", std::string(1 << 20, 'x')});
    } else if (request.target == "/count") {
      exchange->answer({200, "text/plain", "", ""}, std::make_unique<Counting>(200'000, false));
    } else if (request.target == "/follow") {
      exchange->answer({200, "text/plain", "", ""}, std::make_unique<Counting>(2, true));
    } else if (request.target == "/upload") {
      return std::make_unique<Collecting>(std::move(exchange));
    } else if (request.target == "/refused") {
      exchange->answer(refuse(403, "no"));
    } else {
      exchange->answer({200, "text/plain", "",
                        std::string(name(request.method)) + " " + std::string(request.target) +
                            " " + request.body});
    }
    return nullptr;
  }
  Response refuse(unsigned status, std::string_view why) override {
    return {status, "text/plain", "", std::string(why)};
  }
  std::vector<std::string> handled;
  std::vector<ExchangePtr> waiting;
};

class HttpConnection : public ListenerFixture {
protected:
  void SetUp() override { serve(handler); }
  ScriptedHandler handler;
};

TEST_F(HttpConnection, RequestIsAnsweredAndConnectionIsKept) {
  Client client = connect();
  const std::string answer = ask(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(answer), "HTTP/1.1 200 OK");
  EXPECT_NE(answer.find("\r\nContent-Length: 7\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
  EXPECT_EQ(body_of(answer), "GET /x ");
  EXPECT_EQ(body_of(ask(client, "POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")),
            "POST /y hi");
}

TEST_F(HttpConnection, BytesMayComeOneByOne) {
  Client client = connect();
  for (const char letter : std::string_view(
           "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n"
           "3\r\n you\r\n0\r\nTrailer: x\r\n\r\n")) {
    client.send(std::string_view(&letter, 1));
    turns(1);
  }
  // The second chunk is one longer than it says: not a chunked body.
  EXPECT_EQ(status_of(client.receive()), "HTTP/1.1 400 Bad Request");
  Client other = connect();
  for (const char letter : std::string_view(
           "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n"
           "4\r\n you\r\n0\r\nTrailer: x\r\n\r\nGET /z HTTP/1.1\r\nHost: a\r\n\r\n")) {
    other.send(std::string_view(&letter, 1));
    turns(1);
  }
  const std::string answers = other.receive();
  EXPECT_NE(answers.find("POST /y hi you"), std::string::npos);
  EXPECT_TRUE(answers.ends_with("GET /z "));
}

TEST_F(HttpConnection, HeadGetsNoBody) {
  Client client = connect();
  const std::string answer = ask(client, "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 8"), std::string::npos);
  EXPECT_EQ(body_of(answer), "");
  EXPECT_EQ(body_of(ask(client, "HEAD /count HTTP/1.1\r\nHost: a\r\n\r\n")), "");
  EXPECT_EQ(body_of(ask(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")), "GET /x ");
}

TEST_F(HttpConnection, PipelinedAnswersComeInOrder) {
  Client client = connect();
  client.send(
      "POST /overlap HTTP/1.1\r\nHost: a\r\n\r\nPOST /overlap HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  turns();
  ASSERT_EQ(handler.waiting.size(), 2u);
  EXPECT_EQ(handler.handled.size(), 2u) << "a read waits for the appends before it";
  handler.waiting[1]->answer({200, "text/plain", "", "second"});
  turns();
  EXPECT_EQ(client.receive(), "");
  handler.waiting[0]->answer({200, "text/plain", "", "first"});
  turns();
  const std::string answers = client.receive();
  EXPECT_LT(answers.find("first"), answers.find("second"));
  EXPECT_TRUE(answers.ends_with("GET /x "));
}

TEST_F(HttpConnection, BadRequestsAreRefusedAndTheConnectionCloses) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* status;
  };
  const std::string host = "Host: a\r\n";
  const std::string post = "POST / HTTP/1.1\r\n" + host;
  for (const Case& c : std::vector<Case>{
           {"not HTTP", "\x16\x03\x01\r\n\r\n", "400"},
           {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", "400"},
           {"one bare line feed", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400"},
           {"folded header", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "400"},
           {"CL and TE", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
           {"TE and CL", post + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", "400"},
           {"two CL", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", "400"},
           {"two different CL", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", "400"},
           {"CL list", post + "Content-Length: 2, 3\r\n\r\nhi", "400"},
           {"negative CL", post + "Content-Length: -2\r\n\r\nhi", "400"},
           {"CL over 64 bits", post + "Content-Length: 18446744073709551616\r\n\r\n", "400"},
           {"huge CL", post + "Content-Length: 18446744073709551615\r\n\r\n", "413"},
           {"TE gzip", post + "Transfer-Encoding: gzip\r\n\r\n", "501"},
           {"TE gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", "501"},
           {"TE twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400"},
           {"chunk of 2^64", post + "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            "400"},
           {"chunk of -1", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "400"},
           {"endless chunk header",
            post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(9000, 'x'), "400"},
           {"chunks in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400"},
           {"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
           {"NUL in a header", "GET / HTTP/1.1\r\n" + host + std::string("X: \0\r\n\r\n", 9),
            "400"},
           {"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
           {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
           {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
           {"9 KiB of headers", "GET / HTTP/1.1\r\n" + host + "X: " + std::string(9 << 10, 'x'),
            "431"},
           {"a 9 KiB line", "GET /" + std::string(9 << 10, 'x'), "431"},
           {"body over the limit", post + "Content-Length: 1001\r\n\r\n", "413"},
           {"chunks over the limit",
            post + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x'), "413"},
       }) {
    SCOPED_TRACE(c.name);
    Client client = connect();
    const std::string answer = ask(client, c.bytes);
    EXPECT_EQ(status_of(answer).substr(9, 3), c.status) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_TRUE(client.ended());
  }
  EXPECT_TRUE(handler.handled.empty());
}

TEST_F(HttpConnection, AnswerIsReadThoughMoreWasSent) {
  Client client = connect();
  const std::string answer = ask(client, "BAD\r\n\r\n" + std::string(20'000, 'x'));
  EXPECT_EQ(status_of(answer), "HTTP/1.1 400 Bad Request");
  turns();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server->connection_count(), 1u) << "waits for the client to close";
  client.close();
  turns();
  EXPECT_EQ(server->connection_count(), 0u);
}

TEST_F(HttpConnection, SlowAnswerIsMadeAsItIsRead) {
  Client client = connect();
  Counting::pumps = 0;
  client.send("GET /count HTTP/1.1\r\nHost: a\r\n\r\n");
  turns(100);
  const int before = Counting::pumps;
  EXPECT_LT(before, 190) << "made although nobody reads";
  std::string all;
  for (int i = 0; i < 10'000 && !all.ends_with("0\r\n\r\n"); ++i) {
    all += client.receive();
    turns(1);
  }
  EXPECT_NE(all.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_NE(all.find("199999\n"), std::string::npos);
  EXPECT_EQ(Counting::pumps, 200);
  EXPECT_EQ(body_of(ask(client, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")), "GET /x ");
}

TEST_F(HttpConnection, OldClientsGetBodiesThatEndWithTheConnection) {
  Client client = connect();
  client.send("GET /count HTTP/1.0\r\n\r\n");
  std::string all;
  for (int i = 0; i < 10'000 && server->connection_count() > 0; ++i) {
    all += client.receive();
    turns(1);
    if (all.ends_with("199999\n")) client.close();
  }
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_TRUE(body_of(all).starts_with("0\n1\n2\n"));
  EXPECT_TRUE(all.ends_with("199998\n199999\n"));
}

TEST_F(HttpConnection, FollowerIsToldWhenSomethingIsAppended) {
  Client client = connect();
  EXPECT_TRUE(ask(client, "GET /follow HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("4\r\n0\n1\n\r\n"));
  turns();
  EXPECT_EQ(client.receive(), "");
  ++progress;
  turns();
  EXPECT_EQ(client.receive(), "00000002\r\n2\n\r\n");
  pass(16s);
  EXPECT_EQ(client.receive(), "00000002\r\n:\n\r\n");
  client.close();
  turns();
  EXPECT_EQ(server->connection_count(), 0u);
}

TEST_F(HttpConnection, StreamedBodyArrivesPieceByPiece) {
  Client client = connect();
  const std::string answer =
      ask(client, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(body_of(answer), "hello");
  EXPECT_EQ(body_of(ask(client,
                        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nyou\r\n0\r\n\r\n")),
            "you");
}

TEST_F(HttpConnection, SinkThatWantsNothingStopsTheClient) {
  Client client = connect();
  Collecting::wants = false;
  client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    taken += client.offer(std::string(1 << 16, 'x'));
    turns(1);
  }
  EXPECT_LT(taken, 1u << 20) << "what the sockets hold, not more";
  Collecting::wants = true;
}

TEST_F(HttpConnection, ContinueIsSaidBeforeTheBody) {
  Client client = connect();
  EXPECT_EQ(ask(client,
                "POST /y HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(ask(client, "hi")), "POST /y hi");
}

TEST_F(HttpConnection, RefusedUploadIsToldAndCloses) {
  Client client = connect();
  const std::string answer =
      ask(client, "POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  EXPECT_EQ(status_of(answer), "HTTP/1.1 403 Forbidden");
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpConnection, SlowAndIdleClientsAreClosedInTime) {
  Client slow = connect();
  Client idle = connect();
  Client busy = connect();
  slow.send("GET / HTTP/1.1\r\n");
  busy.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  turns();
  for (int second = 0; second < 9; ++second) {
    slow.send("X: y\r\n");
    pass(1s);
  }
  EXPECT_EQ(server->connection_count(), 3u);
  pass(3s);
  EXPECT_EQ(status_of(slow.receive()), "HTTP/1.1 408 Request Timeout");
  EXPECT_TRUE(slow.ended());
  pass(3s);
  EXPECT_EQ(server->connection_count(), 2u);
  pass(60s);
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(server->connection_count(), 1u) << "who waits for an answer stays";
}

TEST_F(HttpConnection, UploadThatStandsStillIsEnded) {
  Client client = connect();
  client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n" +
              std::string(2000, 'x'));
  pass(10s);
  EXPECT_EQ(client.receive(), "") << "enough came in the first ten seconds";
  pass(13s);
  const std::string answer = client.receive();
  EXPECT_EQ(status_of(answer), "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(body_of(answer), std::string(2000, 'x'));
  EXPECT_TRUE(client.ended());
}

TEST_F(HttpConnection, DrainAnswersWhatIsUnderWayAndCloses) {
  Client busy = connect();
  Client follower = connect();
  busy.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  follower.send("GET /follow HTTP/1.1\r\nHost: a\r\n\r\n");
  turns();
  server->drain();
  turns();
  EXPECT_FALSE(server->drained());
  EXPECT_TRUE(follower.receive().ends_with("bye\r\n0\r\n\r\n"));
  EXPECT_TRUE(follower.ended());
  ASSERT_EQ(handler.waiting.size(), 1u);
  handler.waiting[0]->answer({200, "text/plain", "", "done"});
  turns();
  EXPECT_EQ(body_of(busy.receive()), "done");
  EXPECT_TRUE(server->drained());
  busy.close();
  follower.close();
  turns();
  EXPECT_EQ(server->connection_count(), 0u);
}

class HttpUnsent : public HttpConnection {
protected:
  void SetUp() override {
    Limits limits;
    limits.unsent_total_bytes_max = 1 << 20;
    serve(handler, limits);
  }
};

TEST_F(HttpUnsent, ClientsWhoTakeNothingMakeRoomTheEldestFirst) {
  std::vector<Client> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(connect());
    slow.back().send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    turns(100);
    env.advance(100ms);
  }
  EXPECT_EQ(server->connection_count(), 3u);
  pass(3s);
  EXPECT_EQ(server->connection_count(), 1u) << "what is left is within the limit";
  const auto drained = [&](Client& client) {
    std::string all;
    for (int i = 0; i < 1000; ++i) {
      all += client.receive();
      turns(1);
    }
    return body_of(all).size() == 1 << 20;
  };
  EXPECT_FALSE(drained(slow.front()));
  EXPECT_TRUE(drained(slow.back()));
}

TEST(HttpLimits, BodiesOfAllClientsTogetherAreBounded) {
  struct Fixture final : ListenerFixture {
    void TestBody() override {}
    using ListenerFixture::ask;
    using ListenerFixture::connect;
    using ListenerFixture::serve;
  } fixture;
  ScriptedHandler handler;
  Limits limits;
  limits.body_total_bytes_max = 1500;
  fixture.serve(handler, limits);
  Client first = fixture.connect();
  Client second = fixture.connect();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
  EXPECT_EQ(fixture.ask(first, head), "");
  EXPECT_EQ(status_of(fixture.ask(second, head)), "HTTP/1.1 503 Service Unavailable");
  EXPECT_EQ(status_of(fixture.ask(first, std::string(1000, 'x'))), "HTTP/1.1 200 OK");
  Client third = fixture.connect();
  EXPECT_EQ(fixture.ask(third, head), "") << "given back";
}

}  // namespace
}  // namespace stele::http::test
