// The n-th call of a run goes wrong, for every n: nothing acknowledged is lost, what is refused is
// refused with a code that says so, after a failed flush the store has stopped and nothing is
// written any more, and on a full disk reads go on and appends heal when there is space again.
//
// STELE_SEED, STELE_CALL: replay what a failure names. STELE_STRIDE: only every so many calls.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/crash/oracle.h"
#include "tests/crash/workloads.h"
#include "tests/support/crash_states.h"

namespace stele::crash {
namespace {

struct Effect {
  const char* name;
  SimOp op;
  SimEffect effect;
  Code code;  ///< what the disk answers
  bool sticky;
};

constexpr Effect kEffects[] = {
    {"io", SimOp::kAny, SimEffect::kIo, Code::kIo, false},
    {"io for ever", SimOp::kAny, SimEffect::kIo, Code::kIo, true},
    {"no space", SimOp::kAny, SimEffect::kNoSpace, Code::kNoSpace, false},
    {"no space for ever", SimOp::kAny, SimEffect::kNoSpace, Code::kNoSpace, true},
    {"no descriptors", SimOp::kOpen, SimEffect::kOverloaded, Code::kOverloaded, false},
    {"no descriptors for ever", SimOp::kOpen, SimEffect::kOverloaded, Code::kOverloaded, true},
    {"no descriptors to create", SimOp::kCreate, SimEffect::kOverloaded, Code::kOverloaded, false},
    {"short read", SimOp::kRead, SimEffect::kShortRead, Code::kCorrupt, false},
    {"short reads", SimOp::kRead, SimEffect::kShortRead, Code::kCorrupt, true},
};

// What operations may meet after one before them was refused.
bool is_consequence(Code code) {
  return code == Code::kOutcomeUnknown || code == Code::kClosed || code == Code::kNotFound ||
         code == Code::kOutOfSequence || code == Code::kOutOfRange;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Loop {
public:
  explicit Loop(const Workload& workload)
      : workload_(workload), seed_(from_environment("STELE_SEED", 1)) {
    if (!workload_.prepare) return;
    // Another seed than the runs have: theirs would draw the ids of topics that are there already.
    SimEnv env({}, {.seed = ~seed_});
    Driver driver(env, base_history_, workload_.options);
    if (!driver.open()) return;
    workload_.prepare(driver);
    driver.settle();
    driver.kill();
    base_disk_ = env.disk().killed();
  }

  // Runs with the n-th matching call failing. False: the run has fewer.
  bool run(const Effect& effect, std::uint64_t n) {
    History history = base_history_;
    SimEnv env(base_disk_, {.seed = seed_});
    env.inject(
        {.op = effect.op, .nth = n, .effect = effect.effect, .sticky = effect.sticky, .path = {}});
    ++runs_;
    {
      Driver driver(env, history, workload_.options);
      const auto opened = driver.open();
      if (!opened) {
        EXPECT_EQ(opened.error().code, effect.code) << opened.error().text();
      } else {
        workload_.run(driver);
        driver.settle();
        if (env.fired_count() == 0) return false;
        check_running(driver, effect);
      }
      EXPECT_EQ(driver.broken(), "");
    }
    if (env.fired_count() == 0) return false;
    check_disk(env.disk().killed(), history, "killed");
    const CrashStates states(env.disk());
    check_disk(states.canonical(0), history, "power loss, nothing unsynced there");
    check_disk(states.random(n), history, "power loss");
    return true;
  }

  [[nodiscard]] std::uint64_t runs() const { return runs_; }

private:
  void check_running(Driver& driver, const Effect& effect) {
    SimEnv& env = driver.env();
    for (const Code code : driver.refusals()) {
      EXPECT_TRUE(code == effect.code || is_consequence(code)) << name(code);
    }
    if (driver.store_is(log::StoreState::kClosed)) return;
    for (int i = 0; i < 8; ++i) driver.store().poll();  // what was under way already
    const std::uint64_t changes = env.change_count();
    env.clear_faults();
    if (driver.store_is(log::StoreState::kStopped)) {
      driver.poke();
      EXPECT_EQ(env.change_count(), changes) << "something was written after the stop";
      return;
    }
    if (!driver.store_is(log::StoreState::kOpen)) return;
    // It heals: reads are right, appends are taken again.
    History copy = driver.history();
    const auto judged = judge(driver.store(), copy, 1);
    EXPECT_TRUE(judged.has_value()) << judged.error().text();
    // The first one may still be told of a journal that no checkpoint could free: it starts one.
    for (int i = 0; i < 3; ++i) driver.append({0, 0});
    driver.settle();
    for (int i = 0; i < 8; ++i) driver.poll();
    const std::size_t refused = driver.refused();
    driver.append({0, 0});
    driver.settle();
    const bool stopped = driver.store_is(log::StoreState::kStopped);
    EXPECT_TRUE(driver.refused() == refused || stopped) << "it did not heal";
  }

  void check_disk(const SimDisk& disk, History history, const char* state) {
    SCOPED_TRACE(state);
    SimEnv env(disk, {.seed = seed_ + 1});
    Driver driver(env, history, workload_.options);
    const auto opened = driver.open();
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    const auto judged = judge(driver.store(), history, seed_);
    EXPECT_TRUE(judged.has_value()) << judged.error().text();
    // What is served now stays, whatever the page cache had made of the failed flush.
    driver.kill();
    const SimDisk after = CrashStates(env.disk()).canonical(0);
    SimEnv again(after, {.seed = seed_ + 2});
    Driver second(again, history, workload_.options);
    const auto reopened = second.open();
    ASSERT_TRUE(reopened.has_value()) << "after one more power loss: " << reopened.error().text();
    const auto rejudged = judge(second.store(), history, seed_);
    EXPECT_TRUE(rejudged.has_value()) << "after one more power loss: " << rejudged.error().text();
  }

  const Workload& workload_;
  std::uint64_t seed_;
  std::uint64_t runs_ = 0;
  SimDisk base_disk_;
  History base_history_;
};

class FailureLoop : public testing::TestWithParam<std::size_t> {};

TEST_P(FailureLoop, TheNthFailureOfEveryCallBreaksNoPromise) {
  Loop loop(workloads()[GetParam()]);
  const std::uint64_t stride = from_environment("STELE_STRIDE", 1);
  const std::uint64_t only = from_environment("STELE_CALL", UINT64_MAX);
  for (const Effect& effect : kEffects) {
    bool more = true;
    for (std::uint64_t n = only == UINT64_MAX ? 0 : only; more; n += stride) {
      SCOPED_TRACE(std::string(effect.name) + ", STELE_CALL=" + std::to_string(n));
      more = loop.run(effect, n) && only == UINT64_MAX;
      ASSERT_FALSE(HasFailure());
    }
  }
  std::cout << "failure_loop workload=" << workloads()[GetParam()].name << " runs=" << loop.runs()
            << "\n";
}

INSTANTIATE_TEST_SUITE_P(Workloads, FailureLoop, testing::Range(std::size_t{0}, workloads().size()),
                         [](const auto& info) { return workloads()[info.param].name; });

}  // namespace
}  // namespace stele::crash
