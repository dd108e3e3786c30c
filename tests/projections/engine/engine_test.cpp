// One version of a projection: folding, reading, restarting.
#include <atomic>
#include <thread>

#include "log/env/posix_env.h"
#include "tests/projections/engine/engine_fixture.h"

namespace stele::projections {
namespace {

using EngineOverSim = SimEngineFixture;

TEST_F(EngineOverSim, FoldsWhatIsThereAndWhatComes) {
  bank_->pay("acc-7", 5);
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  EXPECT_EQ(account(view, "acc-7"), (Account{5, 1}));
  EXPECT_FALSE(must(view.get("acc-8")).state.has_value());
  bank_->pay("acc-7", 20);
  bank_->pay("acc-8", 1);
  must(engine->catch_up());
  EXPECT_EQ(account(view, "acc-7"), (Account{25, 2}));
  EXPECT_EQ(account(view, "acc-8"), (Account{1, 1}));
}

TEST_F(EngineOverSim, ARestartGoesOnWhereItStopped) {
  bank_->pay_many(1, 100);
  {
    const auto engine = this->engine();
    must(engine->add(accounts(1)));
    must(engine->catch_up());
    must(engine->stop());
  }
  bank_->pay_many(101, 10);
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  EXPECT_EQ(account(view, "a1").payments, 20);
  must(engine->catch_up());
  EXPECT_EQ(account(view, "a1").payments, 22);
  const FlowStatus flow = engine->status().front().flow;
  EXPECT_EQ(flow.restored_events, 100u);
  EXPECT_EQ(flow.events_folded, 10u);
}

TEST_F(EngineOverSim, AnAnswerTellsTheTokenThatItReflects) {
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  const std::string token = bank_->pay("acc-7", 5);
  must(engine->catch_up());
  const auto answer = must(view.get("acc-7"));
  EXPECT_EQ(must(answer.token()), token);
  bank_->pay("acc-7", 6);
  must(engine->catch_up());
  const auto old = must(view.get("acc-7", Moment{AtToken{token}}));
  EXPECT_EQ(old.state, (Account{5, 1}));
  EXPECT_EQ(must(view.get("acc-7", Moment{AtVersion{Version(1)}})).state, (Account{11, 2}));
}

TEST_F(EngineOverSim, TwoMomentsAreCompared) {
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  bank_->pay("same", 1);
  const std::string before = bank_->pay("changed", 5);
  bank_->pay("changed", 6);
  const std::string after = bank_->pay("added", 7);
  must(engine->catch_up());
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> seen;
  must(view.diff(
      Moment{AtToken{before}}, Moment{AtToken{after}}, [&](const Change<Account>& change) {
        seen[std::string(change.key)] = {change.before == nullptr ? -1 : change.before->cents,
                                         change.after == nullptr ? -1 : change.after->cents};
      }));
  EXPECT_EQ(seen, (decltype(seen){{"changed", {5, 11}}, {"added", {-1, 7}}}));
  std::map<std::string, std::int64_t> all;
  must(view.for_each(
      [&](std::string_view key, const Account& state) { all[std::string(key)] = state.cents; }));
  EXPECT_EQ(all, (decltype(all){{"same", 1}, {"changed", 11}, {"added", 7}}));
}

TEST_F(EngineOverSim, AtLeastWaitsNoLongerThanAsked) {
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  must(engine->catch_up());
  const std::string token = bank_->pay("acc-7", 5);
  const auto early = view.get("acc-7", AtLeast{token, std::chrono::milliseconds(1)});
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().code, Code::kOverloaded) << early.error().text();
  must(engine->catch_up());
  EXPECT_EQ(must(view.get("acc-7", AtLeast{token})).state, (Account{5, 1}));
  EXPECT_EQ(view.get("acc-7", AtLeast{"nonsense"}).error().code, Code::kInvalid);
}

TEST_F(EngineOverSim, APoisonEventStopsItAndIsNamed) {
  const auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  bank_->pay("acc-7", 5);
  const auto appended = bank_->events->append(
      {.events = {{"bank", {.stream = "acc-7", .type = "Paid", .data = Bytes(3)}}}});
  ASSERT_TRUE(appended.has_value());
  const auto caught_up = engine->catch_up();
  ASSERT_FALSE(caught_up.has_value());
  EXPECT_EQ(caught_up.error().code, Code::kInvalid);
  EXPECT_NE(caught_up.error().detail.find("acc-7"), std::string::npos) << caught_up.error().text();
  EXPECT_EQ(account(view, "acc-7"), (Account{5, 1}));
  const auto late = view.get("acc-7", AtLeast{appended->token, std::chrono::seconds(60)});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Code::kClosed) << late.error().text();
}

TEST_F(EngineOverSim, AClosedEngineAnswersClosed) {
  auto engine = this->engine();
  const auto view = must(engine->add(accounts(1)));
  must(engine->close());
  EXPECT_EQ(view.get("acc-7").error().code, Code::kClosed);
  engine.reset();
  EXPECT_EQ(view.get("acc-7", AtLeast{"t"}).error().code, Code::kClosed);
}

TEST_F(EngineOverSim, TwoEnginesDoNotShareAFolder) {
  const auto first = this->engine();
  must(first->add(accounts(1)));
  const auto second = this->engine();
  const auto refused = second->add(accounts(1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kAlreadyExists);
  EXPECT_NE(refused.error().detail.find("accounts version 1"), std::string::npos)
      << refused.error().text();
}

TEST_F(EngineOverSim, ViewsAreFoundByNameAndType) {
  const auto engine = this->engine();
  must(engine->add(accounts(1)));
  bank_->pay("acc-7", 5);
  must(engine->catch_up());
  EXPECT_EQ(account(must(engine->view<Account>("accounts")), "acc-7"), (Account{5, 1}));
  EXPECT_EQ(engine->view<Account>("nothing").error().code, Code::kNotFound);
  EXPECT_EQ(engine->view<int>("accounts").error().code, Code::kInvalid);
}

TEST(EngineOnThreads, OneReadsOnesOwnWrites) {
  const TemporaryFolder folder;
  const auto env = must(make_posix_env());
  Bank bank(*env, folder.path + "/data");
  const auto engine = must(Engine::open(*bank.events, {.folder = folder.path + "/views"}));
  const auto view = must(engine->add(accounts(1)));
  must(engine->start());
  for (std::int64_t i = 1; i <= 200; ++i) {
    const std::string token = bank.pay("acc-7", 1);
    const auto answer = must(view.get("acc-7", AtLeast{token, std::chrono::seconds(20)}));
    ASSERT_EQ(answer.state, (Account{i, i}));
  }
  must(engine->stop());
  const auto late = view.get("acc-7", AtLeast{bank.pay("acc-7", 1), std::chrono::milliseconds(5)});
  EXPECT_EQ(late.error().code, Code::kOverloaded);
  must(engine->start());
  must(engine->catch_up());
  EXPECT_EQ(must(view.get("acc-7")).state, (Account{201, 201}));
}

}  // namespace
}  // namespace stele::projections
