// Flows whose states are in SQLite, which needs a real folder.
#include <filesystem>

#include "log/env/posix_env.h"
#include "projections/testkit/given_events.h"
#include "tests/projections/flow/flow_fixture.h"

namespace stele::projections {
namespace {

class SqliteFlow : public testing::Test {
protected:
  SqliteFlow()
      : folder_(testing::TempDir() + "stele-flow-" +
                testing::UnitTest::GetInstance()->current_test_info()->name()),
        env_(make_posix_env().value()) {
    std::filesystem::remove_all(folder_);
  }
  ~SqliteFlow() override { std::filesystem::remove_all(folder_); }

  std::shared_ptr<Definition> definition() {
    auto made = tallies<Trail>("sums", {"a"}, rules_);
    made->store = SqliteStore{.cache_bytes_max = 1 << 20, .commit_every = 30};
    return made;
  }
  std::unique_ptr<FlowTask> open(const std::shared_ptr<Definition>& made) {
    return open_task(made, source_, *env_, {.folder = folder_});
  }
  void add(int count, const char* type = "Added") {
    for (int i = 0; i < count; ++i)
      source_.add({.topic = "a",
                   .stream = "k" + std::to_string(i % 7),
                   .type = type,
                   .data = std::to_string(i)});
  }

  std::string folder_;
  std::unique_ptr<Env> env_;
  RulesPtr rules_ = std::make_shared<FoldRules>();
  GivenEvents source_{10};
};

TEST_F(SqliteFlow, GoesOnFromItsLastTransaction) {
  add(100);
  const auto made = definition();
  {
    const auto task = open(made);
    ASSERT_TRUE(fold_all(*task).has_value());  // and is killed
  }
  const auto task = open(made);
  EXPECT_GE(task->status().restored_events, 90U);
  add(10);
  ASSERT_TRUE(fold_all(*task).has_value());
  EXPECT_EQ(tally(*task, "k0").count, 17);
}

TEST_F(SqliteFlow, AStopRollsBackToTheStatesBeforeTheEvent) {
  add(45);
  add(1, "Poison");
  add(5);
  const auto made = definition();
  std::map<std::string, Bytes> before;
  {
    const auto task = open(made);
    const auto folded = fold_all(*task);
    ASSERT_FALSE(folded.has_value());
    EXPECT_EQ(folded.error().code, Code::kInvalid) << folded.error().detail;
    EXPECT_EQ(task->checkpoint(), Checkpoint::of_store(45));
    before = dumped(*task, *made);
    EXPECT_EQ(tally(*task, "k0").count, 7);
  }
  {
    const auto task = open(made);
    EXPECT_EQ(task->status().restored_events, 45U);
    EXPECT_FALSE(fold_all(*task).has_value());
    EXPECT_EQ(dumped(*task, *made), before);
  }
  rules_->fails = false;
  const auto task = open(made);
  ASSERT_TRUE(fold_all(*task).has_value());
  EXPECT_EQ(tally(*task, "k0").count, 9);
}

}  // namespace
}  // namespace stele::projections
