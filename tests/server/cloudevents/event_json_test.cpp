#include <gtest/gtest.h>

#include <random>

#include "log/events/event_record.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_reader.h"
#include "tests/log/events/records.h"

namespace stele::cloudevents {
namespace {

using log::bytes_of;
using log::NewEvent;
using log::OneRecord;
using log::RecordedEvent;

const log::RecordPlace kPlace = {.topic = "orders",
                                 .partition = {Uuid::from_random(1, 2), 3},
                                 .offset = Offset(17),
                                 .position = Position(170),
                                 .recorded_us = 1'357'017'420'000'042};

NewEvent parsed(std::string_view json) {
  auto event = parse_event(json);
  EXPECT_TRUE(event) << json << "\n" << (event ? "" : event.error().detail);
  return event.value_or(NewEvent());
}
std::string text_of(const std::optional<Bytes>& data) {
  return data ? std::string(as_text(*data)) : "(none)";
}
std::string written(const RecordedEvent& event) {
  std::string out;
  write_event(event, out);
  JsonReader in(out);
  in.skip();
  EXPECT_TRUE(in.finish()) << out;
  EXPECT_EQ(out.find_first_of("\r\n"), std::string::npos) << out;
  return out;
}
RecordedEvent recorded(const NewEvent& event) {
  log::EventEncoder encoder;
  const OneRecord record(encoder.encode(event, 1'357'017'420'000).value());
  return read_event(kPlace, record.view());
}

TEST(EventJson, AWholeEventIsRead) {
  const NewEvent event = parsed(R"({
    "specversion": "1.0", "id": "8f0c", "type": "OrderPlaced", "source": "/shop", "subject": "17",
    "time": "2013-01-01T05:17:00.123456Z", "dataschema": "https://example.org/order.json",
    "datacontenttype": "application/json", "traceparent": "00-ab", "priority": 3, "urgent": true,
    "absent": null, "tags": ["order:17", "a,b"], "stream": "order-17",
    "headers": {"retry": "1", "none": null}, "data": {"total": 12.10}})");
  EXPECT_EQ(event.id, "8f0c");
  EXPECT_EQ(event.type, "OrderPlaced");
  EXPECT_EQ(event.source, "/shop");
  EXPECT_EQ(event.subject, "17");
  EXPECT_EQ(event.time_text, "2013-01-01T05:17:00.123456Z");
  EXPECT_EQ(event.data_schema, "https://example.org/order.json");
  EXPECT_EQ(event.content_type, "application/json");
  EXPECT_EQ(event.extensions,
            (std::vector<log::Attribute>{
                {"traceparent", "00-ab"}, {"priority", "3"}, {"urgent", "true"}}));
  EXPECT_EQ(event.tags, (std::vector<std::string>{"order:17", "a,b"}));
  EXPECT_EQ(event.stream, "order-17");
  EXPECT_EQ(event.headers, (std::vector<log::Attribute>{{"retry", "1"}, {"none", std::nullopt}}));
  EXPECT_EQ(text_of(event.data), R"({"total": 12.10})");
}

TEST(EventJson, DataIsWhatItsContentTypeSays) {
  struct Case {
    const char* json;
    const char* content_type;
    const char* data;
  };
  for (const Case& c : {
           Case{R"({})", "", "(none)"},
           Case{R"({"data":null})", "", "(none)"},
           Case{R"({"data":12})", "application/json", "12"},
           Case{R"({"data":"a\n"})", "application/json", R"("a\n")"},
           Case{R"({"datacontenttype":"text/json","data":"a"})", "text/json", R"("a")"},
           Case{R"({"datacontenttype":"application/x+JSON; charset=utf-8","data":[1]})",
                "application/x+JSON; charset=utf-8", "[1]"},
           Case{R"({"datacontenttype":"text/plain","data":"a\nb"})", "text/plain", "a\nb"},
           Case{R"({"data":"<a/>","datacontenttype":"application/xml"})", "application/xml",
                "<a/>"},
           Case{R"({"data_base64":"Zm9v"})", "", "foo"},
           Case{R"({"datacontenttype":"application/json","data_base64":"MQ=="})",
                "application/json", "1"},
       }) {
    const NewEvent event = parsed(c.json);
    EXPECT_EQ(event.content_type, c.content_type) << c.json;
    EXPECT_EQ(text_of(event.data), c.data) << c.json;
  }
}

TEST(EventJson, StreamsAndTagsHaveSeveralForms) {
  EXPECT_EQ(parsed(R"({"streambase64":"AP8="})").stream, std::string("\x00\xFF", 2));
  EXPECT_EQ(parsed(R"({"partitionkey":"k"})").stream, "k");
  EXPECT_EQ(parsed(R"({"partitionkey":"k","stream":"k"})").stream, "k");
  EXPECT_EQ(parsed(R"({"stream":""})").stream, "");
  EXPECT_EQ(parsed(R"({"tags":"a, b%2Cc"})").tags, (std::vector<std::string>{"a", "b,c"}));
  EXPECT_TRUE(parsed(R"({"tags":""})").tags.empty());
  EXPECT_EQ(parsed(R"({"headers":"a=1,b%3D=%2C,c"})").headers,
            (std::vector<log::Attribute>{{"a", "1"}, {"b=", ","}, {"c", std::nullopt}}));
}

TEST(EventJson, WhatIsNoEventIsNamed) {
  for (const auto& [json, detail] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "(byte 0): not an object"},
           {R"({"specversion":"0.3"})",
            "/specversion (byte 20): not the version 1.0 of CloudEvents"},
           {R"({"id":1})", "/id (byte 6): not a string"},
           {R"({"id":"a","id":"b"})", "/id (byte 14): a member of this name was there before"},
           {R"({"Id":"a"})", "/Id (byte 6): not an attribute: names are a-z and 0-9"},
           {R"({"my-x":null})", "/my-x (byte 12): not an attribute: names are a-z and 0-9"},
           {R"({"x":1.5})", "/x (byte 8): an attribute is a string, an integer, true or false"},
           {R"({"x":{}})", "/x (byte 5): an attribute is a string, an integer, true or false"},
           {R"({"data":1e999})", "/data (byte 13): a number beyond what a double holds"},
           {R"({"data":{"a":"\u0000"}})", "/data/a (byte 20): U+0000 in a string"},
           {R"({"data":1,"data_base64":"MQ=="})",
            "/data_base64 (byte 30): data and data_base64 exclude each other"},
           {R"({"data_base64":"MQ==","data":1})",
            "/data (byte 30): data and data_base64 exclude each other"},
           {R"({"data_base64":"?"})", "/data_base64 (byte 18): not base64"},
           {R"({"datacontenttype":"text/plain","data":{}})",
            "(byte 42): data is no string, though datacontenttype is not JSON"},
           {R"({"stream":"a","partitionkey":"b"})",
            "/partitionkey (byte 32): the event names two streams"},
           {R"({"tags":"a,,b"})",
            "/tags (byte 14): not a list of tags: comma-separated, percent-encoded"},
           {R"({"tags":["a",1]})", "/tags/1 (byte 13): not a string"},
           {R"({"headers":"%"})",
            "/headers (byte 14): not a list of headers: name=value, comma-separated, "
            "percent-encoded"},
           {R"({"id":"a"} x)", "(byte 11): something behind the end"},
       }) {
    const auto event = parse_event(json);
    ASSERT_FALSE(event) << json;
    EXPECT_EQ(event.error().code, Code::kInvalid);
    EXPECT_EQ(event.error().detail, detail) << json;
  }
}

TEST(EventJson, BatchesNameTheEvent) {
  const auto batch = parse_batch("t", R"([{"id":"1"},{"id":"2","topic":"other"}])").value();
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(batch[1].event.id, "2");
  EXPECT_EQ(batch[1].topic, "t");
  EXPECT_TRUE(parse_batch("t", "[]").value().empty());
  EXPECT_EQ(parse_batch("t", R"([{"id":"1"},{"id":2}])").error().detail,
            "/1/id (byte 18): not a string");
  EXPECT_EQ(parse_batch("t", "{}").error().detail, "(byte 0): not an array");
}

TEST(EventJson, BatchHasAtMostSoManyEvents) {
  std::string json = "[{}";
  for (std::size_t i = 1; i < kEventsMax; ++i) json += ",{}";
  EXPECT_EQ(parse_batch("t", json + "]").value().size(), kEventsMax);
  EXPECT_EQ(parse_batch("t", json + ",{}]").error().code, Code::kTooLarge);
  EXPECT_EQ(parse_append(R"({"topic":"t","events":)" + json + ",{}]}").error().code,
            Code::kTooLarge);
}

TEST(EventJson, ARecordedEventIsWritten) {
  RecordedEvent event = recorded({.stream = "order-17",
                                  .id = "8f0c",
                                  .type = "OrderPlaced",
                                  .source = "/shop",
                                  .content_type = "application/json",
                                  .tags = {"order:17", "a,b"},
                                  .time_text = "2013-01-01T06:17:00.1234567+01:00",
                                  .data = bytes_of("{\n\"total\": 12.10\r\n}"),
                                  .extensions = {{"traceparent", "00-ab"}, {"none", std::nullopt}},
                                  .headers = {{"retry", "1"}, {"x=", std::nullopt}}});
  event.version = Version(5);
  EXPECT_EQ(written(event),
            R"({"specversion":"1.0","id":"8f0c","source":"/shop","type":"OrderPlaced",)"
            R"("time":"2013-01-01T06:17:00.1234567+01:00","datacontenttype":"application/json",)"
            R"("traceparent":"00-ab","tags":"order:17,a%2Cb","stream":"order-17","version":"5",)"
            R"("position":"170","recordedtime":"2013-01-01T05:17:00.000042Z","topic":"orders",)"
            R"("partition":3,"offset":"17","headers":"retry=1,x%3D","data":{ "total": 12.10  }})");
}

TEST(EventJson, PlainRecordsAreWrittenAsEvents) {
  const auto of = [](const std::vector<log::Header>& headers, std::optional<std::string> value,
                     std::int64_t time_ms = -1) {
    const OneRecord record(headers, std::string("\xFF"), std::move(value), time_ms);
    const std::string json = written(read_event(kPlace, record.view()));
    constexpr std::string_view kBegin =
        R"({"specversion":"1.0","id":"orders/3/17","source":"/topics/orders","type":"",)";
    EXPECT_TRUE(json.starts_with(kBegin)) << json;
    return json.substr(kBegin.size());
  };
  const std::string place =
      R"("streambase64":"/w==","position":"170","recordedtime":"2013-01-01T05:17:00.000042Z",)"
      R"("topic":"orders","partition":3,"offset":"17")";
  EXPECT_EQ(of({}, std::nullopt), place + "}");
  EXPECT_EQ(of({}, "12"), place + R"(,"data":12})");
  EXPECT_EQ(of({}, "hello"), R"("datacontenttype":"text/plain",)" + place + R"(,"data":"hello"})");
  EXPECT_EQ(of({}, "\xFF"), place + R"(,"data_base64":"/w=="})");
  EXPECT_EQ(of({{"content-type", "application/json"}}, "hello"),
            R"("datacontenttype":"application/json",)" + place + R"(,"data_base64":"aGVsbG8="})");
  EXPECT_EQ(of({{"content-type", "text/csv"}}, "12"),
            R"("datacontenttype":"text/csv",)" + place + R"(,"data":"12"})");
  EXPECT_EQ(of({{"ce_time", "yesterday"}}, std::nullopt, 1'000),
            R"("time":"1970-01-01T00:00:01Z",)" + place + "}");
  EXPECT_EQ(of({{"ce_position", "1"}, {"ce_stream", "x"}}, std::nullopt), place + "}")
      << "a foreign attribute is not taken for one of ours";
}

TEST(EventJson, BinaryModeIsRead) {
  const std::vector<Header> headers = {{"Host", "x"},
                                       {"ce-SpecVersion", "1.0"},
                                       {"CE-Id", "8f%20c"},
                                       {"ce-type", "Placed"},
                                       {"ce-source", "/shop"},
                                       {"ce-tags", "a,b"},
                                       {"ce-stream", "order 1"},
                                       {"Content-Type", "text/plain"},
                                       {"ce-region", "caf%C3%A9"},
                                       {"ce-position", "5"}};
  const NewEvent event = parse_binary(headers, "body").value();
  EXPECT_EQ(event.id, "8f c");
  EXPECT_EQ(event.type, "Placed");
  EXPECT_EQ(event.source, "/shop");
  EXPECT_EQ(event.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(event.stream, "order 1");
  EXPECT_EQ(event.content_type, "text/plain");
  EXPECT_EQ(event.extensions, (std::vector<log::Attribute>{{"region", "caf\xC3\xA9"}}));
  EXPECT_EQ(text_of(event.data), "body");
  for (const auto& [header, detail] : std::vector<std::pair<Header, std::string>>{
           {{"ce-specversion", "2"}, "ce-specversion: not the version 1.0 of CloudEvents"},
           {{"ce-id", "%1"}, "ce-id: a percent sign without two hex digits behind it"},
           {{"ce-tags", ",,"}, "ce-tags: not a list of tags: comma-separated, percent-encoded"},
           {{"ce-my-x", "1"}, "ce-my-x: not an attribute: names are a-z and 0-9"},
           {{"ce-streambase64", "1"}, "ce-streambase64: not base64"},
           {{"ce-datacontenttype", "a/b"}, "ce-datacontenttype: not an attribute of binary mode"},
       }) {
    EXPECT_EQ(parse_binary(std::span(&header, 1), "").error().detail, detail);
  }
}

TEST(EventJson, TextIsFoundByNameAndByPointer) {
  constexpr std::string_view kJson =
      R"({"icao":"a1","data":{"n":[1,{"x/y":"deep"}],"b":true,"o":{}},"":"empty"})";
  for (const auto& [place, text] :
       std::vector<std::pair<std::string, std::string>>{{"icao", "a1"},
                                                        {"/icao", "a1"},
                                                        {"/data/n/0", "1"},
                                                        {"/data/n/1/x~1y", "deep"},
                                                        {"/data/b", "true"},
                                                        {"", "empty"}}) {
    EXPECT_EQ(find_text(kJson, place).value(), text) << place;
  }
  for (const char* place : {"x", "/data/n/2", "/data/n/x", "/data/o", "/data/n", "/icao/x"})
    EXPECT_EQ(find_text(kJson, place).error().code, Code::kInvalid) << place;
  EXPECT_FALSE(find_text("{", "x"));
}

std::string random_text(std::mt19937_64& random, std::size_t size_max) {
  std::string text;
  for (std::size_t size = random() % (size_max + 1); text.size() < size;)
    text += random() % 9 == 0 ? std::string("\xE2\x82\xAC")
                              : std::string(1, static_cast<char>(1 + random() % 127));
  return text;
}

NewEvent random_event(std::mt19937_64& random) {
  static const std::vector<std::pair<std::string, std::string>> kData = {
      {"application/json", R"({"a":[1,2,{"b":null}]})"},
      {"text/plain", "a \"text\"\n"},
      {"application/octet-stream", "\xFF\xFE"},
      {"application/json", "not JSON"},
      {"application/vnd.x+json", "12345678901234567890"}};
  NewEvent event = {.id = random_text(random, 20) + "i",
                    .type = random_text(random, 20),
                    .source = random_text(random, 20) + "s",
                    .subject = random_text(random, 5)};
  if (random() % 3 != 0) event.stream = random_text(random, 9) + (random() % 2 == 0 ? "\xFF" : "");
  if (random() % 4 != 0) {
    const auto& [content_type, data] = kData[random() % kData.size()];
    event.content_type = content_type;
    event.data = bytes_of(data);
  }
  for (std::size_t i = random() % 4; i > 0; --i)
    event.tags.push_back(std::to_string(i) + random_text(random, 10));
  for (std::size_t i = random() % 3; i > 0; --i)
    event.extensions.push_back({"x" + std::to_string(i), random_text(random, 10)});
  for (std::size_t i = random() % 3; i > 0; --i)
    event.headers.push_back({"h" + random_text(random, 2), random_text(random, 10) + "\xFE"});
  return event;
}

TEST(EventJson, RandomEventsGoThroughRecordAndJsonAndBack) {
  std::mt19937_64 random(31);
  for (int i = 0; i < 3'000; ++i) {
    const NewEvent event = random_event(random);
    const RecordedEvent first = recorded(event);
    const std::string json = written(first);
    const NewEvent again = parsed(json);
    ASSERT_EQ(again.time_text, "2013-01-01T05:17:00Z");
    RecordedEvent second = recorded(again);
    second.time_text = first.time_text;
    ASSERT_EQ(second, first) << json;
  }
}

}  // namespace
}  // namespace stele::cloudevents
