#include "log/events/event_record.h"

#include <gtest/gtest.h>

#include <random>

#include "log/events/event_facts.h"
#include "tests/log/events/records.h"

namespace stele::log {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

const RecordPlace kPlace = {.topic = "orders",
                            .partition = {Uuid::from_random(1, 2), 3},
                            .offset = Offset(17),
                            .position = Position(170),
                            .recorded_us = 1'700'000'000'000'042};

NewEvent whole_event() {
  return {.stream = "order-17",
          .id = "8f0c",
          .type = "OrderPlaced",
          .source = "/shop",
          .subject = "17",
          .content_type = "application/json",
          .data_schema = "https://example.org/order.json",
          .tags = {"customer:c,1", "order:17"},
          .time_ms = 1'357'017'420'123,
          .time_text = "2013-01-01T06:17:00.1234567+01:00",
          .data = bytes_of(R"({"total":12})"),
          .extensions = {{"traceparent", "00-ab"}, {"nothing", std::nullopt}},
          .headers = {{"retry", "1"}, {"retry", "2"}, {"none", std::nullopt}, {"", "\xFF"}}};
}

/// The headers of a record as text, "name=value".
std::vector<std::string> header_texts(const RecordView& record) {
  std::vector<std::string> texts;
  HeaderReader reader(record.headers);
  while (reader.next()) {
    const auto& value = reader.header().value;
    texts.push_back(std::string(reader.header().key) + "=" +
                    (value ? std::string(as_text(*value)) : "(null)"));
  }
  return texts;
}

RecordedEvent recorded(const NewEvent& event) {
  EventEncoder encoder;
  const OneRecord record(encoder.encode(event, kNowMs).value());
  return read_event(kPlace, record.view());
}

TEST(EventRecord, HeadersStandInTheirFixedOrder) {
  EventEncoder encoder;
  const OneRecord record(encoder.encode(whole_event(), kNowMs).value());
  EXPECT_EQ(as_text(*record.view().key), "order-17");
  EXPECT_EQ(as_text(*record.view().value), R"({"total":12})");
  EXPECT_EQ(record.view().timestamp_ms, 1'357'017'420'123);
  EXPECT_EQ(header_texts(record.view()),
            (std::vector<std::string>{
                "ce_specversion=1.0", "ce_id=8f0c", "ce_type=OrderPlaced", "ce_source=/shop",
                "ce_subject=17", "ce_time=2013-01-01T06:17:00.1234567+01:00",
                "ce_dataschema=https://example.org/order.json", "content-type=application/json",
                "ce_tags=customer:c%2C1,order:17", "ce_traceparent=00-ab", "ce_nothing=(null)",
                "retry=1", "retry=2", "none=(null)", "=\xFF"}));
}

TEST(EventRecord, TheExampleOfTheDocumentIsTheRecord) {
  const HeaderView headers[] = {{"ce_type", as_bytes("OrderPlaced")}, {"ce_id", as_bytes("8f0c")}};
  BatchBuilder builder;
  ASSERT_TRUE(builder.add({.key = as_bytes("order-17"),
                           .value = as_bytes(R"({"total":12})"),
                           .headers = headers,
                           .timestamp_ms = 1'000}));
  std::string hex;
  for (const std::byte byte : ByteView(builder.finish().value()).subspan(kBatchHeaderBytes)) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte >> 4)]);
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte & std::byte{15})]);
  }
  EXPECT_EQ(hex,
            "72000000106f726465722d3137187b22746f74616c223a31327d040e63655f74797065"
            "164f72646572506c616365640a63655f69640838663063");
}

TEST(EventRecord, WhatIsNotGivenIsNotWritten) {
  EventEncoder encoder;
  const OneRecord record(encoder.encode({}, kNowMs).value());
  EXPECT_FALSE(record.view().key.has_value());
  EXPECT_FALSE(record.view().value.has_value());
  EXPECT_EQ(record.view().headers.count, 0);
  EXPECT_EQ(record.view().timestamp_ms, kNowMs);
}

TEST(EventRecord, EmptyStreamAndDataAreNotNone) {
  const RecordedEvent event = recorded({.stream = "", .data = Bytes()});
  EXPECT_EQ(event.stream, "");
  EXPECT_EQ(event.data, Bytes());
}

TEST(EventRecord, ATimeWithoutTextIsWrittenAsText) {
  const RecordedEvent event = recorded({.time_ms = 1'357'017'420'123});
  EXPECT_EQ(event.time_text, "2013-01-01T05:17:00.123Z");
  EXPECT_EQ(event.time_ms, 1'357'017'420'123);
  EXPECT_EQ(recorded({.time_text = "2013-01-01T05:17:00Z"}).time_ms, 1'357'017'420'000);
}

TEST(EventRecord, AnEncodedEventReadsAsItWas) {
  const NewEvent event = whole_event();
  const RecordedEvent read = recorded(event);
  EXPECT_EQ(read, (RecordedEvent{.position = Position(170),
                                 .recorded_us = kPlace.recorded_us,
                                 .topic = "orders",
                                 .partition = kPlace.partition,
                                 .offset = Offset(17),
                                 .time_ms = *event.time_ms,
                                 .stream = event.stream,
                                 .id = event.id,
                                 .type = event.type,
                                 .source = event.source,
                                 .subject = event.subject,
                                 .content_type = event.content_type,
                                 .data_schema = event.data_schema,
                                 .time_text = event.time_text,
                                 .tags = event.tags,
                                 .data = event.data,
                                 .extensions = event.extensions,
                                 .headers = event.headers}));
}

TEST(EventRecord, APlainRecordIsAnEvent) {
  const OneRecord record({}, std::nullopt, "hello", 1'234);
  const RecordedEvent event = read_event(kPlace, record.view());
  EXPECT_EQ(event.id, "orders/3/17");
  EXPECT_EQ(event.type, "");
  EXPECT_EQ(event.source, "/topics/orders");
  EXPECT_EQ(event.stream, std::nullopt);
  EXPECT_EQ(event.time_ms, 1'234);
  EXPECT_EQ(event.time_text, "");
  EXPECT_EQ(event.data, bytes_of("hello"));
}

TEST(EventRecord, ABinaryKeyIsKeptAsItIs) {
  const std::string key("\x00\xFF\x01", 3);
  const OneRecord record({}, key);
  EXPECT_EQ(read_event(kPlace, record.view()).stream, key);
}

TEST(EventRecord, WhatCannotBeAnAttributeIsAPlainHeader) {
  struct Case {
    const char* name;
    std::vector<Header> headers;
    std::vector<Attribute> left;
  };
  for (const Case& c : {
           Case{"not text", {{"ce_type", "\xFF"}}, {{"ce_type", "\xFF"}}},
           Case{"a second one", {{"ce_type", "A"}, {"ce_type", "B"}}, {{"ce_type", "B"}}},
           Case{"behind one that is not text",
                {{"ce_type", "\xFF"}, {"ce_type", "B"}},
                {{"ce_type", "\xFF"}, {"ce_type", "B"}}},
           Case{"behind a null", {{"ce_id", std::nullopt}, {"ce_id", "1"}}, {{"ce_id", "1"}}},
           Case{"malformed tags", {{"ce_tags", "a,,b"}}, {{"ce_tags", "a,,b"}}},
           Case{"a name that is none", {{"ce_Trace-Id", "1"}}, {{"ce_Trace-Id", "1"}}},
           Case{"no name", {{"ce_", "1"}}, {{"ce_", "1"}}},
           Case{"an extension that is not text", {{"ce_x", "\xFF"}}, {{"ce_x", "\xFF"}}},
           Case{"an extension given twice", {{"ce_x", "1"}, {"ce_x", "2"}}, {{"ce_x", "2"}}},
       }) {
    SCOPED_TRACE(c.name);
    const OneRecord record(c.headers);
    EXPECT_EQ(read_event(kPlace, record.view()).headers, c.left);
  }
}

TEST(EventRecord, ATimeThatIsNoneIsKeptAsText) {
  const OneRecord record({{"ce_time", "yesterday"}}, std::nullopt, std::nullopt, 99);
  const RecordedEvent event = read_event(kPlace, record.view());
  EXPECT_EQ(event.time_text, "yesterday");
  EXPECT_EQ(event.time_ms, 99);
}

TEST(EventRecord, MalformedHeadersAreReadAsFarAsTheyGo) {
  OneRecord record({{"ce_type", "A"}, {"ce_id", "1"}});
  RecordView view = record.view();
  view.headers.bytes = view.headers.bytes.first(view.headers.bytes.size() - 1);
  const RecordedEvent event = read_event(kPlace, view);
  EXPECT_EQ(event.type, "A");
  EXPECT_EQ(event.id, "orders/3/17");
}

TEST(EventRecord, PlacesCountFromTheBatch) {
  RecordView record;
  record.offset_delta = 5;
  const RecordPlace place = kPlace.of(record);
  EXPECT_EQ(place.offset, Offset(22));
  EXPECT_EQ(place.position, Position(175));
  EXPECT_EQ(place.topic, "orders");
}

TEST(EventRecord, WhatIsRefusedIsNamed) {
  const std::string long_text(kAttributeBytesMax + 1, 'x');
  struct Case {
    NewEvent event;
    const char* detail;
  };
  for (const Case& c : {
           Case{{.id = std::string(1025, 'x')}, "id has 1025 bytes, over 1024"},
           Case{{.id = "\xFF"}, "id is not UTF-8"},
           Case{{.type = std::string(1025, 'x')}, "type has 1025 bytes, over 1024"},
           Case{{.source = long_text}, "source has 65537 bytes, over 65536"},
           Case{{.subject = "\xC0"}, "subject is not UTF-8"},
           Case{{.content_type = "\xC0"}, "datacontenttype is not UTF-8"},
           Case{{.data_schema = "\xC0"}, "dataschema is not UTF-8"},
           Case{{.tags = {""}}, "tag 0 is empty"},
           Case{{.time_ms = -1}, "time is before 1970 or after 9999"},
           Case{{.time_ms = INT64_MAX}, "time is before 1970 or after 9999"},
           Case{{.time_text = "1969-12-31T23:59:59Z"}, "time is before 1970 or after 9999"},
           Case{{.time_text = "now"}, "time: not an RFC 3339 time like 2013-01-01T05:17:00.123Z"},
           Case{{.time_ms = 1, .time_text = "1970-01-01T00:00:00Z"},
                "time is given twice: as text, and as 1 ms"},
           Case{{.extensions = {{"Trace", "1"}}},
                "extension 0: its name is not 1 to 128 of a-z and 0-9"},
           Case{{.extensions = {{std::string(129, 'x'), "1"}}},
                "extension 0: its name is not 1 to 128 of a-z and 0-9"},
           Case{{.extensions = {{"id", "1"}}}, "extension id: the name is taken"},
           Case{{.extensions = {{"position", "1"}}}, "extension position: the name is taken"},
           Case{{.extensions = {{"x", "1"}, {"y", "1"}, {"x", "2"}}}, "extension x is given twice"},
           Case{{.extensions = {{"x", "\xFF"}}}, "extension: x is not UTF-8"},
           Case{{.headers = {{"ce_id", "1"}}}, "header 0: the name ce_id is that of an attribute"},
           Case{{.headers = {{"a", "1"}, {"content-type", "1"}}},
                "header 1: the name content-type is that of an attribute"},
           Case{{.headers = {{"\xFF", "1"}}}, "header 0: name is not UTF-8"},
           Case{{.headers = std::vector<Attribute>(257, {"a", "1"})},
                "257 extensions and headers, over 256"},
       }) {
    const auto refused = check_event(c.event);
    ASSERT_FALSE(refused) << c.detail;
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    EXPECT_EQ(refused.error().detail, c.detail);
    EXPECT_FALSE(EventEncoder().encode(c.event, kNowMs)) << c.detail;
  }
  EXPECT_TRUE(check_event(whole_event()));
}

std::string random_text(std::mt19937_64& random, std::size_t size_max) {
  std::string text;
  for (std::size_t size = random() % (size_max + 1); text.size() < size;)
    text.push_back(static_cast<char>(random() % 128));
  return text;
}

NewEvent random_event(std::mt19937_64& random) {
  NewEvent event = {.id = random_text(random, 20),
                    .type = random_text(random, 20),
                    .source = random_text(random, 20),
                    .subject = random_text(random, 5),
                    .content_type = random_text(random, 5),
                    .data_schema = random_text(random, 5)};
  if (random() % 4 != 0) event.stream = random_text(random, 10) + "\xFE";
  if (random() % 4 != 0) event.data = bytes_of(random_text(random, 300));
  if (random() % 2 == 0) event.time_ms = static_cast<std::int64_t>(random() % 4'000'000'000'000);
  for (std::size_t i = random() % 4; i > 0; --i)
    event.tags.push_back(std::to_string(i) + random_text(random, 10));
  for (std::size_t i = random() % 3; i > 0; --i)
    event.extensions.push_back({"x" + std::to_string(i), random_text(random, 10)});
  for (std::size_t i = random() % 3; i > 0; --i)
    event.headers.push_back({"h" + random_text(random, 2), random_text(random, 10)});
  return event;
}

TEST(EventRecord, RandomEventsReadAsTheyWereWrittenAndFactsAgree) {
  std::mt19937_64 random(11);
  EventEncoder encoder;
  EventFacts facts;
  for (int i = 0; i < 3'000; ++i) {
    const NewEvent event = random_event(random);
    const OneRecord record(encoder.encode(event, kNowMs).value());
    const RecordedEvent read = read_event(kPlace, record.view());
    ASSERT_EQ(read.stream, event.stream);
    ASSERT_EQ(read.id, event.id.empty() ? "orders/3/17" : event.id);
    ASSERT_EQ(read.type, event.type);
    ASSERT_EQ(read.source, event.source.empty() ? "/topics/orders" : event.source);
    ASSERT_EQ(read.subject, event.subject);
    ASSERT_EQ(read.content_type, event.content_type);
    ASSERT_EQ(read.data_schema, event.data_schema);
    ASSERT_EQ(read.tags, event.tags);
    ASSERT_EQ(read.data, event.data);
    ASSERT_EQ(read.time_ms, event.time_ms.value_or(kNowMs));
    ASSERT_EQ(read.extensions, event.extensions);
    ASSERT_EQ(read.headers, event.headers);
    facts.read(record.view());
    ASSERT_EQ(facts.type(), event.type);
    ASSERT_EQ(facts.id(), event.id);
    ASSERT_TRUE(std::ranges::equal(facts.tags(), event.tags));
    ASSERT_EQ(facts.key().has_value(), event.stream.has_value());
    if (event.stream) ASSERT_EQ(as_text(*facts.key()), *event.stream);
  }
}

}  // namespace
}  // namespace stele::log
