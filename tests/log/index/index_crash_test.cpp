// Power loss and failing I/O at every call of a life with cuts, merges and removals: the next start
// finds a chain, what it does not hold is added again, and everything is as it was.
// STELE_SEED replays, STELE_COUNT sets how many disks of each crash are looked at.
#include "tests/log/index/index_model.h"
#include "tests/support/crash_states.h"

namespace stele::log {
namespace {

constexpr TermIndexOptions kOptions{
    .tail_bytes_max = 8 << 10, .cache_bytes_max = 1 << 14, .merge_count = 2};

using IndexPtr = std::unique_ptr<TermIndex>;

std::uint64_t states_per_crash() {
  const char* text = std::getenv("STELE_COUNT");
  return text == nullptr ? 10 : std::strtoull(text, nullptr, 10);
}

class Life {
public:
  Life(SimEnv& env, std::uint64_t seed) : env_(env), random_(seed) {}

  /// False: it could not be opened.
  Result<void> open() {
    index_.reset();
    STELE_TRY(index_, TermIndex::open(env_, kIndexFolder, test_store(), kOptions));
    model_.replay(*index_, index_->indexed_to());
    return {};
  }
  void live() {
    for (int i = 0; i < 45; ++i) {
      const Position before = model_.end();
      model_.add(random_.below(2), random_records(random_, 60),
                 static_cast<std::int32_t>(random_.below(4)));
      model_.replay(*index_, before);
      index_->upkeep(before, {});
      env_.poll();
      if (i % 10 == 9) settle(env_, *index_, model_.end());
      if (i == 39) {  // quiet for a while: the newest runs are settled
        env_.advance(std::chrono::hours(1));
        settle(env_, *index_, model_.end());
        settled_ = settled_ || index_->stats().unsettled_terms == 0;
      }
    }
    const auto flushed = index_->flush(model_.end());
    static_cast<void>(flushed);  // it may fail
    settle(env_, *index_, model_.end());
  }
  void close() {
    index_->stop();
    while (index_->running()) env_.wait(std::chrono::milliseconds(1));
    index_.reset();
  }

  [[nodiscard]] TermIndex& index() { return *index_; }
  [[nodiscard]] bool settled() const { return settled_; }
  [[nodiscard]] IndexModel& model() { return model_; }

private:
  SimEnv& env_;
  SimRandom random_;
  IndexPtr index_;
  IndexModel model_;
  bool settled_ = false;
};

/// A data folder that is there for good.
SimDisk empty_disk() {
  SimEnv env;
  EXPECT_TRUE(env.make_folder("/data").has_value());
  EXPECT_TRUE(env.sync_folder("/").has_value());
  return env.disk().killed();
}

/// The folder holds the chain's files and nothing else.
void expect_no_litter(SimEnv& env, const TermIndex& index) {
  const auto entries = env.list(kIndexFolder);
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ(std::ssize(*entries), index.stats().run_count);
}

// What follows a crash or a failure: a start, all that was told before, one more life.
void expect_recovers(const SimDisk& disk, const IndexModel& told, Position published,
                     std::uint64_t seed) {
  SimEnv env(disk, {.seed = seed});
  auto index = TermIndex::open(env, kIndexFolder, test_store(), kOptions);
  ASSERT_TRUE(index.has_value()) << index.error().text();
  ASSERT_LE((*index)->indexed_to(), told.end());
  ASSERT_GE((*index)->indexed_to(), published) << "a run that counted is gone";
  expect_no_litter(env, **index);
  told.replay(**index, (*index)->indexed_to());
  told.expect_all(**index);
  const auto flushed = (*index)->flush(told.end());
  ASSERT_TRUE(flushed.has_value()) << flushed.error().text();
  settle(env, **index, told.end());
  told.expect_all(**index);
  expect_no_litter(env, **index);
}

TEST(IndexCrash, EveryDiskThatPowerLossLeavesIsRecovered) {
  const std::uint64_t seed = seed_or(1);
  std::uint64_t changes = 0;
  {
    SimEnv env(empty_disk(), {.seed = seed});
    Life life(env, seed);
    ASSERT_TRUE(life.open().has_value());
    life.live();
    changes = env.change_count();
    EXPECT_GE(life.index().stats().cuts, 4);
    EXPECT_GE(life.index().stats().merges, 2);
    EXPECT_TRUE(life.settled());
    life.model().expect_all(life.index());
    expect_no_litter(env, life.index());
    life.close();
  }
  for (std::uint64_t n = 0; n < changes; ++n) {
    SCOPED_TRACE("crash after change " + std::to_string(n));
    SimEnv env(empty_disk(), {.seed = seed});
    env.crash_after(n);
    IndexModel told;
    Position published;
    {
      Life life(env, seed);
      if (life.open().has_value()) {
        life.live();
        published = life.index().indexed_to();
        life.close();
      }
      told = std::move(life.model());
    }
    expect_recovers(env.disk().killed(), told, published, seed);
    CrashStates(env.disk())
        .each(states_per_crash(), n, [&](const SimDisk& state, const std::string& name) {
          SCOPED_TRACE(name);
          expect_recovers(state, told, published, seed);
        });
    if (testing::Test::HasFailure()) return;
  }
}

struct Effect {
  const char* name;
  SimOp op;
  SimEffect effect;
  bool sticky;
};
constexpr Effect kEffects[] = {
    {"Io", SimOp::kAny, SimEffect::kIo, false},
    {"IoForEver", SimOp::kAny, SimEffect::kIo, true},
    {"NoSpace", SimOp::kAny, SimEffect::kNoSpace, false},
    {"NoSpaceForEver", SimOp::kAny, SimEffect::kNoSpace, true},
    {"NoDescriptors", SimOp::kOpen, SimEffect::kOverloaded, true},
    {"ShortRead", SimOp::kRead, SimEffect::kShortRead, false},
};

class IndexFailure : public testing::TestWithParam<Effect> {
protected:
  // The n-th call of the kind fails, and others after it if it is sticky; false: there are fewer.
  bool fail(std::uint64_t n) {
    SCOPED_TRACE("call " + std::to_string(n));
    const Effect& effect = GetParam();
    const std::uint64_t seed = seed_or(1);
    SimEnv env(empty_disk(), {.seed = seed});
    env.inject(
        {.op = effect.op, .nth = n, .effect = effect.effect, .sticky = effect.sticky, .path = {}});
    Life life(env, seed);
    if (!life.open().has_value()) {
      env.clear_faults();
      EXPECT_TRUE(life.open().has_value());
    }
    life.live();
    if (env.fired_count() == 0) return false;
    env.clear_faults();
    env.advance(std::chrono::seconds(2));  // what failed is tried again
    settle(env, life.index(), life.model().end());
    const bool damaged = life.index().stats().last_failure.contains("damaged");
    EXPECT_TRUE(life.index().stats().last_failure.empty() || damaged);
    EXPECT_TRUE(!damaged || effect.effect == SimEffect::kShortRead);
    life.model().expect_all(life.index());
    const Position published = damaged ? Position(0) : life.index().indexed_to();
    life.close();
    expect_recovers(CrashStates(env.disk()).canonical(0), life.model(), published, seed);
    return true;
  }
};

TEST_P(IndexFailure, LeavesEverythingAsItWasAndIsMadeUpFor) {
  std::uint64_t n = 0;
  while (!HasFailure() && fail(n)) ++n;
  EXPECT_GT(n, 4u);
}

INSTANTIATE_TEST_SUITE_P(Effects, IndexFailure, testing::ValuesIn(kEffects),
                         [](const auto& tested) { return tested.param.name; });

TEST(IndexFailureReport, IsReportedOnceUntilItIsMadeUpFor) {
  SimEnv env;
  Life life(env, 1);
  ASSERT_TRUE(life.open().has_value());
  env.inject({.op = SimOp::kWrite, .effect = SimEffect::kNoSpace, .sticky = true, .path = {}});
  for (int i = 0; i < 3; ++i) {
    life.live();
    env.advance(std::chrono::seconds(2));
  }
  EXPECT_TRUE(life.index().overloaded());
  EXPECT_NE(life.index().stats().last_failure, "");
  EXPECT_EQ(std::ranges::count_if(env.reports(),
                                  [](const SimReport& one) { return one.line.contains("index_"); }),
            1);
  env.clear_faults();
  env.advance(std::chrono::seconds(2));
  settle(env, life.index(), life.model().end());
  EXPECT_EQ(life.index().stats().last_failure, "");
  EXPECT_FALSE(life.index().overloaded());
  life.model().expect_all(life.index());
  life.close();
}

}  // namespace
}  // namespace stele::log
