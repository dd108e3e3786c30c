// Appends: expectations, conditions, retries, refusals, places.
#include <algorithm>

#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

using AppendTest = EventStoreFixture;
using Expected = ExpectedVersion;

TEST_F(AppendTest, ExpectedVersionsHoldOrRefuse) {
  create("orders", 4);
  append({.events = {event("orders", "two"), event("orders", "two")}});
  struct Case {
    const char* name;
    const char* stream;
    Expected expected;
    bool holds;
  };
  const Case cases[] = {
      {"any on a new stream", "a", Expected::any(), true},
      {"no_stream on a new stream", "b", Expected::no_stream(), true},
      {"exists on a new stream", "c", Expected::exists(), false},
      {"exact on a new stream", "d", Expected::exact(Version(0)), false},
      {"no_stream on a stream", "two", Expected::no_stream(), false},
      {"exact, too low", "two", Expected::exact(Version(0)), false},
      {"exact, too high", "two", Expected::exact(Version(2)), false},
      {"exact", "two", Expected::exact(Version(1)), true},
      {"exists", "two", Expected::exists(), true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto appended = events_->append({.events = {event("orders", c.stream)},
                                           .expectations = {{{"orders", c.stream}, c.expected}}});
    EXPECT_EQ(appended.has_value(), c.holds);
    if (!appended) EXPECT_EQ(appended.error().error.code, Code::kWrongVersion);
  }
}

TEST_F(AppendTest, AnAppendOverManyStreamsIsAllOrNothingAndNamesEveryFailedCheck) {
  create("orders", 4);
  create("stock", 2);
  append({.events = {event("orders", "o"), event("stock", "s")}});
  const Position before = store_->end();
  const AppendRefusal refusal =
      refused({.events = {event("orders", "o"), event("stock", "s"), event("stock", "new")},
               .expectations = {{{"orders", "o"}, Expected::no_stream()},
                                {{"stock", "s"}, Expected::exact(Version(0))},
                                {{"stock", "unwritten"}, Expected::exists()}},
               .conditions = {{.fail_if_events_match = {{{.types = {"T"}}}}}}});
  EXPECT_EQ(refusal.error.code, Code::kWrongVersion);
  ASSERT_EQ(refusal.expectations.size(), 2u);
  EXPECT_EQ(refusal.expectations[0].index, 0u);
  EXPECT_EQ(refusal.expectations[0].actual, Version(0));
  EXPECT_EQ(refusal.expectations[1].index, 2u);
  EXPECT_EQ(refusal.expectations[1].actual, std::nullopt);
  ASSERT_EQ(refusal.conditions.size(), 1u);
  EXPECT_EQ(store_->end(), before);
}

TEST_F(AppendTest, ASuccessBringsVersionsOffsetsAndPositionsInRequestOrder) {
  create("orders", 4);
  append({.events = {event("orders", "a")}});
  const Position base = store_->end();
  const AppendedEvents appended =
      append({.events = {event("orders", "a"), event("orders", "b"), event("orders", "a"),
                         event("orders", std::nullopt, "T", {}, "mine")}});
  ASSERT_EQ(appended.events.size(), 4u);
  const std::optional<Version> wanted[] = {Version(1), Version(0), Version(2), std::nullopt};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(appended.events[i].position, base.next(static_cast<std::int64_t>(i)));
    EXPECT_EQ(appended.events[i].version, wanted[i]);
  }
  EXPECT_EQ(appended.events[3].id, "mine");
  const ReadPage page = read({.select = AllSelection{}, .from = {.position = base}});
  ASSERT_EQ(page.events.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(page.events[i].id, appended.events[i].id);
    EXPECT_EQ(page.events[i].offset, appended.events[i].offset);
    EXPECT_EQ(page.events[i].partition, appended.events[i].partition);
  }
  EXPECT_EQ(*events_->parse_token(appended.token), store_->end());
}

TEST_F(AppendTest, AStreamStaysInThePartitionOfItsNewestEvent) {
  create("orders", 8);
  const auto placed = store_->append("orders", Event{.key = "a", .type = "T", .partition = 5});
  ASSERT_TRUE(placed.has_value());
  const AppendedEvents appended = append({.events = {event("orders", "a")}});
  EXPECT_EQ(appended.events[0].partition.partition, 5);
  EXPECT_EQ(appended.events[0].version, Version(1));
}

TEST_F(AppendTest, ConditionsFailAtTheFirstMatchBehindAfter) {
  create("courses", 2);
  append({.events = {event("courses", "x", "Defined", {"course:1"})}});
  const AppendedEvents second =
      append({.events = {event("courses", "x", "Joined", {"course:1", "student:1"})}});
  const Position last = second.events[0].position;
  struct Case {
    const char* name;
    QueryItem item;
    std::optional<Position> after;
    std::optional<Position> conflict;
  };
  const Case cases[] = {
      {"a tag, from the beginning", {.tags = {"course:1"}}, {}, Position(last.raw() - 1)},
      {"both tags", {.tags = {"course:1", "student:1"}}, {}, last},
      {"a tag, behind the first", {.tags = {"course:1"}}, Position(last.raw() - 1), last},
      {"a tag, behind all", {.tags = {"course:1"}}, last, {}},
      {"a type", {.types = {"Joined", "Left"}}, {}, last},
      {"type and tag that never met", {.types = {"Defined"}, .tags = {"student:1"}}, {}, {}},
      {"another topic", {.tags = {"course:1"}, .topics = {"nowhere"}}, {}, {}},
      {"everything", {}, Position(last.raw() - 1), last},
      {"everything, behind what is not there yet", {}, Position(last.raw() + 1000), {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto appended =
        events_->append({.events = {event("courses", "y", "Other")},
                         .conditions = {{.fail_if_events_match = {{c.item}}, .after = c.after}}});
    ASSERT_EQ(appended.has_value(), !c.conflict.has_value());
    if (appended) continue;
    EXPECT_EQ(appended.error().error.code, Code::kConditionFailed);
    ASSERT_EQ(appended.error().conditions.size(), 1u);
    EXPECT_EQ(appended.error().conditions[0].conflict, *c.conflict);
  }
}

TEST_F(AppendTest, ConditionsSeeWhatIsInTheSameCommitGroup) {
  create("t");
  int good = 0;
  int refused_count = 0;
  for (int i = 0; i < 5; ++i) {
    events_->submit({.events = {event("t", "s", "T", {"seat:1"})},
                     .conditions = {{.fail_if_events_match = {{{.tags = {"seat:1"}}}}}}},
                    [&](EventAppendResult result) { ++(result ? good : refused_count); });
  }
  store_->run_until([&] { return good + refused_count == 5; });
  EXPECT_EQ(good, 1);
  EXPECT_EQ(refused_count, 4);
}

TEST_F(AppendTest, ARefusalBringsTheConflictingEventsOnRequest) {
  create("t");
  for (int i = 0; i < 3; ++i) append({.events = {event("t", "s", "T", {"tag"})}});
  const AppendRefusal refusal =
      refused({.events = {event("t", "s")},
               .expectations = {{{"t", "s"}, Expected::exact(Version(0))}},
               .return_conflicts = true});
  EXPECT_EQ(versions(refusal.conflicts), (std::vector<std::int64_t>{1, 2}));
  const AppendRefusal conditional =
      refused({.events = {event("t", "s")},
               .conditions = {{.fail_if_events_match = {{{.tags = {"tag"}}}}}},
               .return_conflicts = true});
  EXPECT_EQ(conditional.conflicts.size(), 3u);
}

TEST_F(AppendTest, ARetryWithTheSameIdsGetsTheFirstAnswerAlsoAfterARestart) {
  create("t", 4);
  const EventAppend asked{.events = {event("t", "a", "A", {}, "1"), event("t", "b", "B"),
                                     event("t", "a", "A", {}, "2")}};
  const AppendedEvents first = append(asked);
  for (int round = 0; round < 2; ++round) {
    const AppendedEvents again = append(asked);
    EXPECT_TRUE(again.duplicate);
    ASSERT_EQ(again.events.size(), first.events.size());
    for (std::size_t i = 0; i < first.events.size(); ++i) {
      EXPECT_EQ(again.events[i].position, first.events[i].position);
      EXPECT_EQ(again.events[i].version, first.events[i].version);
      EXPECT_EQ(again.events[i].offset, first.events[i].offset);
      EXPECT_EQ(again.events[i].partition, first.events[i].partition);
      EXPECT_EQ(again.events[i].id, first.events[i].id);
    }
    EXPECT_EQ(again.recorded_us, first.recorded_us);
    EXPECT_EQ(again.token, first.token);
    reopen();
  }
  EXPECT_EQ(read({.select = TopicSelection{"t"}}).events.size(), 3u);
}

TEST_F(AppendTest, IdsOfSomethingElseAreRefused) {
  create("t");
  append({.events = {event("t", "a", "A", {}, "1")}});
  append({.events = {event("t", "a", "A", {}, "2")}});
  struct Case {
    const char* name;
    EventAppend asked;
  };
  const Case cases[] = {
      {"one taken, one not", {{event("t", "a", "A", {}, "2"), event("t", "a", "A", {}, "3")}}},
      {"in another order", {{event("t", "a", "A", {}, "2"), event("t", "a", "A", {}, "1")}}},
      {"of another stream", {{event("t", "b", "A", {}, "1")}}},
      {"of another type", {{event("t", "a", "B", {}, "1")}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(refused(c.asked).error.code, Code::kAlreadyExists);
  }
}

TEST_F(AppendTest, MalformedAppendsAreRefusedBeforeAnythingIsWritten) {
  create("t");
  create("plain", 1, {{"stele.index", "false"}});
  const Position end = store_->end();
  struct Case {
    const char* name;
    EventAppend asked;
    Code code;
  };
  const Case cases[] = {
      {"no events", {}, Code::kInvalid},
      {"no such topic", {{event("nowhere", "a")}}, Code::kNotFound},
      {"the catalogue", {{event("__stele_catalogue", "a")}}, Code::kInvalid},
      {"an id twice",
       {{event("t", "a", "T", {}, "1"), event("t", "b", "T", {}, "1")}},
       Code::kInvalid},
      {"an empty tag", {{event("t", "a", "T", {""})}}, Code::kInvalid},
      {"two expectations of a stream",
       {.events = {event("t", "a")},
        .expectations = {{{"t", "a"}, Expected::any()}, {{"t", "a"}, Expected::exists()}}},
       Code::kInvalid},
      {"an expectation where there is no index",
       {.events = {event("plain", "a")}, .expectations = {{{"plain", "a"}, Expected::exists()}}},
       Code::kUnsupported},
      {"after a position below 0",
       {.events = {event("t", "a")},
        .conditions = {{.fail_if_events_match = {}, .after = Position(-1)}}},
       Code::kInvalid},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(refused(c.asked).error.code, c.code);
  }
  EXPECT_EQ(store_->end(), end);
}

TEST_F(AppendTest, ALargeAppendIsCutIntoBatchesAndKeepsItsOrder) {
  create("t");
  EventAppend asked;
  for (int i = 0; i < 600; ++i) {
    asked.events.push_back(event("t", i % 2 == 0 ? "even" : "odd"));
    asked.events.back().event.data = Bytes(200, std::byte{1});
  }
  const AppendedEvents appended = append(asked);
  EXPECT_GT(store_->stats().committed_batches, 3);
  const ReadPage page = read({.select = StreamSelection{"t", "odd"}});
  ASSERT_EQ(page.events.size(), 300u);
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(page.events[i].version, Version(static_cast<std::int64_t>(i)));
    EXPECT_EQ(page.events[i].position, appended.events[2 * i + 1].position);
    EXPECT_EQ(appended.events[2 * i + 1].version, page.events[i].version);
  }
}

}  // namespace
}  // namespace stele::log
