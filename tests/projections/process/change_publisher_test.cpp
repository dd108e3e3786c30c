#include "projections/process/change_publisher.h"

#include "projections/fold/projection.h"
#include "tests/projections/process/plain_source.h"
#include "tests/projections/process/process_fixture.h"

namespace stele::projections {
namespace {

struct Place {
  std::string at;
  std::int64_t flights = 0;
};

class ChangePublisherTest : public testing::Test {
protected:
  ChangePublisherTest() { outbox_.begin(cause_.event, false); }
  void change(const Place* old, const Place* now) {
    changes_.before(old);
    changes_.after(as_bytes("N1"), now, cause_.event);
  }
  std::vector<log::TopicEvent> sent() {
    EXPECT_TRUE(outbox_.flush(source_).has_value());
    return std::exchange(source_.appended, {});
  }

  Cause cause_{7, "o-7"};
  PlainSource source_;
  Outbox outbox_{"aircraft"};
  ChangePublisher changes_{
      projection<Place>("aircraft").from("flights").publish("aircraft.changes").definition(),
      outbox_};
  const Place jfk_{"JFK", 1};
  const Place bos_{"BOS", 2};
};

TEST_F(ChangePublisherTest, BringsTheOldAndTheNewState) {
  change(nullptr, &jfk_);
  change(&jfk_, &bos_);
  change(&bos_, nullptr);
  const std::vector<log::TopicEvent> all = sent();
  ASSERT_EQ(all.size(), 3u);
  const char* kData[] = {R"({"old":null,"new":{"at":"JFK","flights":1}})",
                         R"({"old":{"at":"JFK","flights":1},"new":{"at":"BOS","flights":2}})",
                         R"({"old":{"at":"BOS","flights":2},"new":null})"};
  for (std::size_t i = 0; i < 3; ++i) {
    const log::NewEvent& event = all[i].event;
    EXPECT_EQ(all[i].topic, "aircraft.changes");
    EXPECT_EQ(event.stream, "N1");
    EXPECT_EQ(event.type, "aircraft.Changed");
    EXPECT_EQ(event.id, "aircraft/orders/3/7/c" + std::to_string(i));
    EXPECT_EQ(event.content_type, "application/json");
    EXPECT_EQ(event.time_ms, 1007);
    EXPECT_EQ(text_of(event.data), kData[i]);
    EXPECT_EQ(event.extensions,
              (std::vector<log::Attribute>{{"causationposition", "14"}, {"causationid", "o-7"}}));
  }
}

TEST_F(ChangePublisherTest, WhatDidNotChangeIsNotPublished) {
  const Place same = jfk_;
  change(&jfk_, &same);
  change(nullptr, nullptr);
  EXPECT_TRUE(sent().empty());
  // None is not the state before the first event.
  const Place initial;
  change(nullptr, &initial);
  EXPECT_EQ(sent().size(), 1u);
}

TEST_F(ChangePublisherTest, AStateWithoutBytesIsNotNone) {
  struct Seen {};
  ChangePublisher changes(projection<Seen>("seen").from("flights").publish("changes").definition(),
                          outbox_);
  const Seen seen;
  changes.before(nullptr);
  changes.after(as_bytes("N1"), &seen, cause_.event);
  changes.before(&seen);
  changes.after(as_bytes("N1"), &seen, cause_.event);
  const std::vector<log::TopicEvent> all = sent();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(text_of(all.front().event.data), R"({"old":null,"new":{}})");
}

TEST_F(ChangePublisherTest, MutedForgottenAndDiscardedChangesAreNot) {
  changes_.before(&jfk_);
  changes_.forget();
  change(&jfk_, &bos_);
  outbox_.discard();
  outbox_.begin(cause_.event, true);
  change(&jfk_, &bos_);
  EXPECT_TRUE(sent().empty());
  outbox_.begin(cause_.event, false);
  change(&jfk_, &bos_);
  const std::vector<log::TopicEvent> all = sent();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.front().event.id, "aircraft/orders/3/7/c0");
}

}  // namespace
}  // namespace stele::projections
