// Appends that are decoded by hand say what the generated classes say of the same bytes.
#include "server/grpc/decode_append.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <functional>

#include <stele/v1/event_store.pb.h>

namespace stele::rpc {
namespace {

v1::AppendRequest whole_request() {
  v1::AppendRequest request;
  request.set_topic("orders");
  v1::NewEvent& event = *request.add_events();
  event.set_stream("o-1");
  event.set_id("id");
  event.set_type("Placed");
  event.set_data(std::string("\0\xFF", 2));
  event.add_tags("a");
  event.add_tags("b\xC3\xA4");
  event.set_content_type("text/plain");
  event.set_source("/x");
  event.set_subject("sub");
  event.set_data_schema("schema");
  event.set_time_ms(1'357'000'000'000);
  event.set_time_text("2013-01-01T00:26:40Z");
  v1::Attribute& extension = *event.add_extensions();
  extension.set_name("trace");
  extension.set_value("");
  event.add_headers()->set_name("none");
  request.add_events()->set_topic("other");
  v1::StreamExpectation& expectation = *request.add_expectations();
  expectation.set_stream("o-1");
  expectation.mutable_expected()->set_exact(7);
  request.add_expectations()->set_stream("o-2");
  request.mutable_expectations(1)->mutable_expected()->mutable_no_stream();
  request.mutable_expectations(1)->set_topic("other");
  v1::AppendCondition& condition = *request.add_conditions();
  condition.mutable_fail_if_events_match()->add_items()->add_tags("a");
  condition.set_after(3);
  request.set_return_conflicts(true);
  return request;
}

std::vector<log::Attribute> attributes(
    const google::protobuf::RepeatedPtrField<v1::Attribute>& from) {
  std::vector<log::Attribute> all;
  for (const v1::Attribute& one : from)
    all.push_back({one.name(), one.has_value() ? std::optional(one.value()) : std::nullopt});
  return all;
}

void expect_event(const v1::NewEvent& said, const std::string& topic, const log::TopicEvent& read) {
  const log::NewEvent& event = read.event;
  EXPECT_EQ(read.topic, said.topic().empty() ? topic : said.topic());
  EXPECT_EQ(event.stream, said.has_stream() ? std::optional(said.stream()) : std::nullopt);
  EXPECT_EQ(event.id, said.id());
  EXPECT_EQ(event.type, said.type());
  EXPECT_EQ(event.data.has_value(), said.has_data());
  if (event.data) EXPECT_EQ(as_text(*event.data), said.data());
  EXPECT_EQ(event.tags, std::vector<std::string>(said.tags().begin(), said.tags().end()));
  EXPECT_EQ(event.content_type, said.content_type());
  EXPECT_EQ(event.source, said.source());
  EXPECT_EQ(event.subject, said.subject());
  EXPECT_EQ(event.data_schema, said.data_schema());
  EXPECT_EQ(event.time_ms, said.has_time_ms() ? std::optional(said.time_ms()) : std::nullopt);
  EXPECT_EQ(event.time_text, said.time_text());
  EXPECT_EQ(event.extensions, attributes(said.extensions()));
  EXPECT_EQ(event.headers, attributes(said.headers()));
}

void expect_same(const v1::AppendRequest& said, const DecodedAppend& read) {
  const log::EventAppend& append = read.append;
  ASSERT_EQ(append.events.size(), static_cast<std::size_t>(said.events_size()));
  bool wants_ids = false;
  for (int i = 0; i < said.events_size(); ++i) {
    expect_event(said.events(i), said.topic(), append.events[static_cast<std::size_t>(i)]);
    wants_ids = wants_ids || said.events(i).id().empty();
  }
  EXPECT_EQ(read.wants_ids, wants_ids);
  ASSERT_EQ(append.expectations.size(), static_cast<std::size_t>(said.expectations_size()));
  for (int i = 0; i < said.expectations_size(); ++i) {
    const v1::StreamExpectation& one = said.expectations(i);
    const log::StreamExpectation& expectation = append.expectations[static_cast<std::size_t>(i)];
    EXPECT_EQ(expectation.stream.topic, one.topic().empty() ? said.topic() : one.topic());
    EXPECT_EQ(expectation.stream.stream, one.stream());
    using Kind = log::ExpectedVersion::Kind;
    const bool is_exact = one.expected().has_exact();
    EXPECT_EQ(expectation.expected.kind, is_exact                         ? Kind::kExact
                                         : one.expected().has_no_stream() ? Kind::kNoStream
                                         : one.expected().has_exists()    ? Kind::kExists
                                                                          : Kind::kAny);
    if (is_exact)
      EXPECT_EQ(expectation.expected.version,
                Version(static_cast<std::int64_t>(one.expected().exact())));
  }
  ASSERT_EQ(append.conditions.size(), static_cast<std::size_t>(said.conditions_size()));
  EXPECT_EQ(append.return_conflicts, said.return_conflicts());
}

TEST(DecodeAppend, SaysWhatTheGeneratedClassesSay) {
  v1::AppendRequest request = whole_request();
  auto read = decode_append(request.SerializeAsString());
  ASSERT_TRUE(read.has_value()) << read.error().error.detail;
  expect_same(request, *read);
  const log::AppendCondition& condition = read->append.conditions.at(0);
  EXPECT_EQ(condition.after, Position(3));
  EXPECT_EQ(condition.fail_if_events_match.items.at(0).tags, (std::vector<std::string>{"a"}));
  request.mutable_expectations(0)->mutable_expected()->mutable_exists();
  request.mutable_expectations(1)->mutable_expected()->mutable_any();
  read = decode_append(request.SerializeAsString());
  ASSERT_TRUE(read.has_value());
  expect_same(request, *read);
}

// Cut off anywhere, or with any byte changed: what the generated classes refuse is refused, and
// what is taken is what they say.
TEST(DecodeAppend, WhatIsDamagedIsRefusedOrReadAlike) {
  const std::string bytes = whole_request().SerializeAsString();
  const google::protobuf::LogSilencer silent;
  int taken = 0;
  const auto compare = [&](const std::string& spoilt) {
    v1::AppendRequest said;
    const bool is_message = said.ParseFromString(spoilt);
    const auto read = decode_append(spoilt);
    if (!is_message) EXPECT_FALSE(read.has_value());
    if (!is_message || !read) return;
    expect_same(said, *read);
    ++taken;
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    SCOPED_TRACE(i);
    compare(bytes.substr(0, i));
    for (const int change : {1, 2, 8, 16, 0x80}) {
      std::string spoilt = bytes;
      spoilt[i] = static_cast<char>(spoilt[i] ^ change);
      compare(spoilt);
    }
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(taken, 100);
}

TEST(DecodeAppend, NamesTheFieldThatIsMissingOrTooLarge) {
  struct Case {
    const char* field;
    std::function<void(v1::AppendRequest&)> spoil;
  };
  const Case cases[] = {
      {"events[0].topic", [](auto& request) { request.clear_topic(); }},
      {"expectations[0].topic",
       [](auto& request) {
         request.clear_topic();
         request.mutable_events(0)->set_topic("orders");
       }},
      {"expectations[1].expected",
       [](auto& request) { request.mutable_expectations(1)->clear_expected(); }},
      {"expectations[0].expected.exact",
       [](auto& request) {
         request.mutable_expectations(0)->mutable_expected()->set_exact(1ull << 63);
       }},
      {"conditions[0].after",
       [](auto& request) { request.mutable_conditions(0)->set_after(~0ull); }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.field);
    v1::AppendRequest request = whole_request();
    c.spoil(request);
    const auto read = decode_append(request.SerializeAsString());
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().field, c.field);
    EXPECT_EQ(read.error().error.code, Code::kInvalid);
  }
}

TEST(DecodeAppend, AppendsOfAMessageAreReadEachByItself) {
  v1::AppendStreamRequest message;
  for (std::uint64_t i = 0; i < 3; ++i) {
    v1::PipelinedAppend& append = *message.add_appends();
    append.set_correlation_id(i << 40);
    *append.mutable_append() = whole_request();
  }
  message.mutable_appends(1)->mutable_append()->mutable_events(0)->clear_type();
  message.mutable_appends(1)->mutable_append()->clear_topic();
  const std::string bytes = message.SerializeAsString();
  const auto read = decode_appends(bytes, 3);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[2].correlation_id, 2ull << 40);
  EXPECT_TRUE((*read)[0].append.has_value());
  EXPECT_EQ((*read)[1].append.error().field, "events[0].topic");
  EXPECT_TRUE((*read)[2].append.has_value());
  EXPECT_EQ(decode_appends(bytes, 2).error().error.code, Code::kTooLarge);
  EXPECT_EQ(decode_appends(bytes.substr(0, bytes.size() - 1), 3).error().error.code,
            Code::kInvalid);
}

}  // namespace
}  // namespace stele::rpc
