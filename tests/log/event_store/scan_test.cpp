// Reads of everything: what a cursor keeps from page to page, and what it looks at anew.
#include <algorithm>

#include "log/events/event_view.h"
#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

class ScanTest : public EventStoreFixture {
protected:
  /// `count` appends of one event each, to the topics in turn.
  void fill(const std::vector<std::string>& topics, int count, std::size_t data_bytes = 10) {
    for (int i = 0; i < count; ++i) {
      TopicEvent one = event(topics[static_cast<std::size_t>(i) % topics.size()], "s");
      one.event.data = Bytes(data_bytes, static_cast<std::byte>(i));
      append({.events = {std::move(one)}});
    }
  }
  std::unique_ptr<EventCursor> open_cursor(ReadRequest request) {
    auto cursor = events_->open(std::move(request));
    EXPECT_TRUE(cursor.has_value());
    return *std::move(cursor);
  }
  static std::vector<RecordedEvent> drain(EventCursor& cursor) {
    std::vector<RecordedEvent> all;
    while (true) {
      auto page = cursor.next();
      EXPECT_TRUE(page.has_value()) << (page ? "" : page.error().text());
      if (!page) return all;
      std::ranges::move(page->events, std::back_inserter(all));
      if (page->end) return all;
    }
  }
  /// The segment files of the topic's partition 0.
  std::vector<std::string> segments_of(const std::string& topic) {
    const std::string folder = "/" + store_->find_topic(topic)->id.text() + "/0/";
    std::vector<std::string> paths;
    for (const std::string& path : env_.disk().files())
      if (path.contains(folder) && path.ends_with(".log")) paths.push_back(path);
    return paths;
  }
};

TEST_F(ScanTest, PagesOfEverySizeGiveWhatSingleReadsGive) {
  create("a", 3);
  create("b", 1, {{"segment.bytes", "1024"}});  // what is read at once stands in many files
  fill({"a", "b", "a"}, 90);
  EventAppend large;
  for (int i = 0; i < 20; ++i) large.events.push_back(event("b", "t" + std::to_string(i)));
  append(std::move(large));
  ASSERT_GT(segments_of("b").size(), 2u);
  std::vector<RecordedEvent> singles;
  for (Position at; at < store_->end();) {
    ReadPage page = read({.select = AllSelection{}, .from = {.position = at}, .events_max = 1});
    if (page.events.empty()) break;
    at = page.events.front().position.next();
    singles.push_back(std::move(page.events.front()));
  }
  ASSERT_EQ(singles.size(), 110u);
  for (const std::size_t events_max : {1u, 2u, 7u, 64u, 1000u}) {
    SCOPED_TRACE(events_max);
    EXPECT_EQ(drain(*open_cursor({.select = AllSelection{}, .events_max = events_max})), singles);
    auto backward = drain(*open_cursor(
        {.select = AllSelection{}, .direction = Direction::kBackward, .events_max = events_max}));
    std::ranges::reverse(backward);
    EXPECT_EQ(backward, singles);
  }
}

TEST_F(ScanTest, ACursorAtTheEndGoesOnWithWhatIsAppended) {
  create("a");
  fill({"a"}, 5);
  const auto cursor = open_cursor({.select = TopicSelection{"a"}, .events_max = 3});
  EXPECT_EQ(drain(*cursor).size(), 5u);
  EXPECT_EQ(drain(*cursor).size(), 0u);
  fill({"a"}, 4);
  EXPECT_EQ(drain(*cursor).size(), 4u);
}

TEST_F(ScanTest, WhatIsLetGoOfBetweenPagesIsNotGiven) {
  create("a");
  create("b");
  fill({"a", "b"}, 20);
  const auto cursor = open_cursor({.select = AllSelection{}, .events_max = 3});
  ASSERT_EQ(cursor->next()->events.size(), 3u);
  ASSERT_TRUE(store_->delete_topic(store_->find_topic("b")->id).has_value());
  ASSERT_TRUE(store_->delete_records({store_->find_topic("a")->id, 0}, Offset(6)).has_value());
  const auto rest = drain(*cursor);
  EXPECT_EQ(rest.size(), 4u);
  for (const RecordedEvent& one : rest) {
    EXPECT_EQ(one.topic, "a");
    EXPECT_GE(one.offset, Offset(6));
  }
}

TEST_F(ScanTest, WhatStandsInFrontOfDamageIsGivenAndTheDamageNamed) {
  create("a");
  create("b");
  fill({"a", "b"}, 40, 3000);
  const std::string path = segments_of("a").at(0);
  const std::size_t half = env_.disk().bytes(path).size() / 2;
  env_.disk().flip_bit(path, half);
  const auto cursor = open_cursor({.select = AllSelection{}, .events_max = 100});
  const auto front = cursor->next();
  ASSERT_TRUE(front.has_value()) << front.error().text();
  EXPECT_GE(front->events.size(), 10u);
  EXPECT_LT(front->events.size(), 40u);
  const auto damaged = cursor->next();
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, Code::kCorrupt);
  EXPECT_TRUE(damaged.error().detail.contains(store_->find_topic("a")->id.text()))
      << damaged.error().detail;
  EXPECT_EQ(cursor->next().error().code, Code::kCorrupt);
}

TEST_F(ScanTest, ASinkGetsTheEventsThatAPageHolds) {
  class Copies final : public EventSink {
  public:
    void take(const EventView& view) override { events.push_back(owned(view)); }
    std::vector<RecordedEvent> events;
  };
  create("a");
  TopicEvent whole = event("a", "s", "T", {"x", "y,z"}, "id-1");
  whole.event.data = Bytes(3, std::byte{7});
  whole.event.extensions = {{"trace", "1"}, {"none", std::nullopt}};
  whole.event.headers = {{"h", "v"}, {"h", std::nullopt}};
  append({.events = {whole, event("a", std::nullopt, "")}});
  for (const Selection& select :
       {Selection(AllSelection{}), Selection(StreamSelection{"a", "s"})}) {
    const ReadPage page = read({.select = select, .versions = true});
    Copies copies;
    const auto summary = events_->read_into({.select = select, .versions = true}, copies);
    ASSERT_TRUE(summary.has_value());
    EXPECT_EQ(copies.events, page.events);
    EXPECT_EQ(summary->event_count, page.events.size());
    EXPECT_EQ(summary->last, page.events.back().position);
    EXPECT_EQ(page.events.front().tags, whole.event.tags);
    EXPECT_EQ(page.events.front().extensions, whole.event.extensions);
    EXPECT_EQ(page.events.front().version, Version(0));
  }
}

TEST_F(ScanTest, AStreamThatMustExistDoes) {
  create("a");
  const ReadRequest request{.select = StreamSelection{"a", "none"}};
  EXPECT_TRUE(events_->open(request).has_value());
  const auto opened = events_->open(request, true);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace stele::log
