// Appends: to a stream, to a topic, to many; what they answer and what they refuse.
#include "tests/server/http/api/api_fixture.h"

namespace stele::http::test {
namespace {

class HttpAppend : public ApiFixture {
protected:
  Answer post(std::string_view body, std::string_view headers, std::string_view stream = "s") {
    return call("POST", "/v1/topics/orders/streams/" + std::string(stream), body, headers);
  }
  Answer post_many(std::string_view body) { return call("POST", "/v1/events", body, kJsonBody); }
};

TEST_F(HttpAppend, StreamsVersionIsItsETag) {
  const Answer first = append("s", "If-None-Match: *\r\n");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.header("etag"), "\"0\"");
  EXPECT_EQ(first.at("/events/0/version"), "0");
  EXPECT_EQ(first.at("/events/0/offset"), "0");
  EXPECT_EQ(first.at("/duplicate"), "false");
  const Answer second = append("s", "If-Match: \"0\"\r\n");
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(second.header("etag"), "\"1\"");
  EXPECT_EQ(append("s", "If-Match: *\r\n").header("etag"), "\"2\"");
  EXPECT_EQ(append("s", "If-Match: 2\r\n").header("etag"), "\"3\"") << "a shell ate the quotes";
}

TEST_F(HttpAppend, WrongVersionNamesTheActualOne) {
  append("s");
  const Position end = store->end();
  const Answer refused = append("s", "If-Match: \"7\"\r\n");
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(refused.header("etag"), "\"0\"");
  EXPECT_EQ(refused.header("content-type"), "application/problem+json");
  EXPECT_EQ(refused.at("/type"), "/problems/wrong_version");
  EXPECT_EQ(refused.at("/status"), "412");
  EXPECT_EQ(refused.at("/code"), "wrong_version");
  EXPECT_NE(refused.at("/title"), "?");
  EXPECT_NE(refused.at("/detail"), "?");
  EXPECT_EQ(refused.at("/actualVersion"), "0");
  EXPECT_EQ(refused.at("/expectations/0/expectedVersion"), "7");
  EXPECT_EQ(refused.at("/expectations/0/stream"), "s");
  const Answer none = append("other", "If-Match: *\r\n");
  EXPECT_EQ(none.status, 412);
  EXPECT_EQ(none.header("etag"), "");
  EXPECT_EQ(append("s", "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(store->end(), end);
}

TEST_F(HttpAppend, PreconditionsThatAreNoneAreRefused) {
  for (const char* header :
       {"If-Match: W/\"0\"\r\n", "If-Match: \"0\", \"1\"\r\n", "If-Match: \"-1\"\r\n",
        "If-Match: \"01\"\r\n", "If-Match: \"9223372036854775808\"\r\n", "If-Match: \r\n",
        "If-None-Match: \"0\"\r\n", "If-Match: *\r\nIf-None-Match: *\r\n",
        "If-Match: *\r\nIf-Match: *\r\n"}) {
    SCOPED_TRACE(header);
    EXPECT_EQ(append("s", header).status, 400);
  }
  const Answer topic =
      call("POST", "/v1/topics/orders/events", "{}", std::string(kBinary) + "If-Match: *\r\n");
  EXPECT_EQ(topic.status, 400);
  EXPECT_EQ(store->end().raw(), 0);
}

TEST_F(HttpAppend, ModesOfCloudEventsSayTheSame) {
  EXPECT_EQ(
      post(R"({"specversion":"1.0","id":"1","type":"T","source":"/x","data":{"n":1}})", kCloudEvent)
          .status,
      201);
  EXPECT_EQ(post(R"([{"specversion":"1.0","id":"2","type":"T","source":"/x","data":{"n":1}},
                     {"specversion":"1.0","id":"3","type":"T","source":"/x","data":{"n":1}}])",
                 kCloudEvents)
                .status,
            201);
  EXPECT_EQ(post(R"({"n":1})",
                 "CE-ID: 4\r\nce-Type: T\r\nce-source: /x\r\nce-specversion: 1.0\r\n"
                 "content-type: application/json\r\n")
                .status,
            201);
  const Answer page = get("/v1/topics/orders/streams/s");
  for (int i = 0; i < 4; ++i) {
    const std::string event = "/events/" + std::to_string(i);
    EXPECT_EQ(page.at(event + "/id"), std::to_string(i + 1));
    EXPECT_EQ(page.at(event + "/type"), "T");
    EXPECT_EQ(page.at(event + "/source"), "/x");
    EXPECT_EQ(page.at(event + "/data/n"), "1");
    EXPECT_EQ(page.at(event + "/version"), std::to_string(i));
    EXPECT_EQ(page.at(event + "/datacontenttype"), "application/json");
  }
}

TEST_F(HttpAppend, BinaryModeTakesAnyBytesAndEncodedAttributes) {
  const std::string bytes("\x00\xff\r\n", 4);
  EXPECT_EQ(post(bytes,
                 "Content-Type: application/octet-stream\r\nce-type: Caf%C3%A9\r\n"
                 "ce-tags: a%252Cb,c\r\nce-region: eu\r\nce-count: 9223372036854775807\r\n")
                .status,
            201);
  const Answer page = get("/v1/topics/orders/streams/s");
  EXPECT_EQ(page.at("/events/0/type"), "Café");
  EXPECT_EQ(page.at("/events/0/tags"), "a%2Cb,c");
  EXPECT_EQ(page.at("/events/0/region"), "eu");
  EXPECT_EQ(page.at("/events/0/count"), "9223372036854775807");
  EXPECT_EQ(page.at("/events/0/data_base64"), "AP8NCg==");
  EXPECT_EQ(get("/v1/events?tag=a,b").at("/events/0/stream"), "s");
  EXPECT_EQ(post("x", "ce-type: %zz\r\n").status, 400);
  EXPECT_EQ(post("x", "ce-type: T\r\nce-un_known: 1\r\n").status, 400);
}

TEST_F(HttpAppend, UnknownExtensionAttributesAreKept) {
  EXPECT_EQ(post(R"({"type":"T","traceparent":"00-1","retries":12345678901234567890,"hot":true})",
                 kCloudEvent)
                .status,
            201);
  const Answer page = get("/v1/topics/orders/streams/s");
  EXPECT_EQ(page.at("/events/0/traceparent"), "00-1");
  EXPECT_EQ(page.at("/events/0/retries"), "12345678901234567890");
  EXPECT_EQ(page.at("/events/0/hot"), "true");
  EXPECT_EQ(post(R"({"type":"T","nested":{}})", kCloudEvent).status, 400);
  EXPECT_EQ(post(R"({"type":"T","ratio":0.5})", kCloudEvent).status, 400);
}

TEST_F(HttpAppend, StreamNamesAreBytes) {
  struct Case {
    const char* path;
    const char* member;
    const char* name;
  };
  for (const Case& c :
       {Case{"order%2F17", "stream", "order/17"}, Case{"a%20b%25c%3F", "stream", "a b%c?"},
        Case{"a+b", "stream", "a+b"}, Case{"%FF%00", "streambase64", "/wA="},
        Case{"%F0%9F%90%98", "stream", "\xF0\x9F\x90\x98"}}) {
    SCOPED_TRACE(c.path);
    EXPECT_EQ(append(c.path).status, 201);
    const Answer page = get("/v1/topics/orders/streams/" + std::string(c.path));
    EXPECT_EQ(page.at("/events/0/" + std::string(c.member)), c.name);
  }
  const Answer same = get("/v1/topics/orders/streams/_wA?encoding=base64url");
  EXPECT_EQ(same.at("/events/0/streambase64"), "/wA=") << "the same stream, said otherwise";
  EXPECT_EQ(append("%zz").status, 400);
  EXPECT_EQ(get("/v1/topics/orders/streams/_w?encoding=hex").status, 400);
  EXPECT_EQ(get("/v1/topics/orders/streams/!?encoding=base64url").status, 400);
}

TEST_F(HttpAppend, EventOfAnotherStreamThanTheUrlsIsRefused) {
  EXPECT_EQ(post(R"({"type":"T","stream":"s"})", kCloudEvent).status, 201);
  EXPECT_EQ(post(R"({"type":"T","stream":"other"})", kCloudEvent).status, 400);
  EXPECT_EQ(post(R"({"type":"T","partitionkey":"s"})", kCloudEvent).status, 201);
}

TEST_F(HttpAppend, BodyThatIsNoneOfTheMediaTypesIsRefused) {
  EXPECT_EQ(post("{}", kJsonBody).status, 415);
  EXPECT_EQ(post("{}", "Content-Type: text/plain\r\n").status, 415);
  EXPECT_EQ(post("{}", "").status, 415);
  EXPECT_EQ(call("POST", "/v1/events", "{}", kCloudEvents).status, 415);
  EXPECT_EQ(call("POST", "/v1/events/query", "{}", kLines).status, 415);
  EXPECT_EQ(call("POST", "/v1/topics", "{}", "").status, 415);
  EXPECT_EQ(call("PUT", "/v1/topics/t/streams/s/limits", "{}", "").status, 415);
  EXPECT_EQ(post(R"({"type":"T"})", "Content-Type: Application/CloudEvents+JSON; charset=utf-8\r\n")
                .status,
            201);
}

TEST_F(HttpAppend, FaultOfTheBodyIsNamedWithItsPlace) {
  const Answer answer = post(R"([{"type":"A"},{"type":1}])", kCloudEvents);
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.at("/code"), "invalid");
  EXPECT_TRUE(answer.at("/detail").starts_with("/1/type (byte 22)")) << answer.body;
  for (const char* bad : {"", "[", "{}{}", "null", "[]", R"({"type":"a","type":"b"})",
                          "{\"type\":\"\xff\"}", R"({"type":"\ud800"})", R"({"data":1e999})"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(post(bad, *bad == '[' ? kCloudEvents : kCloudEvent).status, 400);
  }
  EXPECT_EQ(store->end().raw(), 0);
}

TEST_F(HttpAppend, RetryWithTheSameIdIsAnsweredLikeTheFirst) {
  const std::string_view event = R"({"id":"8f0c","type":"T"})";
  const Answer first = post(event, kCloudEvent);
  const Answer again = post(event, kCloudEvent);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.at("/duplicate"), "true");
  EXPECT_EQ(again.at("/events/0/position"), first.at("/events/0/position"));
  EXPECT_EQ(again.header("etag"), "\"0\"");
  EXPECT_EQ(post(event, kCloudEvent, "other").status, 409) << "the id is another event's";
}

TEST_F(HttpAppend, ManyStreamsAtOnceAllOrNothing) {
  const Answer done = post_many(R"({"topic":"orders","events":[
      {"stream":"o-17","type":"OrderPlaced","data":{"total":12}},
      {"topic":"stock","stream":"s-4","type":"Reserved","tags":["seat:4"]}],
      "expectations":[{"stream":"o-17","expectedVersion":"no_stream"}]})");
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(done.at("/events/0/version"), "0");
  EXPECT_EQ(done.at("/events/1/version"), "0");
  const Answer refused = post_many(R"({"topic":"orders","events":[{"stream":"o-18","type":"X"}],
      "expectations":[{"stream":"o-17","expectedVersion":"no_stream"},
                      {"topic":"stock","stream":"s-4","expectedVersion":5},
                      {"stream":"gone","expectedVersion":"exists"}]})");
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(refused.at("/expectations/0/actualVersion"), "0");
  EXPECT_EQ(refused.at("/expectations/1/index"), "1");
  EXPECT_EQ(refused.at("/expectations/1/topic"), "stock");
  EXPECT_EQ(refused.at("/expectations/1/expectedVersion"), "5");
  EXPECT_NE(refused.body.find(R"("stream":"gone","expectedVersion":"exists","actualVersion":null)"),
            std::string::npos);
  EXPECT_EQ(get("/v1/topics/orders/streams/o-18").status, 404);
}

TEST_F(HttpAppend, FailedConditionNamesTheConflictAndBringsIt) {
  const std::string_view taken = R"({"events":[{"topic":"t","type":"Taken","tags":["seat:1"]}],
      "conditions":[{"failIfEventsMatch":{"items":[{"tags":["seat:2"]},{"tags":["seat:1"]}]}}],
      "returnConflicts":true})";
  const Answer first = post_many(taken);
  EXPECT_EQ(first.status, 201);
  const std::string position = first.at("/events/0/position");
  const Answer refused = post_many(taken);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.at("/code"), "condition_failed");
  EXPECT_EQ(refused.at("/conditions/0/index"), "0");
  EXPECT_EQ(refused.at("/conditions/0/item"), "1");
  EXPECT_EQ(refused.at("/conditions/0/position"), position);
  EXPECT_EQ(refused.at("/conflicts/0/type"), "Taken");
  EXPECT_EQ(post_many(R"({"events":[{"topic":"t","type":"Taken","tags":["seat:1"]}],
      "conditions":[{"failIfEventsMatch":{"items":[{"tags":["seat:1"]}]},"after":")" +
                      position + "\"}]}")
                .status,
            201);
}

TEST_F(HttpAppend, MisspeltMembersOfARequestAreRefused) {
  for (const char* body :
       {R"({"events":[{"topic":"t","type":"T"}],"conditons":[]})",
        R"({"events":[{"topic":"t","type":"T"}],"conditions":[{"failIfEventMatch":{}}]})",
        R"({"events":[{"topic":"t","type":"T"}],"expectations":[{"stream":"s","version":1}]})",
        R"({"events":[{"topic":"t","type":"T"}],"conditions":[{}]})",
        R"({"events":[{"type":"no topic"}]})", R"({"events":[]})", R"({})",
        R"({"events":[{"topic":"t","type":"T"}],
            "expectations":[{"topic":"t","stream":"s","expectedVersion":"-1"}]})"}) {
    SCOPED_TRACE(body);
    EXPECT_EQ(post_many(body).status, 400);
  }
  EXPECT_EQ(store->end().raw(), 0);
}

TEST_F(HttpAppend, TombstonedStreamIsGone) {
  append("s");
  EXPECT_EQ(call("DELETE", "/v1/topics/orders/streams/s", "", "If-Match: \"4\"\r\n").status, 412);
  EXPECT_EQ(call("DELETE", "/v1/topics/orders/streams/s", "", "If-Match: \"0\"\r\n").status, 204);
  EXPECT_EQ(append("s").status, 410);
  EXPECT_EQ(append("s", "If-Match: \"0\"\r\n").status, 410);
  EXPECT_EQ(get("/v1/topics/orders/streams/s").status, 410);
  EXPECT_EQ(call("HEAD", "/v1/topics/orders/streams/s").status, 410);
  EXPECT_EQ(call("DELETE", "/v1/topics/nowhere/streams/s").status, 404);
}

TEST_F(HttpAppend, BodyOverItsLimitIsRefusedBeforeItIsRead) {
  Client client = connect();
  const std::string answer =
      ask(client,
          "POST /v1/topics/orders/streams/s HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n"
          "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(status_of(answer), "HTTP/1.1 413 Content Too Large") << "and no 100";
  // One event over what an append may take.
  const std::string large = "\"" + std::string(2 << 20, 'x') + "\"";
  EXPECT_EQ(append("s", "", large).status, 413);
}

TEST_F(HttpAppend, ClientIsToldToContinue) {
  Client client = connect();
  const std::string head =
      "POST /v1/topics/orders/streams/s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
      "Content-Type: application/json\r\nce-type: T\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_EQ(ListenerFixture::ask(client, head), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("{}");
  EXPECT_EQ(status_of(receive_all(client)), "HTTP/1.1 201 Created");
}

TEST_F(HttpAppend, PipelinedAppendsAreAnsweredInOrder) {
  Client client = connect();
  std::string requests;
  for (int i = 0; i < 40; ++i) {
    const std::string match =
        i == 0 ? "If-None-Match: *\r\n" : "If-Match: \"" + std::to_string(i - 1) + "\"\r\n";
    requests += request("POST", "/v1/topics/orders/streams/s", "{}", std::string(kBinary) + match);
  }
  client.send(requests);
  const std::string answers = receive_all(client);
  std::size_t at = 0;
  for (int i = 0; i < 40; ++i) {
    at = answers.find("ETag: \"" + std::to_string(i) + "\"\r\n", at);
    ASSERT_NE(at, std::string::npos) << i << " of " << answers;
  }
}

TEST_F(HttpAppend, TopicIsMadeUnlessThatIsOff) {
  EXPECT_EQ(get("/v1/topics/orders").status, 404);
  EXPECT_EQ(append("s").status, 201);
  EXPECT_EQ(get("/v1/topics/orders").status, 200);
  EXPECT_EQ(call("POST", "/v1/topics/__own/events", "{}", kBinary).status, 400);
}

class HttpWithoutTopics : public ApiFixture {
protected:
  void SetUp() override { serve_api({.auto_create_topics = false}); }
};

TEST_F(HttpWithoutTopics, AppendToNoTopicIsRefused) {
  EXPECT_EQ(append("s").status, 404);
  EXPECT_EQ(call("POST", "/v1/topics", R"({"name":"orders"})", kJsonBody).status, 201);
  EXPECT_EQ(append("s").status, 201);
}

TEST_F(HttpAppend, ClosedStoreSaysSoAndWhenToComeBack) {
  append("s");
  ASSERT_TRUE(store->close().has_value());
  const Answer answer = append("s");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.at("/code"), "closed");
  EXPECT_EQ(answer.header("retry-after"), "1");
}

}  // namespace
}  // namespace stele::http::test
