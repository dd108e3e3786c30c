// Partitions shared between instances: by static lists, moved while at work, taken over.
#include <algorithm>
#include <set>

#include "projections/engine/copartition.h"
#include "tests/projections/engine/engine_fixture.h"
#include "tests/projections/engine/partitioned_source.h"

namespace stele::projections {
namespace {

/// Says what the test tells it to.
class ToldAssignment final : public Assignment {
public:
  ToldAssignment(SimEnv& env, std::vector<std::int32_t> first) : env_(env) {
    change_.added = std::move(first);
  }
  void tell(AssignmentChange change) { change_ = std::move(change); }
  void fence() { fenced_ = true; }

  Result<AssignmentChange> poll(std::chrono::nanoseconds longest) override {
    env_.advance(longest);
    if (fenced_) return std::unexpected(Error{Code::kFenced, "thrown out"});
    return std::exchange(change_, {});
  }
  Result<void> confirm() override {
    ++confirmed_count;
    return {};
  }
  Result<void> commit(const Checkpoint& checkpoint) override {
    committed = checkpoint;
    return {};
  }
  int confirmed_count = 0;
  Checkpoint committed;

private:
  SimEnv& env_;
  AssignmentChange change_;
  bool fenced_ = false;
};

class WorkShares : public testing::Test {
protected:
  WorkShares() { source_.create("bank", 4); }

  void pay(std::int32_t partition, const std::string& account, std::int64_t cents) {
    source_.append("bank", partition, account, "Paid", "{\"cents\":" + std::to_string(cents) + "}");
  }
  std::unique_ptr<Engine> engine(Assignment* assignment, EngineOptions options = {}) {
    options.folder = "/views";
    options.env = &env_;
    options.assignment = assignment;
    options.assignment_longest = std::chrono::seconds(1);
    return must(Engine::open(source_, options));
  }
  static std::set<std::string> tasks(const Engine& engine) {
    std::set<std::string> names;
    for (const TaskStatus& task : engine.status()) names.insert(task.task);
    return names;
  }

  SimEnv env_;
  PartitionedSource source_;
};

TEST_F(WorkShares, OneInstanceFoldsAllPartitionsATaskEach) {
  for (std::int32_t p = 0; p < 4; ++p) pay(p, "a" + std::to_string(p), p + 1);
  const auto engine = this->engine(nullptr);
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  EXPECT_EQ(tasks(*engine), (std::set<std::string>{"p0", "p1", "p2", "p3"}));
  for (std::int32_t p = 0; p < 4; ++p) {
    EXPECT_EQ(must(view.get("a" + std::to_string(p))).state->cents, p + 1);
  }
  EXPECT_FALSE(must(view.get("nobody")).state.has_value());
  std::size_t count = 0;
  const Checkpoint all = must(view.for_each([&](std::string_view, const Account&) { ++count; }));
  EXPECT_EQ(count, 4u);
  EXPECT_EQ(all.places().size(), 4u);
}

TEST_F(WorkShares, TwoInstancesFoldTheirPartsInOneFolder) {
  for (std::int32_t p = 0; p < 4; ++p) pay(p, "a" + std::to_string(p), 1);
  ToldAssignment left(env_, {0, 1});
  ToldAssignment right(env_, {2, 3});
  const auto first = engine(&left);
  const auto second = engine(&right);
  const auto first_view = must(first->add(accounts(1)));
  const auto second_view = must(second->add(accounts(1)));
  must(first->catch_up());
  must(second->catch_up());
  for (std::int32_t p = 0; p < 4; ++p) {
    const std::string key = "a" + std::to_string(p);
    EXPECT_EQ(must(first_view.get(key)).state.has_value(), p < 2);
    EXPECT_EQ(must(second_view.get(key)).state.has_value(), p >= 2);
  }
  EXPECT_EQ(left.confirmed_count, 1);
}

TEST_F(WorkShares, AMovedPartitionGoesOnFromItsStates) {
  for (std::int64_t i = 0; i < 10; ++i) pay(1, "a", 1);
  ToldAssignment left(env_, {0, 1});
  ToldAssignment right(env_, {2, 3});
  const auto first = engine(&left);
  const auto second = engine(&right);
  const auto first_view = must(first->add(accounts(1)));
  const auto second_view = must(second->add(accounts(1)));
  must(first->catch_up());
  must(second->catch_up());

  right.tell({.removed = {}, .added = {1}});
  must(second->catch_up());
  EXPECT_EQ(right.confirmed_count, 1) << "not before the first one has let go";
  left.tell({.removed = {1}, .added = {}});
  must(first->catch_up());
  EXPECT_EQ(left.confirmed_count, 2);
  pay(1, "a", 1);
  must(second->catch_up());
  EXPECT_EQ(right.confirmed_count, 2);
  EXPECT_FALSE(must(first_view.get("a")).state.has_value());
  EXPECT_EQ(must(second_view.get("a")).state, (Account{11, 11}));
  for (const TaskStatus& task : second->status()) {
    if (task.task == "p1") EXPECT_EQ(task.flow.restored_events, 10u);
  }
}

TEST_F(WorkShares, AThrownOutInstanceDropsWhatItHas) {
  pay(0, "a", 1);
  ToldAssignment told(env_, {0});
  const auto engine = this->engine(&told);
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  told.fence();
  EXPECT_EQ(engine->catch_up().error().code, Code::kFenced);
  EXPECT_TRUE(engine->status().empty());
  EXPECT_EQ(view.get("a").error().code, Code::kClosed);
}

TEST_F(WorkShares, WithoutAShareCatchUpGivesUp) {
  ToldAssignment told(env_, {});
  const auto engine = this->engine(&told);
  must(engine->add(accounts(1)));
  EXPECT_EQ(engine->catch_up().error().code, Code::kOverloaded);
}

TEST_F(WorkShares, AVersionIsSwitchedToOverAllPartitions) {
  for (std::int32_t p = 0; p < 4; ++p) pay(p, "a" + std::to_string(p), 10);
  const auto engine = this->engine(nullptr);
  const auto view = must(engine->add(accounts(1)));
  must(engine->add(accounts(2)));
  must(engine->catch_up());
  for (std::int32_t p = 0; p < 4; ++p) {
    EXPECT_EQ(must(view.get("a" + std::to_string(p))).state->cents, 20);
  }
}

TEST_F(WorkShares, ATokenIsWaitedForInThePartitionsThatAreHere) {
  pay(1, "a", 1);
  ToldAssignment told(env_, {0, 1});
  const auto engine = this->engine(&told);
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  const auto here = AtLeast{"bank/1=1;bank/3=99;", std::chrono::nanoseconds(0)};
  EXPECT_EQ(must(view.get("a", here)).state, (Account{1, 1}));
  const auto later = AtLeast{"bank/1=2;", std::chrono::nanoseconds(0)};
  EXPECT_EQ(view.get("a", later).error().code, Code::kOverloaded);
}

TEST_F(WorkShares, TopicsThatAreNotCopartitionedAreRefused) {
  source_.create("rates", 3);
  const auto engine = this->engine(nullptr);
  const auto table = projection<PaymentCount>("rates").from("rates").on<Paid>(
      [](PaymentCount& state, const Paid&) { ++state.count; });
  const auto refused = engine->add(accounts(1).looks_up(table));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  for (const char* part : {"bank has 4", "rates has 3", "rekey"}) {
    EXPECT_NE(refused.error().detail.find(part), std::string::npos) << refused.error().text();
  }
}

}  // namespace
}  // namespace stele::projections
