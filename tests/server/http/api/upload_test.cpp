// NDJSON in: batches while it arrives, a bad line, what the answer counts.
#include <array>
#include <charconv>

#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

std::string hex(std::size_t number) {
  std::array<char, 16> digits{};
  return {digits.data(),
          std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

class HttpUpload : public ApiFixture {
protected:
  Answer upload(std::string_view body, std::string_view query = "") {
    return call("POST", "/v1/topics/t/events" + std::string(query), body, kLines);
  }
  /// Events of the topic.
  std::int64_t count() {
    const Answer all = get("/v1/topics/t/events", "Accept: application/x-ndjson\r\n");
    return std::ranges::count(all.body, '\n');
  }
  static std::string lines(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      all += R"({"id":"e)" + n + R"(","type":"T","subject":"o-)" + std::to_string(i % 2) +
             R"(","data":{"n":)" + n + "}}\n";
    }
    return all;
  }
};

TEST_F(HttpUpload, EveryLineIsAnEvent) {
  const Answer answer = upload("\r\n" + lines(3) + "\n" + R"({"type":"last, without its end"})");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.at("/appended"), "4");
  EXPECT_EQ(answer.at("/lines"), "6");
  const Answer page = get("/v1/topics/t/events");
  EXPECT_EQ(answer.at("/firstPosition"), page.at("/events/0/position"));
  EXPECT_EQ(answer.at("/lastPosition"), page.at("/events/3/position"));
  EXPECT_EQ(get("/v1/events?from=" + answer.at("/token")).at("/end"), "true");
  EXPECT_EQ(count(), 4);
}

TEST_F(HttpUpload, BatchesAreOfAThousandLinesWhateverThePiecesWere) {
  const std::string all = lines(2500);
  ASSERT_EQ(call("POST", "/v1/topics", R"({"name":"t"})", kJsonBody).status, 201);
  EXPECT_EQ(upload(all).at("/appended"), "2500");
  // The same in odd pieces: recognized, though half a line ended a piece.
  Client client = connect();
  client.send(
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson"
      "\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string bytes;
  std::string chunks;
  for (std::size_t at = 0; at < all.size(); at += 777) {
    const std::string piece = all.substr(at, 777);
    chunks += hex(piece.size()) + "\r\n" + piece + "\r\n";
  }
  chunks += "0\r\n\r\n";
  std::string_view left = chunks;
  Answer answer;
  for (int i = 0; i < 2000 && !parse_answer(bytes, false, answer); ++i) {
    left.remove_prefix(client.offer(left));
    turns(1);
    bytes += client.receive();
  }
  EXPECT_EQ(answer.status, 200) << bytes;
  EXPECT_EQ(answer.at("/duplicates"), "2500");
  EXPECT_EQ(answer.at("/appended"), "0");
  EXPECT_EQ(count(), 2500);
}

TEST_F(HttpUpload, BadLineIsNamedAndWhatStandsBeforeItIsKept) {
  const Answer answer = upload(lines(2) + "{\"type\":}\n" + lines(1));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  EXPECT_EQ(answer.at("/line"), "3");
  EXPECT_EQ(answer.at("/code"), "invalid");
  EXPECT_TRUE(answer.at("/detail").starts_with("line 3: /type (byte 8)")) << answer.body;
  EXPECT_EQ(answer.at("/appended"), "2");
  EXPECT_EQ(answer.header("connection"), "");
  EXPECT_EQ(count(), 2);
}

TEST_F(HttpUpload, LineThatTheStoreRefusesIsNamedToo) {
  ASSERT_EQ(call("POST", "/v1/topics", R"({"name":"t","settings":{"max.message.bytes":"2000"}})",
                 kJsonBody)
                .status,
            201);
  const Answer answer =
      upload(lines(1001) + R"({"type":"T","data":")" + std::string(3000, 'x') + "\"}\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.at("/line"), "1001") << "the batch that begins there";
  EXPECT_EQ(answer.at("/appended"), "1000");
  EXPECT_EQ(count(), 1000);
}

TEST_F(HttpUpload, LineOverTheLimitEndsTheUpload) {
  const Answer answer = upload(lines(1) + "{\"type\":\"" + std::string(2 << 20, 'x') + "\"}\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.at("/line"), "2");
  EXPECT_EQ(answer.at("/appended"), "1");
}

TEST_F(HttpUpload, StreamIsFoundInTheLine) {
  EXPECT_EQ(upload(lines(4), "?stream=subject").status, 201);
  EXPECT_EQ(get("/v1/topics/t/streams/o-1").at("/events/1/data/n"), "3");
  EXPECT_EQ(upload(R"({"type":"T","data":{"order":{"id":42}}})", "?stream=/data/order/id").status,
            201);
  EXPECT_EQ(get("/v1/topics/t/streams/42").status, 200);
  const Answer none = upload(R"({"type":"T"})", "?stream=subject");
  EXPECT_EQ(none.status, 400);
  EXPECT_EQ(none.at("/line"), "1");
  EXPECT_EQ(upload("{}", "?stream=").status, 400);
}

TEST_F(HttpUpload, AllLinesOfOneStream) {
  const std::string path = "/v1/topics/t/streams/s";
  EXPECT_EQ(call("POST", path, lines(3), kLines).status, 201);
  EXPECT_EQ(get(path).at("/lastVersion"), "2");
  EXPECT_EQ(call("POST", path, R"({"type":"T","stream":"other"})", kLines).status, 400);
  EXPECT_EQ(call("POST", path + "?stream=subject", lines(1), kLines).status, 400);
  EXPECT_EQ(call("POST", path, lines(1), std::string(kLines) + "If-Match: *\r\n").status, 400);
}

TEST_F(HttpUpload, NothingSentIsNothingAppended) {
  const Answer answer = upload("\n\n");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.at("/appended"), "0");
}

TEST_F(HttpUpload, ClientOfAStoppingServiceLearnsHowFarItGot) {
  Client client = connect();
  client.send(
      "POST /v1/topics/t/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson"
      "\r\nContent-Length: 1000000\r\n\r\n" +
      lines(3) + "{\"half\":");
  turns(20);
  api->drain();
  server->drain();
  EXPECT_FALSE(server->drained());
  Answer answer;
  ASSERT_TRUE(parse_answer(receive_all(client), false, answer));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.at("/line"), "4");
  EXPECT_EQ(answer.at("/appended"), "3");
  EXPECT_TRUE(server->drained());
}

}  // namespace
}  // namespace stele::http::test
