// A switch, killed at every call that changes the disk: one version is live afterwards, the other
// is there to be switched to or back to, and every effect came once.
#include <map>

#include "tests/projections/engine/engine_fixture.h"
#include "tests/support/crash_states.h"

namespace stele::projections {
namespace {

constexpr std::int64_t kBefore = 6;

/// Two versions that have caught up, and events that they have not seen.
struct Life {
  explicit Life(SimEnv& env) : bank(env, "/data"), env_(env) {
    if (bank.events == nullptr) return;
    auto opened =
        Engine::open(*bank.events, {.folder = "/views", .promote = Promote::kByHand, .env = &env});
    if (!opened) return;
    engine = *std::move(opened);
    if (!engine->add(senders(1)) || !engine->add(senders(2))) engine.reset();
  }
  /// False: dead.
  bool prepare() {
    bank.pay_many(1, kBefore);
    if (!engine->catch_up()) return false;
    bank.pay_many(kBefore + 1, 2);
    return !env_.crashed();
  }
  [[nodiscard]] std::uint32_t live() const {
    std::uint32_t live = 0;
    for (const TaskStatus& task : engine->status()) {
      if (task.role != VersionRole::kLive) continue;
      EXPECT_EQ(live, 0u) << "two are live";
      live = task.version;
    }
    return live;
  }

  Bank bank;
  std::unique_ptr<Engine> engine;

private:
  SimEnv& env_;
};

std::map<std::int64_t, std::string> mails_of(const Bank& bank) {
  std::map<std::int64_t, std::string> seen;
  for (const auto& mail : bank.mails()) seen[std::stoll(*mail.stream)] += mail.type.back();
  return seen;
}

/// Opens what the crash has left, and goes on. Which version was live.
std::uint32_t expect_whole(const SimDisk& disk) {
  SimEnv env(disk);
  Life life(env);
  if (life.engine == nullptr) {
    ADD_FAILURE() << "the engine does not open";
    return 0;
  }
  const std::uint32_t live = life.live();
  EXPECT_TRUE(live == 1 || live == 2) << live;
  EXPECT_TRUE(life.engine->catch_up().has_value());
  life.bank.pay_many(kBefore + 3, 2);
  EXPECT_TRUE(life.engine->catch_up().has_value());
  const auto mails = mails_of(life.bank);
  for (std::int64_t i = 1; i <= kBefore + 4; ++i) {
    const std::string each = mails.contains(i) ? mails.at(i) : "";
    const bool may_be_old = i <= kBefore + 2 || live == 1;
    EXPECT_TRUE((may_be_old && each == "1") || (live == 2 && i > kBefore && each == "22"))
        << "payment " << i << " has mails of versions '" << each << "', live is " << live;
  }
  const Account expected{.cents = 1 + 6, .payments = 0};  // senders count cents alone
  const auto view = life.engine->view<Account>("senders");
  EXPECT_EQ(view->get("a1")->state, expected);
  const auto other =
      live == 1 ? life.engine->promote("senders", 2) : life.engine->rollback("senders");
  EXPECT_TRUE(other.has_value()) << other.error().text();
  EXPECT_EQ(view->get("a1")->state, expected);
  return live;
}

TEST(SwitchCrash, LeavesOneLiveVersionAndEveryEffectOnce) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  {
    SimEnv env;
    Life life(env);
    ASSERT_TRUE(life.prepare());
    first = env.change_count();
    must(life.engine->promote("senders", 2));
    last = env.change_count();
  }
  ASSERT_GT(last - first, 10u);
  std::map<std::uint32_t, int> outcomes;
  for (std::uint64_t change = first; change <= last; ++change) {
    SCOPED_TRACE("killed at change " + std::to_string(change - first));
    SimEnv env;
    Life life(env);
    ASSERT_TRUE(life.prepare());
    ASSERT_EQ(env.change_count(), first) << "the life is not the same again";
    env.crash_after(change);
    const bool promoted = life.engine->promote("senders", 2).has_value();
    const std::uint32_t live = expect_whole(env.disk().killed());
    if (promoted) EXPECT_EQ(live, 2u);
    ++outcomes[live];
    CrashStates(env.disk()).each(3, change, [&](const SimDisk& state, const std::string& name) {
      SCOPED_TRACE(name);
      const std::uint32_t after_power_loss = expect_whole(state);
      if (promoted) EXPECT_EQ(after_power_loss, 2u);
    });
  }
  EXPECT_GT(outcomes[1], 0);
  EXPECT_GT(outcomes[2], 0);
}

TEST(SwitchCrash, AFailedSwitchLeavesTheOldOneAtWork) {
  SimEnv env;
  Life life(env);
  ASSERT_TRUE(life.prepare());
  env.inject({.op = SimOp::kRename, .effect = SimEffect::kNoSpace, .path = "senders/live"});
  EXPECT_FALSE(life.engine->promote("senders", 2).has_value());
  EXPECT_EQ(life.live(), 1u);
  EXPECT_TRUE(life.engine->catch_up().has_value());
  EXPECT_EQ(mails_of(life.bank).at(kBefore + 2), "1");
  EXPECT_TRUE(life.engine->promote("senders", 2).has_value());
  EXPECT_EQ(life.live(), 2u);
}

}  // namespace
}  // namespace stele::projections
