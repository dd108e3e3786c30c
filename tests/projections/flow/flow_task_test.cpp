#include "tests/projections/flow/flow_fixture.h"

namespace stele::projections {
namespace {

class FlowTaskTest : public FlowFixture {
protected:
  FlowTaskTest() {
    create("bank");
    create("other");
  }
};

TEST_F(FlowTaskTest, FoldsEachKeysEventsInOrder) {
  add("bank", "a", "Added", "5");
  add("other", "a", "Added", "100");
  add("bank", "b", "Added", "7");
  add("bank", "a", "Ignored", "9");
  const std::int64_t last = add("bank", "a", "Added", "6");
  const auto task = open(tallies("sums", {"bank"}));
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").count, 2);
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 6);
  EXPECT_EQ(tally(*task, "b").mix, 7);
  EXPECT_EQ(tally(*task, "c").count, 0);
  EXPECT_EQ(task->checkpoint(), Checkpoint::of_store(last + 1));
  const FlowStatus status = task->status();
  EXPECT_EQ(status.state, FlowState::kLive);
  EXPECT_EQ(status.lag_events, 0);
  EXPECT_EQ(status.events_folded, 4U);
}

TEST_F(FlowTaskTest, GoesOnFromWhatWasCommitted) {
  add("bank", "a", "Added", "5");
  const auto definition = tallies("sums", {"bank"});
  {
    const auto task = open(definition);
    ASSERT_TRUE(fold_all(*task));
    ASSERT_TRUE(task->commit());
    add("bank", "a", "Added", "1");
    ASSERT_TRUE(fold_all(*task));  // and is killed
  }
  const auto task = open(definition);
  EXPECT_EQ(task->status().restored_events, 1U);
  EXPECT_EQ(tally(*task, "a").count, 1);
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").mix, 5 * 31 + 1);
  EXPECT_EQ(task->status().events_folded, 1U);
}

TEST_F(FlowTaskTest, TakesSnapshotsWhenTheyAreDue) {
  auto definition = tallies("sums", {"bank"});
  definition->store = MemoryStore{.snapshot_every = 10};
  lot_bytes_ = 1;
  open_store();
  for (int i = 0; i < 25; ++i) add("bank", "a", "Added");
  {
    const auto task = open(definition);
    ASSERT_TRUE(fold_all(*task));
    EXPECT_GE(task->status().states.snapshot_count, 1U);
  }
  EXPECT_GE(open(definition)->status().restored_events, 10U);
}

TEST_F(FlowTaskTest, ReadsWithinALotSayExactlyHowFarTheyAre) {
  const auto rules = std::make_shared<FoldRules>();
  FlowTask* running = nullptr;
  std::vector<std::pair<std::int64_t, Checkpoint>> reads;  // count of a, at
  rules->seen = [&](const InputEvent&) {
    Tally found;
    const auto at = running->read(as_bytes("a"), [&](const void* state) {
      if (state != nullptr) found = *static_cast<const Tally*>(state);
    });
    ASSERT_TRUE(at.has_value());
    reads.emplace_back(found.count, *at);
  };
  const std::int64_t a0 = add("bank", "a", "Added");
  const std::int64_t b0 = add("bank", "b", "Added");
  const std::int64_t a1 = add("bank", "a", "Added");
  add("bank", "b", "Added");
  const auto task = open(tallies("sums", {"bank"}, rules));
  running = task.get();
  ASSERT_TRUE(fold_all(*task));
  ASSERT_EQ(reads.size(), 4U);
  EXPECT_EQ(reads[0], std::pair(std::int64_t{0}, Checkpoint()));
  EXPECT_EQ(reads[1], std::pair(std::int64_t{1}, Checkpoint::of_store(a0 + 1)));
  // b is in another shard: what is known of a's is as before.
  ASSERT_NE(Key(as_bytes("a")).shard(), Key(as_bytes("b")).shard());
  EXPECT_EQ(reads[2], std::pair(std::int64_t{1}, Checkpoint::of_store(a0 + 1)));
  EXPECT_EQ(reads[3], std::pair(std::int64_t{2}, Checkpoint::of_store(a1 + 1)));
  EXPECT_LT(a0, b0);
}

TEST_F(FlowTaskTest, WaitsForACheckpoint) {
  const std::int64_t first = add("bank", "a", "Added");
  const auto task = open(tallies("sums", {"bank"}));
  const Checkpoint wanted = Checkpoint::of_store(first + 1);
  EXPECT_FALSE(task->wait_for(wanted, std::chrono::nanoseconds::zero()));
  ASSERT_TRUE(fold_all(*task));
  EXPECT_TRUE(task->wait_for(wanted, std::chrono::nanoseconds::zero()));
}

TEST_F(FlowTaskTest, LookupsHaveSeenTheEventItself) {
  const auto rules = std::make_shared<FoldRules>();
  rules->looks_up = true;
  auto definition = tallies("sums", {"bank"}, rules);
  definition->lookups = {tallies("rates", {"bank", "other"})};
  add("other", "a", "Added");
  add("bank", "a", "Added", "10");
  const auto task = open(definition);
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(tally(*task, "a").count, 1);
  EXPECT_EQ(tally(*task, "a").mix, 12);
}

TEST_F(FlowTaskTest, LanesAreRefusedWhereTheOrderOfAllEventsCounts) {
  auto with_lookup = tallies("sums", {"bank"});
  with_lookup->lookups = {tallies("rates", {"bank"})};
  const auto rules = std::make_shared<FoldRules>();
  rules->effect_topic = "other";
  auto publishing = tallies("changes", {"bank"});
  publishing->publish_topic = "other";
  for (const auto& definition : {with_lookup, tallies("process", {"bank"}, rules), publishing}) {
    const auto task = FlowTask::open(definition, *source_, {InputId::store()}, env_,
                                     {.folder = "/flow", .lanes = 2});
    ASSERT_FALSE(task.has_value());
    EXPECT_EQ(task.error().code, Code::kInvalid);
  }
}

TEST_F(FlowTaskTest, AMissingTopicIsNamed) {
  const auto task = FlowTask::open(tallies("sums", {"nowhere"}), *source_, {InputId::store()}, env_,
                                   {.folder = "/flow"});
  ASSERT_FALSE(task.has_value());
  EXPECT_EQ(task.error().code, Code::kNotFound);
  EXPECT_NE(task.error().detail.find("nowhere"), std::string::npos);
}

TEST_F(FlowTaskTest, EffectsLeaveOnceWhateverIsFoldedAgain) {
  const auto rules = std::make_shared<FoldRules>();
  rules->effect_topic = "other";
  const auto definition = tallies("process", {"bank"}, rules);
  add("bank", "a", "Added");
  add("bank", "b", "Added");
  for (int life = 0; life < 3; ++life) {  // killed before any commit
    const auto task = open(definition);
    ASSERT_TRUE(fold_all(*task));
    EXPECT_EQ(all("other").size(), 2U);
  }
}

TEST_F(FlowTaskTest, MutedEffectsStay) {
  const auto rules = std::make_shared<FoldRules>();
  rules->effect_topic = "other";
  add("bank", "a", "Added");
  const std::int64_t second = add("bank", "b", "Added");
  const auto task = open(tallies("process", {"bank"}, rules),
                         {.folder = "/flow", .effects_from = Checkpoint::of_store(second)});
  ASSERT_TRUE(fold_all(*task));
  ASSERT_EQ(all("other").size(), 1U);
  EXPECT_EQ(all("other").front().stream, "b");
  task->set_effects_from(std::nullopt);
  add("bank", "c", "Added");
  ASSERT_TRUE(fold_all(*task));
  EXPECT_EQ(all("other").size(), 1U);
}

TEST_F(FlowTaskTest, PublishesOldAndNewStates) {
  auto definition = tallies("changes", {"bank"});
  definition->publish_topic = "other";
  add("bank", "a", "Added", "4");
  add("bank", "a", "Dropped", "4");
  const auto task = open(definition);
  ASSERT_TRUE(fold_all(*task));
  const auto changes = all("other");
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].type, "changes.Changed");
  EXPECT_EQ(as_text(*changes[0].data), R"({"old":null,"new":{"count":1,"mix":4}})");
  EXPECT_EQ(as_text(*changes[1].data), R"({"old":{"count":1,"mix":4},"new":null})");
}

}  // namespace
}  // namespace stele::projections
