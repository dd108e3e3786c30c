#include "projections/process/outbox.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/projections/process/plain_source.h"
#include "tests/projections/process/process_fixture.h"
#include "tests/support/golden.h"

namespace stele::projections {
namespace {

using log::NewEvent;
using log::RecordedEvent;
using std::chrono::hours;

std::string value_of(const RecordedEvent& event, std::string_view name) {
  for (const log::Attribute& extension : event.extensions)
    if (extension.name == name) return extension.value.value_or("null");
  return "none";
}

class OutboxTest : public ProcessFixture {
protected:
  OutboxTest() {
    create("sent");
    create("noise");
  }
  /// What a projection does with event number `offset`: two effects.
  static void fold(Outbox& outbox, std::int64_t offset, bool muted = false) {
    const Cause cause(offset);
    outbox.begin(cause.event, muted);
    for (const char* type : {"First", "Second"})
      outbox.append("sent", new_event("s", type + std::to_string(offset)));
  }
  void flush(Outbox& outbox) {
    const auto flushed = outbox.flush(*source_);
    ASSERT_TRUE(flushed.has_value()) << flushed.error().text();
    EXPECT_EQ(outbox.waiting(), 0u);
  }
};

TEST_F(OutboxTest, AnEffectSaysWhatItIsOf) {
  Outbox outbox("saga");
  const Cause cause(7, "o-7");
  outbox.begin(cause.event, false);
  outbox.append("sent", new_event("s", "A"));
  outbox.append("sent", {.stream = "s",
                         .type = "B",
                         .tags = {"x"},
                         .time_ms = 5,
                         .extensions = {{"causationid", "mine"}}});
  flush(outbox);
  const std::vector<RecordedEvent> sent = all("sent");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].id, "saga/orders/3/7/0");
  EXPECT_EQ(sent[1].id, "saga/orders/3/7/1");
  EXPECT_EQ(sent[0].tags, std::vector<std::string>{"effect:saga/orders/3/7/0"});
  EXPECT_EQ(sent[1].tags, (std::vector<std::string>{"x", "effect:saga/orders/3/7/1"}));
  EXPECT_EQ(sent[0].time_ms, 1007);
  EXPECT_EQ(sent[1].time_ms, 5);
  EXPECT_EQ(value_of(sent[0], "causationid"), "o-7");
  EXPECT_EQ(value_of(sent[1], "causationid"), "mine");
}

TEST_F(OutboxTest, ACauseWithoutReadableIdOrTimeIsNamedByItsPlace) {
  Outbox outbox("saga");
  Cause cause(7, "\xff\xfe");
  cause.event.time_ms = -1;
  outbox.begin(cause.event, false);
  outbox.append("sent", new_event("s", "A"));
  flush(outbox);
  ASSERT_EQ(all("sent").size(), 1u);
  EXPECT_EQ(value_of(all("sent")[0], "causationid"), "orders/3/7");
  EXPECT_EQ(all("sent")[0].time_ms, 1007);
}

TEST_F(OutboxTest, TheLongestNamesFitIntoATag) {
  Outbox outbox(std::string(100, 'p'));
  Cause cause(1'000'000'000'000);
  const std::string topic(249, 't');
  cause.event.topic = topic;
  outbox.begin(cause.event, false);
  outbox.append("sent", new_event("s", "A"));
  outbox.append("sent", new_event("s", "B"));
  flush(outbox);
  const std::vector<RecordedEvent> sent = all("sent");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].tags[0].size(), 7u + 32u);
  EXPECT_NE(sent[0].tags, sent[1].tags);
}

TEST_F(OutboxTest, MutedAppendsAreDroppedAndKeepTheirNumbers) {
  Outbox outbox("saga");
  fold(outbox, 1, true);
  EXPECT_EQ(outbox.waiting(), 0u);
  fold(outbox, 2);
  flush(outbox);
  EXPECT_EQ(types("sent"), (std::vector<std::string>{"First2", "Second2"}));
}

TEST_F(OutboxTest, DiscardTakesBackWhatTheEventAskedFor) {
  Outbox outbox("saga");
  fold(outbox, 1);
  outbox.schedule("kept", 10, "sent", new_event("s", "Kept"));
  outbox.schedule("cancelled", 20, "sent", new_event("s", "Cancelled"));
  Bytes before;
  outbox.encode(before);

  fold(outbox, 2);
  outbox.publish("sent", new_event("s", "Change"));
  outbox.schedule("kept", 30, "sent", new_event("s", "Replaced"));
  outbox.schedule("kept", 40, "sent", new_event("s", "Again"));
  outbox.schedule("new", 5, "sent", new_event("s", "New"));
  outbox.cancel("cancelled");
  outbox.cancel("new");
  outbox.schedule("new", 6, "sent", new_event("s", "Newer"));
  outbox.discard();
  Bytes after;
  outbox.encode(after);
  EXPECT_EQ(before, after);
  EXPECT_EQ(outbox.next_due_ms(), 10);
}

TEST_F(OutboxTest, WhatHasLeftDoesNotLeaveAgainMonthsLater) {
  for (const std::int64_t from : {0, 3, 9}) {
    Outbox outbox("saga");
    for (std::int64_t offset = from; offset < 10; ++offset) fold(outbox, offset);
    flush(outbox);
    forget_ids();
  }
  EXPECT_EQ(types("sent").size(), 20u);
}

TEST_F(OutboxTest, WhatWasRemovedDoesNotLeaveAgain) {
  Outbox outbox("saga");
  for (std::int64_t offset = 0; offset < 10; ++offset) fold(outbox, offset);
  flush(outbox);
  std::optional<Result<void>> limited;
  events_->set_limits({"sent", "s"}, {.truncate_before = Version(20)},
                      [&](Result<void> done) { limited = std::move(done); });
  while (!limited) store_->poll() > 0 ? 0 : env_.wait(std::chrono::milliseconds(1));
  ASSERT_TRUE(limited->has_value());
  ASSERT_EQ(all("sent").size(), 0u);
  forget_ids();
  Outbox again("saga");
  for (std::int64_t offset = 0; offset < 11; ++offset) fold(again, offset);
  flush(again);
  EXPECT_EQ(types("sent"), (std::vector<std::string>{"First10", "Second10"}));
}

TEST_F(OutboxTest, BatchesMayBeCutAnewBetweenAttempts) {
  for (const bool forget : {true, false}) {
    const std::size_t before = all("sent").size();
    const std::int64_t base = forget ? 0 : 1000;
    for (const std::int64_t offset : {2, 5, 6, 40, 77}) {
      Outbox outbox("saga");
      fold(outbox, base + offset);
      flush(outbox);
    }
    if (forget) forget_ids();
    Outbox outbox("saga");
    for (std::int64_t offset = 0; offset < 80; ++offset) fold(outbox, base + offset);
    flush(outbox);
    const std::vector<RecordedEvent> sent = all("sent");
    EXPECT_EQ(sent.size() - before, 160u);
    std::set<std::string> ids;
    for (const RecordedEvent& event : sent) ids.insert(event.id);
    EXPECT_EQ(ids.size(), sent.size());
  }
}

TEST_F(OutboxTest, ManyLeaveInFewAppendsAndInOrder) {
  open(forgetful_options(4 << 20));
  Outbox outbox("saga");
  for (std::int64_t offset = 0; offset < 1000; ++offset) fold(outbox, offset);
  flush(outbox);
  EXPECT_LE(source_->access().appends, 12);
  std::vector<std::string> wanted;
  for (std::int64_t offset = 0; offset < 1000; ++offset)
    for (const char* type : {"First", "Second"}) wanted.push_back(type + std::to_string(offset));
  EXPECT_EQ(types("sent"), wanted);
}

TEST_F(OutboxTest, AnEffectThatCannotLeaveIsNamedAndHoldsBackWhatFollows) {
  Outbox outbox("saga");
  fold(outbox, 1);
  const Cause cause(2);
  outbox.begin(cause.event, false);
  outbox.append("nowhere", new_event("s", "Lost"));
  fold(outbox, 3);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto flushed = outbox.flush(*source_);
    ASSERT_FALSE(flushed.has_value());
    EXPECT_EQ(flushed.error().code, Code::kNotFound);
    EXPECT_FALSE(may_pass(flushed.error().code));
    EXPECT_NE(flushed.error().detail.find("effect saga/orders/3/2/0 to topic nowhere"),
              std::string::npos)
        << flushed.error().detail;
    EXPECT_EQ(outbox.waiting(), 3u);
    EXPECT_EQ(types("sent"), (std::vector<std::string>{"First1", "Second1"}));
  }
  // What waits is kept with the checkpoint, and leaves once the fault is mended.
  Bytes kept;
  outbox.encode(kept);
  Outbox restored("saga");
  ByteView from = kept;
  ASSERT_TRUE(restored.decode(from).has_value());
  create("nowhere");
  flush(restored);
  EXPECT_EQ(types("sent"), (std::vector<std::string>{"First1", "Second1", "First3", "Second3"}));
  EXPECT_EQ(types("nowhere"), std::vector<std::string>{"Lost"});
}

TEST_F(OutboxTest, WaitsUntilFull) {
  Outbox outbox("saga");
  const Cause cause(1);
  outbox.begin(cause.event, false);
  for (std::size_t i = 0; i < kWaitingCountMax; ++i) outbox.append("sent", {});
  EXPECT_FALSE(outbox.full());
  outbox.append("sent", {});
  EXPECT_TRUE(outbox.full());
  outbox.discard();
  EXPECT_FALSE(outbox.full());
  NewEvent large;
  large.data.emplace(kWaitingBytesMax);
  outbox.append("sent", std::move(large));
  EXPECT_TRUE(outbox.full());
}

TEST_F(OutboxTest, ChangesAreNumberedApart) {
  Outbox outbox("saga");
  const Cause cause(1);
  outbox.begin(cause.event, false);
  outbox.publish("sent", new_event("s", "C0"));
  outbox.append("sent", new_event("s", "A0"));
  outbox.publish("sent", new_event("s", "C1"));
  flush(outbox);
  std::vector<std::string> ids;
  for (const RecordedEvent& event : all("sent")) ids.push_back(event.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"saga/orders/3/1/c0", "saga/orders/3/1/0",
                                           "saga/orders/3/1/c1"}));
}

TEST_F(OutboxTest, ATimerThatIsDueFiresOnceWhateverTheRestart) {
  Outbox outbox("saga");
  fold(outbox, 1);
  outbox.schedule("late", 500, "sent", new_event("s", "Late"));
  outbox.schedule("early", 200, "sent", new_event("s", "Early"));
  Bytes snapshot;
  outbox.encode(snapshot);
  EXPECT_EQ(outbox.fire_due(199, *source_).value(), 0u);
  EXPECT_EQ(outbox.fire_due(500, *source_).value(), 2u);
  EXPECT_EQ(outbox.timer_count(), 0u);
  const std::vector<std::string> wanted = {"First1", "Second1", "Early", "Late"};
  EXPECT_EQ(types("sent"), wanted);
  EXPECT_EQ(all("sent")[2].time_ms, 200);
  EXPECT_EQ(value_of(all("sent")[2], "timer"), "early");

  forget_ids();
  Outbox older("saga");
  ByteView from = snapshot;
  ASSERT_TRUE(older.decode(from).has_value());
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(older.fire_due(1000, *source_).value(), 2u);
  EXPECT_EQ(types("sent"), wanted);
}

TEST_F(OutboxTest, AFiredEventThatIsFoldedTakesItsTimerOff) {
  Outbox outbox("saga");
  fold(outbox, 1);
  outbox.schedule("t", 200, "sent", new_event("s", "Fired"));
  Bytes snapshot;
  outbox.encode(snapshot);
  ASSERT_TRUE(outbox.fire_due(200, *source_).has_value());

  Outbox older("saga");
  ByteView from = snapshot;
  ASSERT_TRUE(older.decode(from).has_value());
  const HeldEvent fired(all("sent").back());
  older.begin(fired.event, false);
  EXPECT_EQ(older.timer_count(), 0u);

  // Not a later one of the same name.
  Outbox replaced("saga");
  fold(replaced, 2, true);
  replaced.schedule("t", 900, "sent", new_event("s", "Fired"));
  replaced.begin(fired.event, true);
  EXPECT_EQ(replaced.timer_count(), 1u);
}

TEST_F(OutboxTest, AStormOfTimersLeavesInPortions) {
  open(forgetful_options(4 << 20));
  Outbox outbox("saga");
  const Cause cause(1);
  outbox.begin(cause.event, true);
  for (int i = 0; i < 1500; ++i)
    outbox.schedule("t" + std::to_string(i), 10, "sent", new_event("s", "Fired"));
  EXPECT_EQ(outbox.fire_due(10, *source_).value(), Outbox::kFireMax);
  EXPECT_EQ(outbox.fire_due(10, *source_).value(), 1500 - Outbox::kFireMax);
  EXPECT_EQ(outbox.fire_due(10, *source_).value(), 0u);
  EXPECT_EQ(all("sent").size(), 1500u);
}

TEST_F(OutboxTest, ASourceThatOnlyAppendsGetsAllInOrderOnceItCan) {
  PlainSource kafka;
  kafka.failing = true;
  Outbox outbox("saga");
  fold(outbox, 1);
  const auto failed = outbox.flush(kafka);
  ASSERT_FALSE(failed.has_value());
  EXPECT_TRUE(may_pass(failed.error().code));
  fold(outbox, 2);
  kafka.failing = false;
  ASSERT_TRUE(outbox.flush(kafka).has_value());
  std::vector<std::string> sent;
  for (const log::TopicEvent& event : kafka.appended) sent.push_back(event.event.type);
  EXPECT_EQ(sent, (std::vector<std::string>{"First1", "Second1", "First2", "Second2"}));
}

Bytes golden_outbox() {
  Outbox outbox("saga");
  const Cause cause(7, "o-7");
  outbox.begin(cause.event, false);
  outbox.append("sent", {.stream = "s",
                         .type = "Sent",
                         .tags = {"x"},
                         .time_ms = 5,
                         .data = Bytes(2, std::byte{0x2a}),
                         .headers = {{"h", std::nullopt}}});
  outbox.schedule("t", 500, "late", {.type = "Late"});
  Bytes bytes;
  outbox.encode(bytes);
  return bytes;
}

TEST_F(OutboxTest, ItsBytesAreThoseOfThePage) {
  const std::string path = STELE_GOLDEN_FOLDER "/outbox.hex";
  const std::string bytes = golden_text(golden_outbox());
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(path) << bytes;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(bytes, golden.str());
}

TEST_F(OutboxTest, CutOrLongerBytesAreRefusedAndChangeNothing) {
  const Bytes whole = golden_outbox();
  Outbox outbox("saga");
  ByteView from = whole;
  ASSERT_TRUE(outbox.decode(from).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    ByteView view = cut;
    const auto refused = outbox.decode(view);
    ASSERT_FALSE(refused.has_value()) << size;
    EXPECT_EQ(refused.error().code, Code::kCorrupt) << size;
    if (size < 4) continue;
    store_le(cut.data(), static_cast<std::uint32_t>(size - 4));  // the length agrees
    ASSERT_FALSE(outbox.decode(view).has_value()) << size;
  }
  Bytes longer = whole;
  longer.push_back({});
  store_le(longer.data(), static_cast<std::uint32_t>(longer.size() - 4));
  ByteView view = longer;
  EXPECT_FALSE(outbox.decode(view).has_value());
  Bytes newer = whole;
  newer[4] = std::byte{2};
  view = newer;
  EXPECT_EQ(outbox.decode(view).error().code, Code::kUnsupported);
  Bytes again;
  outbox.encode(again);
  EXPECT_EQ(again, whole);
}

}  // namespace
}  // namespace stele::projections
