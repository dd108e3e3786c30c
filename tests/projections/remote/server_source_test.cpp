// A source over a real gRPC server in this process, beside the store itself: both say the same.
#include "projections/remote/server_source.h"

#include "log/event_store/token.h"

#include "tests/server/grpc/grpc_harness.h"

namespace stele::projections {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongest = 10s;

log::TopicEvent event_of(const std::string& topic, int number) {
  const std::string text = std::to_string(number);
  return {topic,
          {.stream = "s-" + std::to_string(number % 7),
           .id = topic + "-" + text,
           .type = number % 3 == 0 ? "Third" : "Other",
           .tags = {"n:" + text},
           .data = Bytes(as_bytes(text).begin(), as_bytes(text).end())}};
}

struct Collected final : log::EventSink {
  std::vector<log::RecordedEvent> events;
  void take(const log::EventView& event) override {
    events.push_back(log::owned(event));
    events.back().partition.topic = {};  // not told over gRPC
  }
};

class ServerSourceTest : public rpc::GrpcHarness {
protected:
  void SetUp() override {
    GrpcHarness::SetUp();
    start();
    create_topic("payments");
    open_source();
  }
  void open_source() {
    ServerOptions options;
    options.grpc = server_->addresses().front();
    source_ = open_server_source(options, *env_).value();
  }
  void append(const std::string& topic, int first, int count) {
    std::vector<log::TopicEvent> events;
    for (int i = first; i < first + count; ++i) events.push_back(event_of(topic, i));
    const auto done = source_->append(std::move(events));
    ASSERT_TRUE(done) << done.error().text();
  }
  std::unique_ptr<SourceReader> open(const std::vector<std::string>& topics, std::int64_t from) {
    return source_->open(topics, {InputId::store()}, Checkpoint::of_store(from)).value();
  }
  /// Ids up to the end, in order.
  std::vector<std::string> read(SourceReader& reader, std::int64_t* next = nullptr) {
    std::vector<std::string> ids;
    for (;;) {
      const auto lot = reader.next(kLongest);
      if (!lot) {
        ADD_FAILURE() << lot.error().text();
        return ids;
      }
      for (const InputEvent& event : (*lot)->events) ids.push_back(event_id(event));
      if (next != nullptr) *next = (*lot)->next;
      if ((*lot)->end) return ids;
    }
  }
  /// The same reads of the store, and over the wire.
  void expect_same_pages(log::ReadRequest request) {
    for (int page = 0; page < 100; ++page) {
      Collected ours;
      Collected theirs;
      const auto said = events_->read_into(request, ours);
      const auto told = source_->events()->read_into(request, theirs);
      ASSERT_EQ(said.has_value(), told.has_value());
      if (!said) {
        EXPECT_EQ(said.error().code, told.error().code);
        return;
      }
      EXPECT_EQ(ours.events, theirs.events);
      EXPECT_EQ(said->event_count, told->event_count);
      EXPECT_EQ(said->end, told->end);
      EXPECT_EQ(said->as_of, told->as_of);
      EXPECT_EQ(said->next, told->next);
      EXPECT_EQ(said->last_version, told->last_version);
      EXPECT_EQ(said->first_version, told->first_version);
      if (said->end || request.direction == log::Direction::kBackward) return;
      request.from.token = said->next;
    }
    FAIL() << "no end";
  }

  std::unique_ptr<Source> source_;
};

TEST_F(ServerSourceTest, TopicsComeInTheOrderOfPositions) {
  const std::int64_t first = events_->store().end().raw();  // behind the topics' own events
  append("orders", 0, 10);
  append("payments", 0, 10);
  append("orders", 10, 10);
  std::vector<std::string> wanted;
  for (int i = 0; i < 10; ++i) wanted.push_back("orders-" + std::to_string(i));
  for (int i = 0; i < 10; ++i) wanted.push_back("payments-" + std::to_string(i));
  for (int i = 10; i < 20; ++i) wanted.push_back("orders-" + std::to_string(i));
  EXPECT_EQ(read(*open({"orders", "payments"}, 0)), wanted);
  const std::vector<std::string> behind(wanted.begin() + 15, wanted.end());
  EXPECT_EQ(read(*open({"orders", "payments"}, first + 15)), behind);
}

TEST_F(ServerSourceTest, AReaderGoesOnWithWhatComes) {
  append("orders", 0, 3);
  const auto reader = open({"orders"}, 0);
  EXPECT_EQ(read(*reader).size(), 3U);
  append("orders", 3, 2);
  std::vector<std::string> ids;
  while (ids.size() < 2) {
    for (const std::string& id : read(*reader)) ids.push_back(id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"orders-3", "orders-4"}));
}

TEST_F(ServerSourceTest, WhoHasCaughtUpIsAtTheEndWhateverOtherTopicsDo) {
  append("orders", 0, 3);
  const auto reader = open({"orders"}, 0);
  read(*reader);
  append("payments", 0, 5);
  const std::int64_t end = source_->end({InputId::store()}).value().next(InputId::store());
  EXPECT_EQ(end, events_->store().end().raw());
  std::int64_t next = 0;
  for (int i = 0; i < 100 && next < end; ++i) next = reader->next(20ms).value()->next;
  EXPECT_EQ(next, end);
}

TEST_F(ServerSourceTest, TokensAreThoseOfTheStore) {
  const auto appended = source_->events()->append({.events = {event_of("orders", 1)}});
  ASSERT_TRUE(appended) << appended.error().error.text();
  const Checkpoint behind = Checkpoint::of_store(appended->events[0].position.raw() + 1);
  EXPECT_EQ(source_->token(behind).value(), appended->token);
  EXPECT_EQ(source_->parse_token(appended->token).value(), behind);
  EXPECT_EQ(source_->parse_token("nonsense").error().code, Code::kInvalid);
  log::TokenPlace lost = log::decode_token(appended->token).value();
  ++lost.timeline;
  EXPECT_EQ(source_->parse_token(log::encode_token(lost)).error().code, Code::kOutOfRange);
  lost.store = {};
  EXPECT_EQ(source_->parse_token(log::encode_token(lost)).error().code, Code::kInvalid);
}

TEST_F(ServerSourceTest, AppendsAreAnsweredAsByTheStore) {
  EventAccess& access = *source_->events();
  log::EventAppend first{.events = {event_of("orders", 0), event_of("orders", 7)},
                         .expectations = {{{"orders", "s-0"}, log::ExpectedVersion::no_stream()}}};
  const auto appended = access.append(first);
  ASSERT_TRUE(appended) << appended.error().error.text();
  EXPECT_EQ(appended->events[1].version, Version(1));
  EXPECT_EQ(appended->events[1].id, "orders-7");
  const auto again = access.append({.events = first.events});
  ASSERT_TRUE(again) << again.error().error.text();
  EXPECT_TRUE(again->duplicate);
  EXPECT_EQ(again->events[1].position, appended->events[1].position);
  const auto refused = access.append(
      {.events = {event_of("orders", 14)},
       .expectations = {{{"orders", "s-0"}, log::ExpectedVersion::exact(Version(0))}},
       .conditions = {{{{{.types = {}, .tags = {"n:7"}, .topics = {}}}}, std::nullopt}},
       .return_conflicts = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, Code::kWrongVersion);
  ASSERT_EQ(refused.error().expectations.size(), 1U);
  EXPECT_EQ(refused.error().expectations[0].actual, Version(1));
  ASSERT_EQ(refused.error().conditions.size(), 1U);
  EXPECT_EQ(refused.error().conditions[0].conflict, appended->events[1].position);
  EXPECT_FALSE(refused.error().conflicts.empty());
  const auto nowhere = access.append({.events = {event_of("gone", 1)}});
  EXPECT_EQ(nowhere.error().error.code, Code::kNotFound);
}

TEST_F(ServerSourceTest, EffectsThatWereCutOtherwiseAreAppendedOnce) {
  append("orders", 0, 5);
  append("orders", 3, 5);  // two of them again, with three new ones
  EXPECT_EQ(read(*open({"orders"}, 0)).size(), 8U);
}

TEST_F(ServerSourceTest, ReadsAreThoseOfTheStore) {
  append("orders", 0, 40);
  append("payments", 0, 5);
  expect_same_pages({.select = log::AllSelection{}, .events_max = 7});
  expect_same_pages({.select = log::TopicSelection{"payments"}, .events_max = 3});
  expect_same_pages({.select = log::StreamSelection{"orders", "s-3"}, .events_max = 2});
  expect_same_pages({.select = log::StreamSelection{"orders", "gone"}});
  expect_same_pages({.select = log::TypeSelection{"Third"}, .events_max = 4, .versions = true});
  expect_same_pages({.select = log::TagSelection{"n:4"}});
  expect_same_pages({.select = log::Query{{{.types = {"Other"}, .tags = {}, .topics = {"orders"}}}},
                     .events_max = 9});
  expect_same_pages(
      {.select = log::AllSelection{}, .direction = log::Direction::kBackward, .events_max = 6});
  expect_same_pages({.select = log::AllSelection{}, .from = {.position = Position(1000)}});
  expect_same_pages({.select = log::TopicSelection{"orders"},
                     .filter = {.types = {}, .tags = {}, .stream_prefix = "s-1"},
                     .events_max = 5});
}

TEST_F(ServerSourceTest, AReadEndsWhereItIsToldTo) {
  const Position below = events_->store().end().next(12);
  append("orders", 0, 40);
  Collected got;
  const auto page =
      source_->events()->read_into({.select = log::TopicSelection{"orders"}, .below = below}, got);
  ASSERT_TRUE(page) << page.error().text();
  EXPECT_EQ(got.events.size(), 12U);
  EXPECT_TRUE(page->end);
  EXPECT_EQ(source_->parse_token(page->next).value(), Checkpoint::of_store(below.raw()));
}

TEST_F(ServerSourceTest, RecordedTimesAreFound) {
  append("orders", 0, 3);
  Collected got;
  ASSERT_TRUE(events_->read_into({.select = log::AllSelection{}}, got));
  EventAccess& access = *source_->events();
  const std::int64_t first = got.events.front().recorded_us;
  EXPECT_EQ(access.find_recorded(0).value(), got.events.front().position);
  EXPECT_EQ(access.find_recorded(first).value(), got.events.front().position);
  EXPECT_EQ(access.find_recorded(INT64_MAX / 2).value(), events_->store().end());
}

TEST_F(ServerSourceTest, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(source_->inputs({"orders", "payments"}).value(),
            std::vector<InputId>{InputId::store()});
  const auto inputs = source_->inputs({"orders", "gone"});
  ASSERT_FALSE(inputs);
  EXPECT_EQ(inputs.error().code, Code::kNotFound);
  EXPECT_NE(inputs.error().detail.find("topic gone"), std::string::npos);
  const auto past = source_->open({"orders"}, {InputId::store()}, Checkpoint::of_store(1000));
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, Code::kOutOfRange);
}

TEST_F(ServerSourceTest, AReaderComesBackWithTheServer) {
  append("orders", 0, 3);
  const auto reader = open({"orders"}, 0);
  EXPECT_EQ(read(*reader).size(), 3U);
  options_.addresses = {server_->addresses().front()};
  stop();
  start();
  append("orders", 3, 2);
  std::vector<std::string> ids;
  for (int i = 0; i < 100 && ids.size() < 2; ++i) {
    for (const std::string& id : read(*reader)) ids.push_back(id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"orders-3", "orders-4"}));
}

}  // namespace
}  // namespace stele::projections
