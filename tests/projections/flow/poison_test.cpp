#include "tests/projections/flow/flow_fixture.h"

namespace stele::projections {
namespace {

class PoisonTest : public FlowFixture {
protected:
  PoisonTest() {
    create("bank");
    create("parked");
  }
  std::shared_ptr<Definition> definition(PoisonPolicy policy) {
    auto made = tallies("sums", {"bank"}, rules_);
    made->poison = policy;
    if (policy == PoisonPolicy::kPark) made->park_topic = "parked";
    return made;
  }

  RulesPtr rules_ = std::make_shared<FoldRules>();
};

// --- stop ---

template <class State>
class StopTest : public PoisonTest {};
using States = testing::Types<Tally, Trail>;
TYPED_TEST_SUITE(StopTest, States);

TYPED_TEST(StopTest, StopsBeforeTheEventAndGoesOnWhenItIsMended) {
  this->add("bank", "a", "Added", "5");
  this->add("bank", "b", "Added", "6");
  const std::int64_t place = this->add("bank", "a", "Poison", "7");
  this->add("bank", "b", "Added", "8");
  const auto definition = tallies<TypeParam>("sums", {"bank"}, this->rules_);
  std::map<std::string, Bytes> before;
  {
    const auto task = this->open(definition);
    const auto folded = fold_all(*task);
    ASSERT_FALSE(folded.has_value());
    EXPECT_EQ(folded.error().code, Code::kInvalid);
    EXPECT_NE(folded.error().detail.find("bank/0/2"), std::string::npos) << folded.error().detail;
    EXPECT_NE(folded.error().detail.find("does not agree"), std::string::npos);
    EXPECT_EQ(task->status().state, FlowState::kStopped);
    EXPECT_EQ(task->status().stopped_because, folded.error().detail);
    EXPECT_EQ(task->checkpoint(), Checkpoint::of_store(place));
    before = dumped(*task, *definition);
    EXPECT_EQ(before.size(), 2U);
    EXPECT_EQ(task->step(std::chrono::nanoseconds::zero()).error().detail, folded.error().detail);
    // One count and one value each: nothing of the event, nothing behind it.
    EXPECT_EQ(tally(*task, "a").mix, 5);
    EXPECT_EQ(tally(*task, "b").mix, 6);
  }
  {
    const auto task = this->open(definition);
    EXPECT_EQ(task->status().restored_events, 2U) << "the stop is committed";
    EXPECT_FALSE(fold_all(*task).has_value());
    EXPECT_EQ(task->status().events_folded, 0U);
    EXPECT_EQ(dumped(*task, *definition), before);
  }
  this->rules_->fails = false;
  const auto task = this->open(definition);
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 7);
  EXPECT_EQ(tally(*task, "b").mix, 6 * 31 + 8);
}

TYPED_TEST(StopTest, StatesBeforeItComeFromTheNewestSnapshot) {
  this->add("bank", "a", "Added", "5");
  const auto definition = tallies<TypeParam>("sums", {"bank"}, this->rules_);
  const auto task = this->open(definition);
  ASSERT_TRUE(fold_all(*task));
  ASSERT_TRUE(task->commit());
  this->add("bank", "a", "Added", "6");
  this->add("bank", "a", "Poison", "7");
  ASSERT_FALSE(fold_all(*task).has_value());
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 6);
}

TEST_F(PoisonTest, AStopTakesLookupsBackToo) {
  const auto lookup_rules = std::make_shared<FoldRules>();
  lookup_rules->fails = false;
  auto made = definition(PoisonPolicy::kStop);
  made->lookups = {tallies("rates", {"bank"}, lookup_rules)};
  add("bank", "a", "Added", "5");
  add("bank", "a", "Poison", "7");
  const auto task = open(made);
  ASSERT_FALSE(fold_all(*task).has_value());
  const auto rates = dumped(*task, *made->lookups.front(), 1);
  Bytes once;
  const Tally expected{.count = 1, .mix = 5};
  made->state.encode(&expected, once);
  EXPECT_EQ(rates, (std::map<std::string, Bytes>{{"a", once}}));
}

TEST_F(PoisonTest, EffectsOfEventsBeforeAStopLeave) {
  create("out");
  rules_->effect_topic = "out";
  add("bank", "a", "Added");
  add("bank", "a", "Poison");
  const auto task = open(definition(PoisonPolicy::kStop));
  ASSERT_FALSE(fold_all(*task).has_value());
  EXPECT_EQ(all("out").size(), 1U);
}

// --- skip ---

template <class State>
class SkipTest : public PoisonTest {};
TYPED_TEST_SUITE(SkipTest, States);

TYPED_TEST(SkipTest, PassesTheEventOverAndRecordsIt) {
  this->add("bank", "a", "Added", "5");
  const std::int64_t place = this->add("bank", "a", "Poison", "7");
  this->add("bank", "c", "Poison", "7");
  this->add("bank", "a", "Added", "6");
  const auto definition = tallies<TypeParam>("sums", {"bank"}, this->rules_);
  definition->poison = PoisonPolicy::kSkip;
  std::vector<PoisonRecord> records;
  {
    const auto task = this->open(definition);
    ASSERT_TRUE(fold_all(*task));
    EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 6);
    EXPECT_EQ(dumped(*task, *definition).size(), 1U);
    records = task->poisons();
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].place, place);
    EXPECT_EQ(records[0].reason, "it does not agree with me");
    EXPECT_NE(records[0].event.find("bank/0/1"), std::string::npos);
    EXPECT_FALSE(records[0].parked);
    EXPECT_EQ(task->status().poison_count, 2U);
    ASSERT_TRUE(task->commit());
  }
  EXPECT_EQ(this->open(definition)->poisons(), records);
}

TEST_F(PoisonTest, ASkippedEventLeavesNoTraceInLookups) {
  const auto lookup_rules = std::make_shared<FoldRules>();
  lookup_rules->fails = false;
  auto made = definition(PoisonPolicy::kSkip);
  made->lookups = {tallies("rates", {"bank"}, lookup_rules)};
  add("bank", "a", "Added", "5");
  add("bank", "a", "Poison", "7");
  add("bank", "b", "Poison", "7");
  const auto task = open(made);
  ASSERT_TRUE(fold_all(*task));
  Bytes once;
  const Tally expected{.count = 1, .mix = 5};
  made->state.encode(&expected, once);
  EXPECT_EQ(dumped(*task, *made->lookups.front(), 1), (std::map<std::string, Bytes>{{"a", once}}));
}

TEST_F(PoisonTest, ASkippedEventHasNoEffects) {
  create("out");
  rules_->effect_topic = "out";
  rules_->effect_first = true;
  add("bank", "a", "Poison");
  const auto task = open(definition(PoisonPolicy::kSkip));
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(task->poisons().size(), 1U);
  EXPECT_TRUE(all("out").empty());
}

TEST_F(PoisonTest, StopsWhenNoMoreCanBeRecorded) {
  add("bank", "a", "Poison");
  add("bank", "a", "Poison");
  const std::int64_t third = add("bank", "a", "Poison");
  const auto task = open(definition(PoisonPolicy::kSkip), {.folder = "/flow", .poison_max = 2});
  ASSERT_FALSE(fold_all(*task).has_value());
  EXPECT_EQ(task->poisons().size(), 2U);
  EXPECT_EQ(task->checkpoint(), Checkpoint::of_store(third));
}

// --- park ---

TEST_F(PoisonTest, AParkedEventsCopyHasAllOfIt) {
  ASSERT_TRUE(store_->append("bank", {.key = "a",
                                      .type = "Poison",
                                      .value = "7",
                                      .headers = {{"ce_id", "id-1"}, {"trace", "x"}},
                                      .timestamp_ms = 1234}));
  const auto task = open(definition(PoisonPolicy::kPark));
  ASSERT_TRUE(fold_all(*task));
  ASSERT_EQ(task->poisons().size(), 1U);
  EXPECT_TRUE(task->poisons().front().parked);
  const auto parked = all("parked");
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].stream, "a");
  EXPECT_EQ(parked[0].type, "Poison");
  EXPECT_EQ(parked[0].time_ms, 1234);
  EXPECT_EQ(as_text(*parked[0].data), "7");
  std::map<std::string, std::string> headers;
  for (const log::Attribute& header : parked[0].headers)
    headers[header.name] = header.value.value_or("");
  EXPECT_EQ(headers["stele_parked"], "bank/0/0");
  EXPECT_EQ(headers["stele_projection"], "sums");
  EXPECT_EQ(headers["stele_version"], "1");
  EXPECT_EQ(headers["stele_reason"], "it does not agree with me");
}

TEST_F(PoisonTest, IsParkedOnceHoweverOftenItIsFolded) {
  add("bank", "a", "Poison");
  for (int life = 0; life < 3; ++life) {
    const auto task = open(definition(PoisonPolicy::kPark));  // never committed
    ASSERT_TRUE(fold_all(*task));
    EXPECT_EQ(task->poisons().size(), 1U);
  }
  EXPECT_EQ(all("parked").size(), 1U);
}

TEST_F(PoisonTest, ARedrivenEventIsFoldedOnceAsTheOriginal) {
  add("bank", "a", "Added", "5");
  add("bank", "a", "Poison", "7");
  const auto made = definition(PoisonPolicy::kPark);
  const auto task = open(made);
  ASSERT_TRUE(fold_all(*task));

  // Handlers that still can't: it stays, and is not parked again.
  ASSERT_EQ(task->redrive().value(), 1U);
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(task->poisons().size(), 1U);
  EXPECT_EQ(tally(*task, "a").mix, 5);

  rules_->fails = false;
  std::vector<std::string> seen;
  rules_->seen = [&](const InputEvent& event) {
    seen.push_back(event_place(event) + " " + std::string(as_text(*event.data)));
    ASSERT_EQ(event.headers.size(), 1U) << "the original's, not the copy's";
    EXPECT_EQ(event.headers.front().key, "ce_type");
  };
  ASSERT_EQ(task->redrive().value(), 1U);
  ASSERT_EQ(task->redrive().value(), 1U);  // twice appended
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 7);
  EXPECT_TRUE(task->poisons().empty());
  ASSERT_EQ(seen.size(), 1U) << "folded once";
  EXPECT_NE(seen[0].find("bank/0/1"), std::string::npos) << seen[0];
  EXPECT_EQ(task->redrive().value(), 0U);
}

TEST_F(PoisonTest, AReplayNeverAppliesARedrivenEventTwice) {
  add("bank", "a", "Added", "5");
  add("bank", "a", "Poison", "7");
  add("bank", "a", "Added", "6");
  const auto made = definition(PoisonPolicy::kPark);
  {
    const auto task = open(made);
    ASSERT_TRUE(fold_all(*task));
    rules_->fails = false;
    ASSERT_EQ(task->redrive().value(), 1U);
    ASSERT_TRUE(fold_all(*task));
    EXPECT_EQ(tally(*task, "a").count, 3);
    EXPECT_EQ(tally(*task, "a").mix, (5 * 31 + 6) * 31 + 7);
  }
  {
    // With handlers that can, the original is folded at its own place, the copy is passed over.
    const auto task = open(made, {.folder = "/anew"});
    ASSERT_TRUE(fold_all(*task));
    EXPECT_EQ(tally(*task, "a").count, 3);
    EXPECT_EQ(tally(*task, "a").mix, (5 * 31 + 7) * 31 + 6);
    EXPECT_TRUE(task->poisons().empty());
  }
  // With those that couldn't, neither is.
  rules_->fails = true;
  const auto task = open(made, {.folder = "/again"});
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 6);
  EXPECT_EQ(task->poisons().size(), 1U);
  EXPECT_EQ(all("parked").size(), 2U) << "one copy, one redriven";
}

TEST_F(PoisonTest, AnotherProjectionsRedriveIsNotTaken) {
  add("bank", "a", "Poison", "7");
  const auto mine = open(definition(PoisonPolicy::kPark));
  auto other = definition(PoisonPolicy::kPark);
  other->name = "others";
  const auto theirs = open(other, {.folder = "/others"});
  ASSERT_TRUE(fold_all(*mine));
  ASSERT_TRUE(fold_all(*theirs));
  rules_->fails = false;
  ASSERT_EQ(theirs->redrive().value(), 1U);
  ASSERT_TRUE(fold_all(*mine));
  ASSERT_TRUE(fold_all(*theirs));
  EXPECT_EQ(mine->poisons().size(), 1U);
  EXPECT_EQ(tally(*mine, "a").count, 0);
  EXPECT_TRUE(theirs->poisons().empty());
  EXPECT_EQ(tally(*theirs, "a").count, 1);
}

TEST_F(PoisonTest, RedriveIsRefusedWhereNothingIsParked) {
  const auto task = open(definition(PoisonPolicy::kSkip));
  EXPECT_EQ(task->redrive().error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace stele::projections
