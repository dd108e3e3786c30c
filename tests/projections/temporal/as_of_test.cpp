#include "projections/temporal/as_of.h"

#include "log/event_store/owned_events.h"
#include "tests/projections/temporal/past_fixture.h"

namespace stele::projections {
namespace {

class AsOf : public PastFixture {
protected:
  std::shared_ptr<ModelSnapshot> snapshot(const DefinitionPtr& definition, std::int64_t below) {
    return std::make_shared<ModelSnapshot>(*definition, list_, at(below).raw());
  }
  static Tally sum_of(std::initializer_list<std::int64_t> values) {
    Tally tally;
    for (const std::int64_t value : values) tally.add(value);
    return tally;
  }

  DefinitionPtr streams_ = tallies("streams", {"a"});
};

TEST_F(AsOf, AVersionIsTheEventsUpToAndWithIt) {
  for (const std::int64_t value : {1, 2, 3}) append("s", value);
  append("other", 9);
  EXPECT_EQ(tally(state(past(streams_), "s", {AtVersion{Version(0)}})), sum_of({1}));
  EXPECT_EQ(tally(state(past(streams_), "s", {AtVersion{Version(2)}})), sum_of({1, 2, 3}));
}

TEST_F(AsOf, EventTimeTakesLateEventsInAndLeavesLaterOnesOut) {
  append("s", 1, 100);
  append("s", 2, 300);
  append("s", 3, 200);
  EXPECT_EQ(tally(state(past(streams_), "s", {AtEventTime{200}})), sum_of({1, 3}));
  const PastState before = state(past(streams_), "s", {AtEventTime{200}});
  append("s", 4, 150);
  EXPECT_EQ(tally(state(past(streams_), "s", {AtEventTime{200}})), sum_of({1, 3, 4}));
  EXPECT_EQ(tally(state(past(streams_), "s", {AtEventTime{200}, before.token})), sum_of({1, 3}));
}

TEST_F(AsOf, APlaceThatIsNotKnownYetIsRefused) {
  append("s", 1);
  const std::string token = state(past(streams_), "s", {AtVersion{Version(0)}}).token;
  append("s", 2);
  const Past asked = past(streams_);
  EXPECT_EQ(refused(asked, "s", {AtVersion{Version(2)}}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtVersion{Version(1)}, token}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtVersion{Version(-1)}}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "nobody", {AtVersion{Version(0)}}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtPosition{at(2)}}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtPosition{at(1)}, token}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtPosition{Position(-1)}}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtToken{events_->token(at(2))}, token}).code, Code::kOutOfRange);
  EXPECT_EQ(refused(asked, "s", {AtToken{"no token"}}).code, Code::kInvalid);
}

TEST_F(AsOf, OnlyAStateOfOneStreamHasVersions) {
  append("s", 1);
  const Moment moment{AtVersion{Version(0)}};
  EXPECT_EQ(refused(past(tallies("both", {"a", "b"})), "s", moment).code, Code::kInvalid);
  EXPECT_EQ(refused(past(tallies("colors", {"a"}, {.by_color = true})), "red", moment).code,
            Code::kInvalid);
  const auto table = states_at(past(streams_), moment);
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, Code::kInvalid);
}

TEST_F(AsOf, TheNearestSnapshotThatHoldsNothingLaterIsFoldedOn) {
  for (std::int64_t i = 0; i < 10; ++i) append("s", i, 100 + i);
  Past asked = past(streams_);
  const auto early = snapshot(streams_, 3);
  const auto near = snapshot(streams_, 6);
  const auto beyond = snapshot(streams_, 9);
  asked.snapshots = {beyond, early, near};
  const PastState answer = state(asked, "s", {AtPosition{at(7)}});
  EXPECT_EQ(tally(answer), sum_of({0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(answer.events_folded, 2U);
  EXPECT_EQ(near->finds, 1);
  EXPECT_EQ(early->finds + beyond->finds, 0);
  // By event time a snapshot with a later event is of no use, wherever it was taken.
  EXPECT_EQ(state(asked, "s", {AtEventTime{104}}).events_folded, 2U);
  EXPECT_EQ(early->finds, 1);
}

TEST_F(AsOf, OnlyTheKeysOwnEventsAreFoldedWhateverTheRoute) {
  for (std::int64_t i = 0; i < 20; ++i) append("s" + std::to_string(i % 4), i);
  EXPECT_EQ(state(past(streams_), "s1", {AtPosition{at(19)}}).events_folded, 5U);
  auto joined = tallies("joined", {"a"});
  joined->lookups = {tallies("rates", {"b"})};
  EXPECT_EQ(state(past(joined), "s1", {AtPosition{at(19)}}).events_folded, 5U);
}

TEST_F(AsOf, APoisonEventStopsTheAnswerAndIsNamed) {
  auto strict = tallies("strict", {"a"});
  strict->poison = PoisonPolicy::kStop;
  append("s", 1);
  append("s", 2);
  append("s", 3);
  append("s", 4, 1, "Picky");
  const Error error = refused(past(strict), "s", {AtPosition{at(3)}});
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_NE(error.detail.find("strict stops at a/"), std::string::npos) << error.detail;
  EXPECT_NE(error.detail.find("picky"), std::string::npos) << error.detail;
  EXPECT_EQ(tally(state(past(strict), "s", {AtPosition{at(2)}})), sum_of({1, 2, 3}));
  EXPECT_EQ(tally(state(past(streams_), "s", {AtPosition{at(3)}})), sum_of({1, 2, 3}));
}

TEST_F(AsOf, WhatTheLiveFoldPassedOverIsPassedOver) {
  for (const std::int64_t value : {1, 2, 3}) append("s", value);
  Past asked = past(streams_);
  asked.passed_over = [this](const InputId&, std::int64_t place) { return place == at(1).raw(); };
  EXPECT_EQ(tally(state(asked, "s", {AtPosition{at(2)}})), sum_of({1, 3}));
  const auto table = states_at(asked, {AtPosition{at(2)}});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(map_of(**table), (TallyMap{{"s", sum_of({1, 3})}}));
}

TEST_F(AsOf, APoisonEventLeavesNoTraceInTheLookups) {
  auto joined = tallies("joined", {"a"}, {.with_rate = true});
  joined->lookups = {tallies("rates", {"a", "b"})};
  append("s", 7, 1, "Added", "b");
  append("s", 100, 1, "Picky");  // fails: the projection's count is 0; that of rates is 1
  append("s", 1);
  // What it looks up is 7 and its own event, 1.
  EXPECT_EQ(tally(state(past(joined), "s", {AtPosition{at(2)}})), sum_of({1 + 7 * 31 + 1}));
}

TEST_F(AsOf, AParkedEventIsFoldedWhereItCameBack) {
  auto parking = tallies("parking", {"a"});
  parking->poison = PoisonPolicy::kPark;
  parking->park_topic = "b";
  append("s", 5, 1, "Picky");
  append("s", 1);
  append("s", 0, 1, "Redriven", "b");
  append("s", 2);
  Past asked = past(parking);
  std::string origin;
  asked.parked.recorded = [&](const Mark&) -> Result<ParkedEvents::Origins> {
    return ParkedEvents::Origins{origin};
  };
  asked.parked.redriven = [&](const InputEvent& event, const ParkedEvents::FoldOriginal& fold) {
    InputEvent original = event;
    original.topic = "a";
    original.type = "Added";
    original.data = as_bytes("red 5");
    return fold(origin, original);
  };
  log::OwnedEvents owned;
  ASSERT_TRUE(events_->read_into({.select = log::StreamSelection{"a", "s"}}, owned));
  origin = owned.release().front().id;  // it has none of its own: topic/partition/offset
  EXPECT_EQ(tally(state(asked, "s", {AtPosition{at(1)}})), sum_of({1}));
  EXPECT_EQ(tally(state(asked, "s", {AtPosition{at(3)}})), sum_of({1, 5, 2}));
  // A snapshot knows what is parked still.
  asked.snapshots = {snapshot(parking, 2)};
  EXPECT_EQ(tally(state(asked, "s", {AtPosition{at(3)}})), sum_of({1, 5, 2}));
  const auto table = states_at(asked, {AtPosition{at(3)}});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(map_of(**table), (TallyMap{{"s", sum_of({1, 5, 2})}}));
  // What is not recorded as parked was folded in its own place.
  asked.snapshots.clear();
  origin = "a/0/999";
  EXPECT_EQ(tally(state(asked, "s", {AtPosition{at(3)}})), sum_of({1, 2}));
}

TEST_F(AsOf, WhatAStreamLetGoOfIsNotInAnAnswerButInASnapshot) {
  for (const std::int64_t value : {1, 2, 3}) append("s", value);
  const auto kept = snapshot(streams_, 2);
  bool done = false;
  events_->set_limits({"a", "s"}, {.truncate_before = Version(2)},
                      [&](Result<void> set) { done = set.has_value(); });
  store_->run_until([&] { return done; });
  Past asked = past(streams_);
  EXPECT_EQ(tally(state(asked, "s", {AtVersion{Version(2)}})), sum_of({3}));
  EXPECT_EQ(tally(state(asked, "s", {AtVersion{Version(0)}})), std::nullopt);
  asked.snapshots = {kept};
  EXPECT_EQ(tally(state(asked, "s", {AtVersion{Version(2)}})), sum_of({1, 2, 3}));
}

TEST_F(AsOf, ATableHasALimitOfMemoryAndTellsHowFarItIs) {
  for (std::int64_t i = 0; i < 50; ++i) append("s" + std::to_string(i), i);
  std::vector<std::uint64_t> told;
  const auto watch = [&](std::uint64_t folded, std::uint64_t of) {
    EXPECT_EQ(of, 50U + static_cast<std::uint64_t>(first_.raw()));
    told.push_back(folded);
    return true;
  };
  const Moment now{AtPosition{at(49)}};
  const auto table = states_at(past(streams_), now, {.progress = watch});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ((*table)->key_count(), 50U);
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back(), 50U + static_cast<std::uint64_t>(first_.raw()));

  const auto large = states_at(past(streams_), now, {.memory_bytes_max = 1000});
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, Code::kTooLarge);
  const auto given_up = states_at(past(streams_), now,
                                  {.progress = [](std::uint64_t, std::uint64_t) { return false; }});
  ASSERT_FALSE(given_up.has_value());
  EXPECT_EQ(given_up.error().code, Code::kCancelled);
}

TEST_F(AsOf, DiffNamesWhatWasAddedRemovedAndChanged) {
  append("same", 1);
  append("changed", 1);
  append("removed", 1);
  const auto before = states_at(past(streams_), {AtPosition{at(2)}});
  append("changed", 2);
  append("removed", 1, 1, "Dropped");
  append("added", 7);
  const auto after = states_at(past(streams_), {AtPosition{at(5)}});
  ASSERT_TRUE(before.has_value() && after.has_value());

  std::map<std::string, std::pair<std::optional<Tally>, std::optional<Tally>>> found;
  const auto copy = [](const void* state) {
    return state == nullptr ? std::nullopt : std::optional(*static_cast<const Tally*>(state));
  };
  diff(**before, **after, [&](const PastChange& change) {
    found[std::string(as_text(change.key))] = {copy(change.before), copy(change.after)};
  });
  EXPECT_EQ(found.size(), 3U);
  EXPECT_EQ(found["changed"], std::pair(std::optional(sum_of({1})), std::optional(sum_of({1, 2}))));
  EXPECT_EQ(found["removed"], std::pair(std::optional(sum_of({1})), std::optional<Tally>()));
  EXPECT_EQ(found["added"], std::pair(std::optional<Tally>(), std::optional(sum_of({7}))));
  EXPECT_EQ((*after)->get(as_bytes("removed")), nullptr);
  EXPECT_NE((*after)->get(as_bytes("same")), nullptr);
}

}  // namespace
}  // namespace stele::projections
