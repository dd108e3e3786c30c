#include "projections/testkit/given_events.h"

#include <gtest/gtest.h>

#include <thread>

namespace stele::projections {
namespace {

using std::chrono::nanoseconds;

struct Read {
  std::vector<std::string> events;  ///< "topic/partition/offset@position"
  std::vector<std::size_t> lots;    ///< events in each
  Checkpoint checkpoint;
};

/// Everything up to the first lot that has end set.
Read read_all(SourceReader& reader) {
  Read read;
  while (true) {
    const LotPtr lot = reader.next(nanoseconds(0)).value();
    if (lot->end) return read;
    for (const InputEvent& event : lot->events) {
      read.events.push_back(std::string(event.topic) + "/" + std::to_string(event.partition) + "/" +
                            std::to_string(event.offset.raw()) + "@" +
                            std::to_string(event.position.raw()));
    }
    read.lots.push_back(lot->events.size());
    read.checkpoint.set(lot->input, lot->next);
  }
}

void fill(GivenEvents& events) {
  events.add({.topic = "a", .stream = "x"});
  events.add({.topic = "b"});
  events.add({.topic = "a", .partition = 1, .stream = "x"});
  events.add({.topic = "c"});
  events.add({.topic = "a"});
}

TEST(GivenEvents, AsAStoreGivesTheTopicsInTheOrderOfPositions) {
  GivenEvents events(2);
  fill(events);
  const auto inputs = events.inputs({"a", "b"}).value();
  EXPECT_EQ(inputs, std::vector{InputId::store()});
  const auto reader = events.open({"a", "b"}, inputs, {}).value();
  const Read read = read_all(*reader);
  EXPECT_EQ(read.events, (std::vector<std::string>{"a/0/0@0", "b/0/0@1", "a/1/0@2", "a/0/1@4"}));
  EXPECT_EQ(read.lots, (std::vector<std::size_t>{2, 2}));
  EXPECT_EQ(read.checkpoint, Checkpoint::of_store(5));
  EXPECT_EQ(events.end(inputs).value(), Checkpoint::of_store(5));
}

TEST(GivenEvents, AsPartitionsGivesEachInItsOrder) {
  GivenEvents events(1, GivenEvents::Inputs::kPartitions);
  fill(events);
  const auto inputs = events.inputs({"a"}).value();
  EXPECT_EQ(inputs, (std::vector<InputId>{{"a", 0}, {"a", 1}}));
  const Checkpoint from({{{"a", 0}, 1}});
  const auto reader = events.open({"a"}, inputs, from).value();
  const Read read = read_all(*reader);
  EXPECT_EQ(read.events, (std::vector<std::string>{"a/0/1@4", "a/1/0@2"}));
  EXPECT_EQ(read.checkpoint, Checkpoint({{{"a", 0}, 2}, {{"a", 1}, 1}}));
}

TEST(GivenEvents, GrowsWhileItIsRead) {
  GivenEvents events;
  events.add_topic("a");
  const auto reader = events.open({"a"}, {InputId::store()}, {}).value();
  EXPECT_TRUE(reader->next(nanoseconds(0)).value()->end);
  std::thread writer([&] { events.add({.topic = "a"}); });
  const LotPtr lot = reader->next(std::chrono::seconds(60)).value();
  writer.join();
  EXPECT_EQ(lot->events.size(), 1U);
  EXPECT_TRUE(reader->next(nanoseconds(0)).value()->end);
}

TEST(GivenEvents, TimesVersionsAndHeadersAreWhatWasGiven) {
  GivenEvents events;
  events.add({.topic = "a", .stream = "x", .time_ms = 5, .headers = {{"ce_id", "e-1"}}});
  events.add({.topic = "a", .stream = "x"});
  events.add({.topic = "a", .stream = "y", .recorded_us = GivenEvents::kFirstRecordedUs + 9000});
  const auto reader = events.open({"a"}, {InputId::store()}, {}).value();
  const LotPtr lot = reader->next(nanoseconds(0)).value();
  ASSERT_EQ(lot->events.size(), 3U);
  EXPECT_EQ(lot->events[0].time_ms, 5);
  EXPECT_EQ(event_id(lot->events[0]), "e-1");
  EXPECT_EQ(lot->events[1].recorded_us, GivenEvents::kFirstRecordedUs + 1000);
  EXPECT_EQ(lot->events[1].time_ms, lot->events[1].recorded_us / 1000);
  EXPECT_EQ(lot->events[1].version, Version(1));
  EXPECT_EQ(lot->events[2].version, Version(0));
  EXPECT_EQ(lot->events[2].recorded_us, GivenEvents::kFirstRecordedUs + 9000);
}

TEST(GivenEvents, AppendsAnIdOnce) {
  GivenEvents events;
  const log::TopicEvent event{.topic = "a", .event = {.stream = "x", .id = "e-1", .type = "T"}};
  ASSERT_TRUE(events.append({event, event}));
  ASSERT_TRUE(events.append({event}));
  EXPECT_EQ(events.count(), 1U);
  const GivenEvent kept = events.at(Position(0));
  EXPECT_EQ(kept.type, "T");
  EXPECT_EQ(kept.stream, "x");
  ASSERT_TRUE(events.append({{.topic = "b", .event = event.event}}));
  EXPECT_EQ(events.count(), 2U);
}

TEST(GivenEvents, TokensAreCheckpoints) {
  GivenEvents events;
  const Checkpoint checkpoint({{{"a", 0}, 2}, {{"a", 1}, 1}});
  const std::string token = events.token(checkpoint).value();
  EXPECT_EQ(events.parse_token(token).value(), checkpoint);
  for (const std::string& bad :
       {std::string("other-00"), token + "00", token + "0", token + "zz"}) {
    EXPECT_EQ(events.parse_token(bad).error().code, Code::kInvalid) << bad;
  }
}

TEST(GivenEvents, RefusesTopicsAndPlacesThatAreNotThere) {
  GivenEvents events;
  fill(events);
  EXPECT_EQ(events.inputs({"nowhere"}).error().code, Code::kNotFound);
  EXPECT_EQ(events.open({"a"}, {InputId::store()}, Checkpoint::of_store(6)).error().code,
            Code::kOutOfRange);
}

}  // namespace
}  // namespace stele::projections
