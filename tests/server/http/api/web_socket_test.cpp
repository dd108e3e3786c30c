// WebSocket, frame by frame: the messages of a follower, and what clients do to it.
#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

enum Opcode : std::uint8_t { kContinued = 0, kText = 1, kClose = 8, kPing = 9, kPong = 10 };

struct Frame {
  int opcode = -1;
  std::string payload;
};

class HttpWebSocket : public ApiFixture {
protected:
  void SetUp() override {
    ApiFixture::SetUp();
    append("s");
  }
  Client upgrade(std::string_view target = "/v1/events", std::string_view headers = "") {
    Client client = connect();
    client.send(request("GET", target, "",
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                            std::string(headers)));
    raw_ = receive_all(client);
    EXPECT_EQ(status_of(raw_), "HTTP/1.1 101 Switching Protocols");
    EXPECT_NE(raw_.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
    raw_ = body_of(raw_);
    return client;
  }
  /// As a client sends it; `finished`: no fragment follows.
  static std::string frame(Opcode opcode, std::string_view payload, bool finished = true,
                           bool masked = true) {
    std::string bytes;
    bytes += static_cast<char>((finished ? 0x80 : 0) | opcode);
    const char mask_bit = masked ? '\x80' : '\0';
    if (payload.size() < 126) {
      bytes += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
    } else {
      bytes += static_cast<char>(mask_bit | 126);
      bytes += static_cast<char>(payload.size() >> 8);
      bytes += static_cast<char>(payload.size() & 0xff);
    }
    if (!masked) return bytes + std::string(payload);
    constexpr std::string_view kMask = "\x01\x02\x03\x04";
    bytes += kMask;
    for (std::size_t i = 0; i < payload.size(); ++i) {
      bytes += static_cast<char>(payload[i] ^ kMask[i % 4]);
    }
    return bytes;
  }
  /// What the service has sent since.
  std::vector<Frame> frames(Client& client) {
    raw_ += receive_all(client);
    std::vector<Frame> all;
    std::string_view left = raw_;
    while (left.size() >= 2) {
      const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(left[at]); };
      EXPECT_EQ(byte(1) & 0x80, 0) << "a service does not mask";
      std::size_t head = 2;
      std::size_t bytes = byte(1) & 0x7f;
      if (bytes == 126) {
        head = 4;
        bytes = std::size_t{byte(2)} << 8 | byte(3);
      }
      if (left.size() < head + bytes) break;
      all.push_back({byte(0) & 0x0f, std::string(left.substr(head, bytes))});
      left.remove_prefix(head + bytes);
    }
    raw_ = left;
    return all;
  }
  static std::string at(const Frame& frame, std::string_view place) {
    return cloudevents::find_text(frame.payload, place).value_or("?");
  }
  static int close_code(const std::vector<Frame>& all) {
    if (all.empty() || all.back().opcode != kClose || all.back().payload.size() < 2) return 0;
    const std::string& payload = all.back().payload;
    return static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
  }

  std::string raw_;
};

TEST_F(HttpWebSocket, SaysWhatServerSentEventsSay) {
  Client client = upgrade("/v1/topics/orders/streams/s");
  const auto history = frames(client);
  ASSERT_GE(history.size(), 2u);
  EXPECT_EQ(at(history.front(), "/kind"), "message");
  EXPECT_EQ(at(history.front(), "/event/version"), "0");
  EXPECT_EQ(at(history.back(), "/kind"), "caught-up");
  append("s");
  const auto news = frames(client);
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(at(news[0], "/event/version"), "1");
  EXPECT_EQ(news[0].opcode, kText);
  Client again = upgrade("/v1/topics/orders/streams/s",
                         "Last-Event-ID: " + at(history.front(), "/token") + "\r\n");
  EXPECT_EQ(at(frames(again)[0], "/event/version"), "1");
  Client from = upgrade("/v1/topics/orders/streams/s?from=" + at(history.back(), "/token"));
  EXPECT_EQ(at(frames(from)[0], "/event/version"), "1");
}

TEST_F(HttpWebSocket, LimitEndsItNormally) {
  Client client = upgrade("/v1/events?limit=1");
  const auto all = frames(client);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(at(all[0], "/kind"), "message");
  EXPECT_EQ(close_code(all), 1000);
}

TEST_F(HttpWebSocket, PingIsAnsweredWithItsPayload) {
  Client client = upgrade();
  (void)frames(client);
  client.send(frame(kPing, "are you there"));
  const auto all = frames(client);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].opcode, kPong);
  EXPECT_EQ(all[0].payload, "are you there");
}

TEST_F(HttpWebSocket, CloseIsAnswered) {
  Client client = upgrade();
  (void)frames(client);
  client.send(frame(kClose, "\x03\xe8"));
  EXPECT_EQ(close_code(frames(client)), 1000);
  EXPECT_TRUE(client.ended());
  append("s");  // nobody is there to be told
  turns();
}

TEST_F(HttpWebSocket, TextsOfAClientAreReadAndIgnored) {
  Client client = upgrade();
  (void)frames(client);
  client.send(frame(kText, "hel", false) + frame(kPing, "") + frame(kContinued, "lo", false) +
              frame(kContinued, ""));
  const auto all = frames(client);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].opcode, kPong) << "a ping may come between the fragments";
  append("s");
  EXPECT_EQ(frames(client).size(), 1u) << "it goes on";
}

TEST_F(HttpWebSocket, ClientsThatBreakTheRulesAreClosed) {
  struct Case {
    const char* name;
    std::string bytes;
    int code;
  };
  const std::string half(3000, 'x');
  for (const Case& c : std::vector<Case>{
           {"unmasked", frame(kText, "x", true, false), 1002},
           {"too large", frame(kText, std::string(5000, 'x')), 1009},
           {"too large in fragments", frame(kText, half, false) + frame(kContinued, half), 1009},
           {"not UTF-8", frame(kText, "\xff"), 1007},
           {"a fragment of nothing", frame(kContinued, "x"), 1002},
           {"a text within a text", frame(kText, "x", false) + frame(kText, "x"), 1002},
           {"fragmented ping", frame(kPing, "x", false), 1002},
           {"reserved opcode", frame(static_cast<Opcode>(3), "x"), 1002},
           {"reserved bit", "\xc1\x80\x01\x02\x03\x04", 1002}}) {
    SCOPED_TRACE(c.name);
    Client client = upgrade();
    (void)frames(client);
    client.send(c.bytes);
    EXPECT_EQ(close_code(frames(client)), c.code);
  }
}

TEST_F(HttpWebSocket, HandshakeThatIsNoneIsAnOrdinaryRequest) {
  EXPECT_EQ(get("/v1/events", "Connection: Upgrade\r\nUpgrade: h2c\r\n").status, 200);
  Client old = connect();
  old.send(request("GET", "/v1/events", "",
                   "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  const std::string answer = receive_all(old);
  EXPECT_NE(status_of(answer), "HTTP/1.1 101 Switching Protocols");
  EXPECT_EQ(get("/v1/topics/nowhere/events",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                .status,
            404);
}

TEST_F(HttpWebSocket, PageOfAnotherHostIsRefused) {
  EXPECT_EQ(get("/v1/events",
                "Origin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                .status,
            403);
  (void)upgrade("/v1/events", "Origin: http://a\r\n");
}

TEST_F(HttpWebSocket, SlowReaderIsWaitedForAndMissesNothing) {
  std::string lines;
  for (int i = 0; i < 1000; ++i)
    lines += R"({"type":"T","data":")" + std::string(400, 'x') + "\"}\n";
  for (int i = 0; i < 3; ++i) call("POST", "/v1/topics/t/events", lines, kLines);
  Client client = upgrade("/v1/topics/t/events");
  const auto all = frames(client);
  ASSERT_GE(all.size(), 3001u);
  EXPECT_EQ(at(all[2999], "/event/offset"), "2999");
  EXPECT_EQ(at(all.back(), "/kind"), "caught-up");
}

TEST_F(HttpWebSocket, TombstoneIsTold) {
  Client client = upgrade("/v1/topics/orders/streams/s");
  (void)frames(client);
  call("DELETE", "/v1/topics/orders/streams/s");
  append("other");
  const auto all = frames(client);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(at(all[0], "/kind"), "error");
  EXPECT_EQ(at(all[0], "/problem/code"), "tombstoned");
  EXPECT_EQ(close_code(all), 1000);
}

TEST_F(HttpWebSocket, DrainSendsItAway) {
  Client client = upgrade();
  (void)frames(client);
  api->drain();
  server->drain();
  EXPECT_EQ(close_code(frames(client)), 1001);
}

}  // namespace
}  // namespace stele::http::test
