// Versions side by side: built, switched to, switched back, removed; effects over a switch.
#include <map>

#include "projections/testkit/given_events.h"
#include "tests/projections/engine/engine_fixture.h"

namespace stele::projections {
namespace {

class Switching : public SimEngineFixture {
protected:
  void add(Engine& engine, std::vector<std::uint32_t> versions) {
    views_.clear();
    for (const std::uint32_t version : versions)
      views_.push_back(must(engine.add(accounts(version))));
  }
  /// By what a payment of `cents` counts.
  std::int64_t read_version(std::size_t view, const std::string& key, std::int64_t cents) {
    return account(views_[view], key).cents / cents;
  }
  std::vector<View<Account>> views_;
};

TEST_F(Switching, AHigherVersionTakesOverWhenItHasCaughtUp) {
  bank_->pay("a", 10);
  {
    const auto engine = this->engine();
    add(*engine, {1});
    must(engine->catch_up());
    must(engine->close());
  }
  const auto engine = this->engine();
  add(*engine, {1, 2});
  EXPECT_EQ(role(*engine, 1), VersionRole::kLive);
  EXPECT_EQ(role(*engine, 2), VersionRole::kBuilding);
  EXPECT_EQ(read_version(0, "a", 10), 1);
  EXPECT_EQ(read_version(1, "a", 10), 1) << "the view of version 2 reads the live one as well";
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 2), VersionRole::kLive);
  EXPECT_EQ(role(*engine, 1), VersionRole::kKept);
  EXPECT_EQ(read_version(0, "a", 10), 2);
  EXPECT_EQ(read_version(1, "a", 10), 2);
  EXPECT_EQ(must(views_[0].version()), 2u);
}

TEST_F(Switching, ByHandItWaitsToBePromoted) {
  const auto engine = this->engine({.promote = Promote::kByHand});
  add(*engine, {1, 2});
  bank_->pay("a", 10);
  EXPECT_EQ(engine->promote("accounts", 2).error().code, Code::kInvalid) << "not caught up";
  must(engine->catch_up());
  EXPECT_EQ(read_version(0, "a", 10), 1);
  must(engine->promote("accounts", 2));
  EXPECT_EQ(read_version(0, "a", 10), 2);
  EXPECT_EQ(engine->promote("accounts", 2).error().code, Code::kInvalid) << "live already";
  EXPECT_EQ(engine->promote("accounts", 3).error().code, Code::kNotFound);
  EXPECT_EQ(engine->promote("others", 1).error().code, Code::kNotFound);
}

TEST_F(Switching, ASwitchFoldsTheLastEventsItself) {
  const auto engine = this->engine({.promote = Promote::kByHand});
  add(*engine, {1, 2});
  bank_->pay("a", 10);
  must(engine->catch_up());
  bank_->pay("a", 10);
  const auto before = must(views_[0].get("a")).checkpoint;
  must(engine->promote("accounts", 2));
  EXPECT_TRUE(must(views_[0].get("a")).checkpoint.covers(before));
}

TEST_F(Switching, TheOldOneIsKeptToGoBackTo) {
  const auto engine = this->engine();
  add(*engine, {1, 2});
  bank_->pay("a", 10);
  must(engine->catch_up());
  bank_->pay("a", 10);
  must(engine->catch_up());
  must(engine->rollback("accounts"));
  EXPECT_EQ(account(views_[0], "a"), (Account{20, 2})) << "at once, and up to date";
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 1), VersionRole::kLive) << "it is not switched forward by itself";
  EXPECT_EQ(role(*engine, 2), VersionRole::kKept);
  must(engine->rollback("accounts"));
  EXPECT_EQ(account(views_[0], "a"), (Account{40, 2}));
}

TEST_F(Switching, GoingBackFoldsWhatTheOldOneHasMissed) {
  for (const std::vector<std::uint32_t>& added : {std::vector<std::uint32_t>{1, 2}, {2}}) {
    const auto engine = this->engine();
    add(*engine, added);
    bank_->pay("a", 10);
    must(engine->catch_up());
    must(engine->close());
  }
  const auto engine = this->engine();
  add(*engine, {1, 2});
  EXPECT_EQ(account(views_[0], "a"), (Account{40, 2}));
  must(engine->rollback("accounts"));
  EXPECT_EQ(account(views_[0], "a"), (Account{20, 2}));
}

TEST_F(Switching, EveryStateSurvivesARestart) {
  struct Case {
    const char* name;
    std::vector<std::uint32_t> added;
    bool back;
    std::uint32_t live;
  };
  for (const Case& c :
       {Case{"built", {1, 2}, false, 2}, Case{"switched back", {1, 2}, true, 1},
        Case{"the old one is gone", {2}, false, 2}, Case{"three", {1, 2, 3}, false, 3},
        Case{"three, back", {1, 2, 3}, true, 2}}) {
    SCOPED_TRACE(c.name);
    bank_.reset();
    env_ = std::make_unique<SimEnv>();
    open_bank();
    for (std::uint32_t version = 1; version <= c.added.back(); ++version) {
      const auto engine = this->engine();
      if (version > 1) must(engine->add(accounts(version - 1)));
      must(engine->add(accounts(version)));
      bank_->pay("a", 10);
      must(engine->catch_up());
      if (c.back && version == c.added.back()) must(engine->rollback("accounts"));
      must(engine->close());
    }
    const auto engine = this->engine();
    add(*engine, c.added);
    must(engine->catch_up());
    EXPECT_EQ(role(*engine, c.live), VersionRole::kLive);
    EXPECT_EQ(must(views_[0].version()), c.live);
    EXPECT_EQ(account(views_[0], "a").cents, 10 * c.live * c.added.back());
  }
}

TEST_F(Switching, ALiveVersionThatIsNoLongerThereIsReplaced) {
  {
    const auto engine = this->engine();
    add(*engine, {1});
    bank_->pay("a", 10);
    must(engine->catch_up());
    must(engine->close());
  }
  const auto engine = this->engine();
  add(*engine, {2});
  EXPECT_EQ(role(*engine, 2), VersionRole::kBuilding);
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 2), VersionRole::kLive);
  EXPECT_EQ(read_version(0, "a", 10), 2);
  EXPECT_EQ(engine->rollback("accounts").error().code, Code::kNotFound);
}

TEST_F(Switching, AChangedDefinitionUnderTheSameVersionIsRefused) {
  {
    const auto engine = this->engine();
    add(*engine, {1});
    must(engine->close());
  }
  const auto engine = this->engine();
  const auto changed = accounts(1).on<Refunded>(
      [](Account& account, const Refunded& refunded) { account.cents -= refunded.cents; });
  const auto refused = engine->add(changed);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  for (const char* part : {"accounts", "version is still 1", "+ ", "Refunded", "version to 2"}) {
    EXPECT_NE(refused.error().detail.find(part), std::string::npos) << refused.error().text();
  }
  EXPECT_EQ(refused.error().detail.find("Paid"), std::string::npos)
      << "what is the same is not shown: " << refused.error().text();
  must(engine->add(changed.version(2)));
}

TEST_F(Switching, WhatIsNeitherLiveNorBuiltIsRemoved) {
  const auto engine = this->engine({.promote = Promote::kByHand});
  add(*engine, {1, 2});
  bank_->pay("a", 10);
  must(engine->catch_up());
  EXPECT_EQ(engine->remove_version("accounts", 1).error().code, Code::kInvalid) << "live";
  EXPECT_EQ(engine->remove_version("accounts", 2).error().code, Code::kInvalid) << "being built";
  must(engine->promote("accounts", 2));
  must(engine->remove_version("accounts", 1));
  EXPECT_EQ(env_->list("/views/accounts/v1").error().code, Code::kNotFound);
  EXPECT_EQ(account(views_[0], "a").cents, 20) << "the view of the removed one reads the live one";
  EXPECT_EQ(engine->rollback("accounts").error().code, Code::kNotFound);
  must(engine->remove_version("accounts", 7));
}

TEST_F(Switching, AViewStaysWithStatesOfItsType) {
  const auto engine = this->engine();
  const auto old_view = must(engine->add(accounts(1)));
  const auto counts = projection<PaymentCount>("accounts")
                          .version(2)
                          .from("bank")
                          .on<Paid>([](PaymentCount& state, const Paid&) { ++state.count; });
  const auto new_view = must(engine->add(counts));
  bank_->pay("a", 10);
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 2), VersionRole::kLive);
  EXPECT_EQ(account(old_view, "a").cents, 10);
  EXPECT_EQ(must(new_view.get("a")).state->count, 1);
}

// --- effects ---

class EffectsOverASwitch : public Switching {
protected:
  /// Payments are 1, 2, 3 …: how many mails of which version each has got.
  std::map<std::int64_t, std::string> mails() {
    std::map<std::int64_t, std::string> seen;
    for (const auto& mail : bank_->mails()) seen[std::stoll(*mail.stream)] += mail.type.back();
    return seen;
  }
  void expect_mails(std::int64_t first, std::int64_t last, const std::string& each) {
    const auto seen = mails();
    for (std::int64_t i = first; i <= last; ++i) {
      const auto at = seen.find(i);
      EXPECT_EQ(at == seen.end() ? "" : at->second, each) << "payment " << i;
    }
  }
};

TEST_F(EffectsOverASwitch, BeginWhereTheOthersEnded) {
  const auto engine = this->engine({.promote = Promote::kByHand});
  must(engine->add(senders(1)));
  must(engine->add(senders(2)));
  bank_->pay_many(1, 10);
  must(engine->catch_up());
  expect_mails(1, 10, "1");
  bank_->pay_many(11, 5);
  must(engine->promote("senders", 2));
  must(engine->catch_up());
  expect_mails(1, 10, "1");
  expect_mails(11, 15, "22");
  bank_->pay_many(16, 5);
  must(engine->catch_up());
  must(engine->rollback("senders"));
  bank_->pay_many(21, 5);
  must(engine->catch_up());
  expect_mails(16, 20, "22");
  expect_mails(21, 25, "1");
}

/// Events in memory; appends are refused while it is told so.
class RefusingSource final : public Source {
public:
  [[nodiscard]] std::string name() const override { return given.name(); }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    return given.inputs(topics);
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override {
    return given.open(topics, inputs, from);
  }
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override { return given.end(inputs); }
  Result<std::string> token(const Checkpoint& checkpoint) override {
    return given.token(checkpoint);
  }
  Result<Checkpoint> parse_token(std::string_view token) override {
    return given.parse_token(token);
  }
  EventAccess* events() override { return nullptr; }
  Result<void> append(std::vector<log::TopicEvent> events) override {
    if (refuses) return std::unexpected(Error{Code::kOverloaded, "not now"});
    return given.append(std::move(events));
  }

  GivenEvents given;
  bool refuses = false;
};

TEST_F(EffectsOverASwitch, WaitsForEffectsThatCannotLeaveYet) {
  RefusingSource source;
  source.given.add_topic("bank");
  source.given.add_topic("mails");
  const auto engine = must(
      Engine::open(source, {.folder = "/views", .promote = Promote::kByHand, .env = env_.get()}));
  must(engine->add(senders(1)));
  must(engine->add(senders(2)));
  source.given.add({.topic = "bank", .stream = "a", .type = "Paid", .data = R"({"cents":1})"});
  source.refuses = true;
  must(engine->catch_up());
  const auto refused = engine->promote("senders", 2);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kOverloaded) << refused.error().text();
  EXPECT_EQ(role(*engine, 1), VersionRole::kLive);
  source.refuses = false;
  must(engine->promote("senders", 2));
  must(engine->catch_up());
  ASSERT_EQ(source.given.count(), 2U) << "the payment, and one mail of version 1";
  EXPECT_EQ(source.given.at(Position(1)).type, "Mail1");
}

TEST_F(EffectsOverASwitch, AVersionThatReplacesAStoppedOneGoesOnAtThePoison) {
  const auto engine = this->engine();
  must(engine->add(senders(1)));
  bank_->pay_many(1, 3);
  must(engine->catch_up());
  const auto poison =
      bank_->events->append({.events = {{"bank", {.type = "Paid", .data = Bytes(3)}}}});
  ASSERT_TRUE(poison.has_value());
  bank_->pay_many(4, 3);
  EXPECT_FALSE(engine->catch_up().has_value());
  EXPECT_FALSE(engine->catch_up().has_value()) << "as long as it is the live one";
  must(engine->add(senders(2).on_poison(skip)));
  must(engine->catch_up());
  expect_mails(1, 3, "1");
  expect_mails(4, 6, "22");
}

TEST_F(EffectsOverASwitch, AVersionWhoseOldOneIsNotThereGoesOnFromItsSnapshot) {
  {
    const auto engine = this->engine();
    must(engine->add(senders(1)));
    bank_->pay_many(1, 5);
    must(engine->catch_up());
    must(engine->close());
  }
  bank_->pay_many(6, 5);
  const auto engine = this->engine();
  must(engine->add(senders(2)));
  must(engine->catch_up());
  expect_mails(1, 5, "1");
  expect_mails(6, 10, "22");
}

TEST_F(EffectsOverASwitch, AVersionWaitsForTheOldOneInAnotherProcess) {
  auto old = this->engine();
  must(old->add(senders(1)));
  bank_->pay_many(1, 5);
  must(old->catch_up());
  const auto engine = this->engine();
  must(engine->add(senders(2)));
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 2), VersionRole::kBuilding);
  EXPECT_EQ(engine->promote("senders", 2).error().code, Code::kAlreadyExists);
  bank_->pay_many(6, 5);
  must(old->catch_up());
  must(old->close());
  must(engine->catch_up());
  EXPECT_EQ(role(*engine, 2), VersionRole::kLive);
  bank_->pay_many(11, 5);
  must(engine->catch_up());
  expect_mails(1, 10, "1");
  expect_mails(11, 15, "22");
}

TEST_F(EffectsOverASwitch, AreNotLetOutAgainByAReplay) {
  {
    const auto engine = this->engine();
    must(engine->add(senders(1)));
    bank_->pay_many(1, 5);
    must(engine->catch_up());
    must(engine->add(senders(2)));
    must(engine->catch_up());
    must(engine->close());
  }
  const std::string states = "/views/senders/v2/all";
  for (const FolderEntry& entry : must(env_->list(states))) {
    if (!entry.is_folder) must(env_->remove(states + "/" + entry.name));
  }
  bank_->pay_many(6, 5);
  const auto engine = this->engine();
  must(engine->add(senders(1)));
  must(engine->add(senders(2)));
  must(engine->catch_up());
  expect_mails(1, 5, "1");
  expect_mails(6, 10, "22");
}

TEST_F(EffectsOverASwitch, TheFirstVersionMayBeginLater) {
  bank_->pay_many(1, 5);
  const auto engine = this->engine();
  const Position end = must(bank_->events->parse_token(bank_->pay("a", 6)));
  must(engine->add(senders(1), {.effects_from = Checkpoint::of_store(end.raw())}));
  bank_->pay_many(7, 2);
  must(engine->catch_up());
  expect_mails(1, 6, "");
  expect_mails(7, 8, "1");
}

}  // namespace
}  // namespace stele::projections
