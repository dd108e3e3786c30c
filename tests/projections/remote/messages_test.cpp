// What goes over gRPC and comes back: the same events, requests and refusals.
#include <gtest/gtest.h>

#include "log/events/event_record.h"
#include "projections/remote/event_messages.h"
#include "projections/remote/request_messages.h"

namespace stele::projections {
namespace {

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

Headers copied(std::span<const HeaderView> headers) {
  Headers to;
  for (const HeaderView& header : headers) {
    auto& [name, value] = to.emplace_back(std::string(header.key), std::nullopt);
    if (header.value) value.emplace(as_text(*header.value));
  }
  return to;
}

log::NewEvent full_event() {
  return {.stream = std::string("o\0\xff", 3),
          .id = "8f0c",
          .type = "Placed",
          .source = "/shop",
          .subject = "subject",
          .content_type = "application/json",
          .data_schema = "urn:schema",
          .tags = {"order:17", "customer:c,1"},
          .time_ms = 1'357'017'420'123,
          .time_text = "2013-01-01T05:17:00.123456Z",
          .data = Bytes{std::byte{1}, std::byte{0}},
          .extensions = {{"region", "eu"}, {"nothing", std::nullopt}},
          .headers = {{"retry", "1"}, {"retry", ""}, {"null", std::nullopt}}};
}

/// The message that a server would send of it.
v1::RecordedEvent* add_recorded(v1::EventBatch& batch, const log::NewEvent& event,
                                std::uint64_t position) {
  if (batch.topics_size() == 0) batch.add_topics("orders");
  const v1::AppendRequest request = append_message({.events = {{"orders", event}}});
  const v1::NewEvent& from = request.events(0);
  v1::RecordedEvent& to = *batch.add_events();
  to.set_position(position);
  to.set_partition(2);
  to.set_offset(position + 100);
  to.set_recorded_us(1'700'000'000'000'042);
  if (from.has_stream()) to.set_stream(from.stream());
  if (from.has_data()) to.set_data(from.data());
  to.set_id(from.id().empty() ? "orders/2/" + std::to_string(position + 100) : from.id());
  to.set_type(from.type());
  to.set_source(from.source().empty() ? "/topics/orders" : from.source());
  to.set_subject(from.subject());
  to.set_content_type(from.content_type());
  to.set_data_schema(from.data_schema());
  to.set_time_ms(from.time_ms());
  to.set_time_text(from.time_text());
  *to.mutable_tags() = from.tags();
  *to.mutable_extensions() = from.extensions();
  *to.mutable_headers() = from.headers();
  return &to;
}

TEST(MessageLot, GivesTheHeadersThatAnAppendWrites) {
  log::NewEvent plain{.stream = "o-1", .type = "Placed", .data = Bytes()};
  log::NewEvent bare;
  log::NewEvent without_source = full_event();
  without_source.source.clear();
  for (const log::NewEvent& event : {full_event(), plain, bare, without_source}) {
    MessageLot lot;
    add_recorded(*lot.message().mutable_batch(), event, 17);
    lot.take_events();
    ASSERT_EQ(lot.events.size(), 1U);
    log::EventEncoder encoder;
    const NewRecord record = encoder.encode(event, 0).value();
    EXPECT_EQ(copied(lot.events[0].headers), copied(record.headers));
    EXPECT_EQ(lot.events[0].stream.has_value(), record.key.has_value());
    EXPECT_EQ(lot.events[0].data.has_value(), record.value.has_value());
  }
}

TEST(MessageLot, GivesPlacesAndTimes) {
  MessageLot lot;
  v1::EventBatch& batch = *lot.message().mutable_batch();
  batch.add_topics("orders");
  batch.add_topics("payments");
  add_recorded(batch, full_event(), 17);
  v1::RecordedEvent& second = *add_recorded(batch, full_event(), 19);
  second.set_topic_index(1);
  second.set_version(5);
  lot.take_events();
  ASSERT_EQ(lot.events.size(), 2U);
  EXPECT_EQ(lot.events[0].topic, "orders");
  EXPECT_FALSE(lot.events[0].version);
  const InputEvent& event = lot.events[1];
  EXPECT_EQ(event.topic, "payments");
  EXPECT_EQ(event.partition, 2);
  EXPECT_EQ(event.position, Position(19));
  EXPECT_EQ(event.offset, Offset(119));
  EXPECT_EQ(event.recorded_us, 1'700'000'000'000'042);
  EXPECT_EQ(event.time_ms, 1'357'017'420'123);
  EXPECT_EQ(event.type, "Placed");
  EXPECT_EQ(event.version, Version(5));
  EXPECT_EQ(as_text(*event.stream), std::string_view("o\0\xff", 3));
}

TEST(MessageLot, ATopicNumberThatIsNoneIsNoTopic) {
  MessageLot lot;
  add_recorded(*lot.message().mutable_batch(), full_event(), 1)->set_topic_index(7);
  lot.take_events();
  EXPECT_EQ(lot.events[0].topic, "");
}

TEST(RequestMessages, AnAppendSaysEverything) {
  const log::EventAppend append{
      .events = {{"orders", full_event()}, {"payments", {}}},
      .expectations = {{{"orders", "o-1"}, log::ExpectedVersion::exact(Version(4))},
                       {{"orders", "o-2"}, log::ExpectedVersion::no_stream()}},
      .conditions = {{{{{.types = {"Placed"}, .tags = {"t"}, .topics = {"orders"}}}}, Position(9)},
                     {{}, std::nullopt}},
      .return_conflicts = true};
  const v1::AppendRequest request = append_message(append);
  ASSERT_EQ(request.events_size(), 2);
  EXPECT_EQ(request.events(1).topic(), "payments");
  EXPECT_FALSE(request.events(1).has_stream() || request.events(1).has_data() ||
               request.events(1).has_time_ms());
  EXPECT_EQ(request.events(0).time_text(), "2013-01-01T05:17:00.123456Z");
  EXPECT_EQ(request.expectations(0).expected().exact(), 4U);
  EXPECT_TRUE(request.expectations(1).expected().has_no_stream());
  EXPECT_EQ(request.expectations(1).stream(), "o-2");
  EXPECT_EQ(request.conditions(0).after(), 9U);
  EXPECT_EQ(request.conditions(0).fail_if_events_match().items(0).tags(0), "t");
  EXPECT_TRUE(request.conditions(1).has_fail_if_events_match());
  EXPECT_FALSE(request.conditions(1).has_after());
  EXPECT_TRUE(request.return_conflicts());
}

TEST(RequestMessages, ARefusalNamesWhatFailed) {
  const log::EventAppend asked{
      .events = {}, .expectations = {{{"orders", "o-1"}, log::ExpectedVersion::exact(Version(4))}}};
  v1::Refusal told;
  told.set_reason(v1::REASON_WRONG_VERSION);
  told.set_message("stream o-1 is at version 7");
  v1::FailedExpectation& failed = *told.add_expectations();
  failed.set_topic("orders");
  failed.set_stream("o-1");
  failed.set_actual(7);
  v1::FailedCondition& condition = *told.add_conditions();
  condition.set_item(2);
  condition.set_conflict_position(99);
  add_recorded(*told.mutable_conflicts(), full_event(), 99);
  const log::AppendRefusal refusal = refusal_of(told, asked);
  EXPECT_EQ(refusal.error.code, Code::kWrongVersion);
  EXPECT_EQ(refusal.error.detail, "stream o-1 is at version 7");
  ASSERT_EQ(refusal.expectations.size(), 1U);
  EXPECT_EQ(refusal.expectations[0].expected, log::ExpectedVersion::exact(Version(4)));
  EXPECT_EQ(refusal.expectations[0].actual, Version(7));
  ASSERT_EQ(refusal.conditions.size(), 1U);
  EXPECT_EQ(refusal.conditions[0].item, 2U);
  EXPECT_EQ(refusal.conditions[0].conflict, Position(99));
  ASSERT_EQ(refusal.conflicts.size(), 1U);
  EXPECT_EQ(refusal.conflicts[0].tags, full_event().tags);
}

TEST(RequestMessages, AnAppendWithoutAnAnswerIsUnknown) {
  const ::grpc::Status gone(::grpc::StatusCode::UNAVAILABLE, "Socket closed");
  const ::grpc::Status late(::grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  for (const ::grpc::Status& status : {gone, late}) {
    EXPECT_EQ(refusal_of(status, {}, "stele server x").error.code, Code::kOutcomeUnknown);
    const Error error = error_of(status, "stele server x: read");
    EXPECT_EQ(error.code, Code::kIo);
    EXPECT_TRUE(error.detail.starts_with("stele server x: read: ")) << error.detail;
  }
}

TEST(RequestMessages, EveryReasonIsItsCode) {
  for (int reason = v1::REASON_NOT_FOUND; reason <= v1::REASON_TOMBSTONED; ++reason) {
    v1::Refusal told;
    told.set_reason(static_cast<v1::Reason>(reason));
    std::string wanted = v1::Reason_Name(static_cast<v1::Reason>(reason)).substr(7);
    for (char& c : wanted) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(name(refusal_of(told, {}).error.code), wanted);
  }
}

}  // namespace
}  // namespace stele::projections
