// What a flow promises when the disk, the source or the process fails.
#include "projections/testkit/given_events.h"
#include "tests/projections/flow/flow_fixture.h"
#include "tests/support/crash_states.h"

namespace stele::projections {
namespace {

/// Another source whose reads and appends fail when told to.
class FailingSource final : public Source {
public:
  explicit FailingSource(Source& inner) : inner_(inner) {}

  std::size_t fail_every = 0;  ///< reads; 0: none
  std::optional<Error> append_error;

  [[nodiscard]] std::string name() const override { return inner_.name(); }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    return inner_.inputs(topics);
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override;
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override { return inner_.end(inputs); }
  Result<std::string> token(const Checkpoint& at) override { return inner_.token(at); }
  Result<Checkpoint> parse_token(std::string_view token) override {
    return inner_.parse_token(token);
  }
  EventAccess* events() override { return inner_.events(); }
  Result<void> append(std::vector<log::TopicEvent> events) override {
    if (append_error) return std::unexpected(*append_error);
    return inner_.append(std::move(events));
  }
  bool read_fails() { return fail_every != 0 && ++reads_ % fail_every == 0; }

private:
  Source& inner_;
  std::size_t reads_ = 0;
};

class FailingReader final : public SourceReader {
public:
  FailingReader(FailingSource& source, std::unique_ptr<SourceReader> inner)
      : source_(source), inner_(std::move(inner)) {}
  Result<LotPtr> next(std::chrono::nanoseconds longest) override {
    over_ = over_ || source_.read_fails();
    if (over_) return std::unexpected(Error{Code::kIo, "the disk is away"});
    return inner_->next(longest);
  }

private:
  FailingSource& source_;
  std::unique_ptr<SourceReader> inner_;
  bool over_ = false;  ///< a reader that failed is of no more use
};

Result<std::unique_ptr<SourceReader>> FailingSource::open(const std::vector<std::string>& topics,
                                                          const std::vector<InputId>& inputs,
                                                          const Checkpoint& from) {
  STELE_TRY(auto reader, inner_.open(topics, inputs, from));
  return std::make_unique<FailingReader>(*this, std::move(reader));
}

void fill(GivenEvents& source, int count, int poison_at = -1) {
  for (int i = 0; i < count; ++i)
    source.add({.topic = "a",
                .stream = "k" + std::to_string(i % 13),
                .type = i == poison_at ? "Poison" : "Added",
                .data = std::to_string(i)});
}

std::map<std::string, Bytes> pure(Source& source, const std::shared_ptr<Definition>& definition) {
  SimEnv env;
  const auto task = open_task(definition, source, env);
  static_cast<void>(fold_all(*task));
  return dumped(*task, *definition);
}

TEST(FlowFailures, ReadsThatFailAreTriedAgainByTheNextStep) {
  GivenEvents given(5);
  fill(given, 100);
  FailingSource source(given);
  source.fail_every = 3;
  SimEnv env;
  const auto definition = tallies("sums", {"a"});
  const auto task = open_task(definition, source, env);
  int failures = 0;
  for (bool end = false; !end;) {
    const auto stepped = task->step(std::chrono::nanoseconds::zero());
    if (!stepped) {
      EXPECT_EQ(stepped.error().code, Code::kIo);
      ++failures;
    }
    end = stepped.value_or(false);
  }
  EXPECT_GT(failures, 3);
  EXPECT_NE(task->status().state, FlowState::kStopped);
  EXPECT_EQ(dumped(*task, *definition), pure(given, definition));
  EXPECT_EQ(task->status().events_folded, 100U);
}

TEST(FlowFailures, AFullDiskHoldsUpSnapshotsAlone) {
  GivenEvents source(10);
  fill(source, 50);
  SimEnv env;
  const auto definition = tallies("sums", {"a"});
  definition->store = MemoryStore{.snapshot_every = 10};
  const auto task = open_task(definition, source, env);
  env.set_capacity(0);
  ASSERT_TRUE(fold_all(*task).has_value());
  EXPECT_EQ(task->status().states.snapshot_count, 0U);
  EXPECT_EQ(task->commit().error().code, Code::kNoSpace);
  env.set_capacity(std::nullopt);
  env.advance(std::chrono::seconds(2));
  fill(source, 20);
  ASSERT_TRUE(fold_all(*task).has_value());
  EXPECT_GE(task->status().states.snapshot_count, 1U);
  EXPECT_EQ(dumped(*task, *definition), pure(source, definition));
}

TEST(FlowFailures, EffectsThatCannotLeaveWaitAndGo) {
  GivenEvents given(2);
  fill(given, 10);
  given.add_topic("out");
  FailingSource source(given);
  source.append_error = Error{Code::kOverloaded, "later"};
  const auto rules = std::make_shared<FoldRules>();
  rules->effect_topic = "out";
  SimEnv env;
  const auto definition = tallies("process", {"a"}, rules);
  {
    const auto task = open_task(definition, source, env);
    ASSERT_TRUE(fold_all(*task).has_value());
    EXPECT_EQ(given.count(), 10U);
    ASSERT_TRUE(task->commit()) << "what waits is committed too";
  }
  source.append_error.reset();
  const auto task = open_task(definition, source, env);
  ASSERT_TRUE(fold_all(*task).has_value());
  EXPECT_EQ(given.count(), 20U);
}

TEST(FlowFailures, EffectsThatNeverCanLeaveStopTheFlow) {
  GivenEvents given(2);
  fill(given, 10);
  FailingSource source(given);
  source.append_error = Error{Code::kNotFound, "topic out does not exist"};
  const auto rules = std::make_shared<FoldRules>();
  rules->effect_topic = "out";
  SimEnv env;
  const auto task = open_task(tallies("process", {"a"}, rules), source, env);
  const auto folded = fold_all(*task);
  ASSERT_FALSE(folded.has_value());
  EXPECT_NE(folded.error().detail.find("topic out does not exist"), std::string::npos);
  EXPECT_EQ(task->status().state, FlowState::kStopped);
}

// --- crashes ---

struct CrashCase {
  const char* name;
  int poison_at;
};

/// Folds with many snapshots on a disk that dies at the change `crash`.
std::uint64_t live_and_die(Source& source, const std::shared_ptr<Definition>& definition,
                           SimEnv& env, std::uint64_t crash) {
  env.crash_after(crash);
  const auto task =
      FlowTask::open(definition, source, inputs_of(source, *definition), env, {.folder = "/flow"});
  if (!task) return env.change_count();
  for (bool over = false; !over;) {
    const auto stepped = (*task)->step(std::chrono::nanoseconds::zero());
    over = stepped.value_or(true);
    env.advance(std::chrono::seconds(2));
  }
  static_cast<void>((*task)->commit());
  return env.change_count();
}

TEST(FlowCrashes, StatesAfterwardsAreThoseOfThePureFold) {
  for (const CrashCase& c : {CrashCase{"to the end", -1}, CrashCase{"to a poison event", 55}}) {
    SCOPED_TRACE(c.name);
    GivenEvents source(10);
    fill(source, 70, c.poison_at);
    const auto definition = tallies<Trail>("sums", {"a"});
    definition->store = MemoryStore{.snapshot_every = 10, .keep = 2};
    const auto expected = pure(source, definition);
    SimEnv whole;
    const std::uint64_t changes = live_and_die(source, definition, whole, UINT64_MAX);
    ASSERT_GT(changes, 20U);
    std::size_t restored_some = 0;
    for (std::uint64_t crash = 0; crash <= changes; ++crash) {
      SCOPED_TRACE(crash);
      SimEnv env({}, {.seed = crash + 1});
      live_and_die(source, definition, env, crash);
      const auto check = [&](const SimDisk& disk, const std::string& name) {
        SCOPED_TRACE(name);
        SimEnv after(disk, {.seed = crash + 2});
        const auto task = open_task(definition, source, after);
        ASSERT_NE(task, nullptr);
        if (task->status().restored_events > 0) ++restored_some;
        EXPECT_EQ(fold_all(*task).has_value(), c.poison_at < 0);
        EXPECT_EQ(dumped(*task, *definition), expected);
      };
      check(env.disk().killed(), "killed");
      CrashStates(env.disk()).each(3, crash, check);
    }
    EXPECT_GT(restored_some, changes) << "snapshots are of use";
  }
}

}  // namespace
}  // namespace stele::projections
