// Reads: every selection, direction, place to begin from and filter against a plain list.
#include <algorithm>
#include <functional>

#include "log/format/batch_builder.h"
#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

class ReadTest : public EventStoreFixture {
protected:
  /// 120 events of two topics, six streams, three types and tags; one lz4 batch of a plain
  /// producer.
  void fill() {
    create("a", 3);
    create("b", 1);
    for (int i = 0; i < 60; ++i) {
      env_.advance(std::chrono::milliseconds(10));
      EventAppend asked;
      for (int j = 0; j < 2; ++j) {
        const int n = 2 * i + j;
        TopicEvent one =
            event(n % 3 == 0 ? "b" : "a",
                  n % 10 == 9 ? std::nullopt : std::optional("s-" + std::to_string(n % 4)),
                  "T" + std::to_string(n % 3), {"all", "tag" + std::to_string(n % 5)});
        one.event.time_ms = 1'000'000 + (n * 37) % 101;
        if (n % 7 == 0) one.event.headers = {{"colour", "red"}};
        asked.events.push_back(std::move(one));
      }
      append(asked);
      if (i == 30) produce_lz4();
    }
    everything_ = read_all_pages({.select = AllSelection{}, .versions = true});
    ASSERT_EQ(everything_.size(), 123u);
  }
  void produce_lz4() {
    BatchBuilder builder({.codec = Codec::kLz4});
    const HeaderView headers[] = {{"ce_type", as_bytes("T1")}, {"ce_tags", as_bytes("all,tag1")}};
    for (int i = 0; i < 3; ++i)
      ASSERT_TRUE(
          builder.add({.key = as_bytes("s-1"), .headers = headers, .timestamp_ms = 1'000'050}));
    const Bytes batch = *builder.finish();
    AppendRequest request;
    request.batches.push_back({.to = {store_->find_topic("a")->id, 2},
                               .batch = batch,
                               .min_timestamp_ms = 1'000'050,
                               .max_timestamp_ms = 1'000'050});
    ASSERT_TRUE(store_->append(std::move(request)).has_value());
  }
  /// Follows the tokens, with small pages.
  std::vector<RecordedEvent> read_all_pages(ReadRequest request, std::size_t events_max = 7) {
    request.events_max = events_max;
    std::vector<RecordedEvent> all;
    for (int pages = 0; pages < 1000; ++pages) {
      ReadPage page = read(request);
      EXPECT_LE(page.events.size(), events_max);
      std::ranges::move(page.events, std::back_inserter(all));
      if (page.end) return all;
      request.from.token = page.next;
    }
    ADD_FAILURE() << "no end";
    return all;
  }
  using Wanted = std::function<bool(const RecordedEvent&)>;
  void expect_both_ways(ReadRequest request, const Wanted& wanted) {
    std::vector<std::int64_t> model;
    for (const RecordedEvent& event : everything_)
      if (wanted(event)) model.push_back(event.position.raw());
    EXPECT_FALSE(model.empty());
    EXPECT_EQ(positions(read_all_pages(request)), model);
    request.direction = Direction::kBackward;
    std::ranges::reverse(model);
    EXPECT_EQ(positions(read_all_pages(request)), model);
  }
  struct FromCase {
    const char* name;
    Selection select;
    Direction direction;
    ReadFrom from;
    Wanted wanted;
  };
  void expect_from(const std::vector<FromCase>& cases) {
    for (const FromCase& c : cases) {
      SCOPED_TRACE(c.name);
      std::vector<std::int64_t> model;
      for (const RecordedEvent& event : everything_)
        if (c.wanted(event)) model.push_back(event.position.raw());
      ASSERT_FALSE(model.empty());
      if (c.direction == Direction::kBackward) std::ranges::reverse(model);
      EXPECT_EQ(
          positions(read_all_pages({.select = c.select, .direction = c.direction, .from = c.from})),
          model);
    }
  }

  std::vector<RecordedEvent> everything_;
};

bool tagged(const RecordedEvent& event, const char* tag) {
  return std::ranges::find(event.tags, tag) != event.tags.end();
}

TEST_F(ReadTest, EverySelectionGivesItsEventsInOrderBothWays) {
  fill();
  struct Case {
    const char* name;
    Selection select;
    Wanted wanted;
  };
  const Case cases[] = {
      {"topic", TopicSelection{"b"}, [](const auto& e) { return e.topic == "b"; }},
      {"stream", StreamSelection{"a", "s-1"},
       [](const auto& e) { return e.topic == "a" && e.stream == "s-1"; }},
      {"type", TypeSelection{"T1"}, [](const auto& e) { return e.type == "T1"; }},
      {"tag", TagSelection{"tag1"}, [](const auto& e) { return tagged(e, "tag1"); }},
      {"query of two items",
       Query{
           {{.types = {"T0"}, .tags = {"tag2"}}, {.types = {"T1", "T2"}, .tags = {"all", "tag3"}}}},
       [](const auto& e) {
         return (e.type == "T0" && tagged(e, "tag2")) || (e.type != "T0" && tagged(e, "tag3"));
       }},
      {"query of a topic", Query{{{.tags = {"tag1"}, .topics = {"b"}}}},
       [](const auto& e) { return e.topic == "b" && tagged(e, "tag1"); }},
      {"query with an item for everything of a topic",
       Query{{{.topics = {"b"}}, {.tags = {"tag4"}}}},
       [](const auto& e) { return e.topic == "b" || tagged(e, "tag4"); }},
      {"query without items", Query{}, [](const auto&) { return true; }},
  };
  for (const bool again : {false, true}) {
    for (const Case& c : cases) {
      SCOPED_TRACE(c.name);
      expect_both_ways({.select = c.select}, c.wanted);
    }
    if (!again) reopen();
  }
}

TEST_F(ReadTest, FiltersNarrowEverySelection) {
  fill();
  struct Case {
    const char* name;
    EventFilter filter;
    Wanted wanted;
  };
  const Case filters[] = {
      {"types", {.types = {"T0", "T2"}}, [](const auto& e) { return e.type != "T1"; }},
      {"tags", {.tags = {"all", "tag2"}}, [](const auto& e) { return tagged(e, "tag2"); }},
      {"prefix", {.stream_prefix = "s-"}, [](const auto& e) { return e.stream.has_value(); }},
      {"header", {.header = {{"colour", "red"}}}, [](const auto& e) { return !e.headers.empty(); }},
  };
  for (const Case& c : filters) {
    SCOPED_TRACE(c.name);
    expect_both_ways({.select = AllSelection{}, .filter = c.filter}, c.wanted);
    expect_both_ways({.select = TopicSelection{"a"}, .filter = c.filter},
                     [&](const auto& e) { return e.topic == "a" && c.wanted(e); });
    expect_both_ways(
        {.select = StreamSelection{"a", "s-2"}, .filter = c.filter},
        [&](const auto& e) { return e.topic == "a" && e.stream == "s-2" && c.wanted(e); });
    expect_both_ways({.select = TagSelection{"all"}, .filter = c.filter},
                     [&](const auto& e) { return tagged(e, "all") && c.wanted(e); });
  }
}

TEST_F(ReadTest, StreamsHaveDenseVersionsWhoeverWrote) {
  fill();
  const ReadPage page = read({.select = StreamSelection{"a", "s-1"}});
  for (std::size_t i = 0; i < page.events.size(); ++i)
    EXPECT_EQ(page.events[i].version, Version(static_cast<std::int64_t>(i)));
  EXPECT_EQ(page.last_version, page.events.back().version);
  EXPECT_EQ(page.first_version, Version(0));
  for (const RecordedEvent& event : everything_) {
    EXPECT_EQ(event.version.has_value(), event.stream.has_value());
    if (event.topic != "a" || event.stream != "s-1") continue;
    EXPECT_EQ(page.events[static_cast<std::size_t>(event.version->raw())].position, event.position);
  }
}

TEST_F(ReadTest, AReadBeginsAtThePositionOrVersionItIsTold) {
  fill();
  const Selection stream = StreamSelection{"a", "s-2"};
  const auto in_stream = [](const RecordedEvent& e) { return e.topic == "a" && e.stream == "s-2"; };
  const RecordedEvent& middle = everything_[70];
  const auto forward = Direction::kForward;
  const auto backward = Direction::kBackward;
  expect_from({
      {"position",
       AllSelection{},
       forward,
       {.position = middle.position},
       [&](const auto& e) { return e.position >= middle.position; }},
      {"position, backward",
       AllSelection{},
       backward,
       {.position = middle.position},
       [&](const auto& e) { return e.position <= middle.position; }},
      {"position in a tag",
       TagSelection{"tag1"},
       forward,
       {.position = middle.position},
       [&](const auto& e) { return e.position >= middle.position && tagged(e, "tag1"); }},
      {"version",
       stream,
       forward,
       {.version = Version(4)},
       [&](const auto& e) { return in_stream(e) && *e.version >= Version(4); }},
      {"version, backward",
       stream,
       backward,
       {.version = Version(4)},
       [&](const auto& e) { return in_stream(e) && *e.version <= Version(4); }},
      {"version 0, backward",
       stream,
       backward,
       {.version = Version(0)},
       [&](const auto& e) { return in_stream(e) && *e.version == Version(0); }},
  });
}

TEST_F(ReadTest, AReadBeginsAtTheTimeItIsToldOnEitherAxis) {
  fill();
  const RecordedEvent& middle = everything_[70];
  const auto forward = Direction::kForward;
  const auto backward = Direction::kBackward;
  expect_from({
      {"recorded",
       AllSelection{},
       forward,
       {.recorded_us = middle.recorded_us},
       [&](const auto& e) { return e.recorded_us >= middle.recorded_us; }},
      {"recorded, backward",
       AllSelection{},
       backward,
       {.recorded_us = middle.recorded_us},
       [&](const auto& e) { return e.recorded_us <= middle.recorded_us; }},
      {"event time",
       AllSelection{},
       forward,
       {.event_time_ms = 1'000'060},
       [](const auto& e) { return e.time_ms >= 1'000'060; }},
      {"event time in a stream",
       StreamSelection{"a", "s-2"},
       forward,
       {.event_time_ms = 1'000'060},
       [&](const auto& e) {
         return e.topic == "a" && e.stream == "s-2" && e.time_ms >= 1'000'060;
       }},
  });
}

TEST_F(ReadTest, AStreamIsReadFromItsNewestEventOfAType) {
  create("t");
  for (const char* type : {"Made", "Snapshot", "Changed", "Snapshot", "Changed", "Changed"})
    append({.events = {event("t", "s", type), event("t", "other", "Snapshot")}});
  EXPECT_EQ(versions(read({.select = StreamSinceTypeSelection{"t", "s", "Snapshot"}}).events),
            (std::vector<std::int64_t>{3, 4, 5}));
  EXPECT_EQ(versions(read({.select = StreamSinceTypeSelection{"t", "s", "Snapshot"},
                           .direction = Direction::kBackward})
                         .events),
            (std::vector<std::int64_t>{5, 4, 3}));
  EXPECT_EQ(read({.select = StreamSinceTypeSelection{"t", "s", "Never"}}).events.size(), 6u);
}

TEST_F(ReadTest, WhatCannotBeReadIsSaid) {
  create("t");
  create("plain", 1, {{"stele.index", "false"}});
  append({.events = {event("t", "s"), event("plain", "s")}});
  EXPECT_EQ(read_error({.select = TopicSelection{"no"}}), Code::kNotFound);
  EXPECT_EQ(read_error({.select = StreamSelection{"t", "no"}}), Code::kNotFound);
  EXPECT_EQ(read_error({.select = StreamSelection{"plain", "s"}}), Code::kUnsupported);
  EXPECT_EQ(read_error({.select = TagSelection{""}}), Code::kInvalid);
  EXPECT_EQ(read_error({.select = AllSelection{}, .from = {.version = Version(1)}}),
            Code::kInvalid);
  EXPECT_EQ(read_error({.select = AllSelection{}, .from = {.position = Position(1000)}}),
            Code::kOutOfRange);
  EXPECT_EQ(read({.select = TopicSelection{"plain"}}).events.size(), 1u);
  EXPECT_TRUE(read({.select = TagSelection{"never"}}).end);
}

TEST_F(ReadTest, PagesAreBoundedInBytesAndGiveAtLeastOneEvent) {
  create("t");
  for (int i = 0; i < 5; ++i) {
    TopicEvent one = event("t", "s");
    one.event.data = Bytes(1000, std::byte{7});
    append({.events = {one}});
  }
  const ReadPage page = read({.select = StreamSelection{"t", "s"}, .bytes_max = 2500});
  EXPECT_EQ(page.events.size(), 2u);
  EXPECT_FALSE(page.end);
  EXPECT_EQ(read({.select = StreamSelection{"t", "s"}, .bytes_max = 1}).events.size(), 1u);
}

TEST_F(ReadTest, DeletedTopicsAndTheServicesOwnAreNotPartOfEverything) {
  create("gone");
  create("kept");
  ASSERT_TRUE(store_->create_topic({.name = "__own", .internal = true}).has_value());
  append({.events = {event("gone", "s", "T", {"x"}), event("kept", "s", "T", {"x"})}});
  ASSERT_TRUE(store_->append("__own", Event{.key = "k", .type = "T"}).has_value());
  ASSERT_TRUE(store_->delete_topic(store_->find_topic("gone")->id).has_value());
  for (const Selection& select :
       {Selection(AllSelection{}), Selection(TagSelection{"x"}), Selection(TypeSelection{"T"})}) {
    const ReadPage page = read({.select = select});
    ASSERT_EQ(page.events.size(), 1u);
    EXPECT_EQ(page.events[0].topic, "kept");
    EXPECT_TRUE(page.end);
  }
}

TEST_F(ReadTest, RetentionLeavesVersionsAsTheyAre) {
  create("t", 1, {{"segment.bytes", "1024"}});
  for (int i = 0; i < 20; ++i) {
    TopicEvent one = event("t", "s", "T", {"x"});
    one.event.data = Bytes(300, std::byte{7});
    append({.events = {one}});
  }
  const TopicPartition partition{store_->find_topic("t")->id, 0};
  ASSERT_TRUE(store_->delete_records(partition, Offset(9)).has_value());
  const ReadPage page = read({.select = StreamSelection{"t", "s"}});
  ASSERT_EQ(page.events.size(), 11u);
  EXPECT_EQ(page.events[0].version, Version(9));
  EXPECT_EQ(page.first_version, Version(9));
  EXPECT_EQ(read({.select = TagSelection{"x"}}).events.size(), 11u);
  const auto info = events_->stream({"t", "s"});
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->first_version, Version(9));
  EXPECT_EQ(info->last_version, Version(19));
}

}  // namespace
}  // namespace stele::log
