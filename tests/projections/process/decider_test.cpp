#include "projections/process/decider.h"

#include <atomic>
#include <thread>

#include "tests/log/env/temp_folder.h"
#include "tests/projections/process/process_fixture.h"

namespace stele::projections {
namespace bank {

struct Opened {
  std::string owner;
};
struct Deposited {
  std::int64_t cents = 0;
};
struct Withdrawn {
  std::int64_t cents = 0;
};
struct Closed {};
struct Spoilt {
  std::int64_t cents = 0;
};

struct Account {
  std::int64_t cents = 0;
  std::int64_t events = 0;
  bool open = false;
};

struct Open {
  std::string owner;
};
struct Withdraw {
  std::int64_t cents = 0;
};

Result<std::vector<std::variant<Opened, Deposited>>> decide(const Account& account,
                                                            const Open& command) {
  if (account.open) return refuse("it is open already");
  return std::vector<std::variant<Opened, Deposited>>{Opened{command.owner}, Deposited{1}};
}
Result<Withdrawn> decide(const Account& account, const Withdraw& command) {
  if (account.cents < command.cents) return refuse("overdrawn");
  return Withdrawn{command.cents};
}

}  // namespace bank

template <>
struct event_traits<bank::Opened> : json_event<"Opened"> {};
template <>
struct event_traits<bank::Deposited> : json_event<"Deposited"> {};
template <>
struct event_traits<bank::Withdrawn> : json_event<"Withdrawn"> {};
template <>
struct event_traits<bank::Closed> : json_event<"Closed"> {};
template <>
struct event_traits<bank::Spoilt> : json_event<"Spoilt"> {};

namespace {

using bank::Account;
using bank::Closed;
using bank::Deposited;
using bank::Open;
using bank::Opened;
using bank::Spoilt;
using bank::Withdraw;
using bank::Withdrawn;

Projection<Account> accounts() {
  return projection<Account>("accounts")
      .from("bank")
      .on<Opened>([](Account& a, const Opened&) { a.open = true; })
      .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents, ++a.events; })
      .on<Withdrawn>([](Account& a, const Withdrawn& e) { a.cents -= e.cents, ++a.events; })
      .on<Spoilt>([](Account& a, const Spoilt&) {
        a.cents = -1000;
        poison("spoilt");
      })
      .on<Closed>([](Account&, const Closed&) { return drop; });
}

class DeciderTest : public ProcessFixture {
protected:
  DeciderTest() {
    create("bank");
    create("noise");
  }
  [[nodiscard]] EventAccess& access() { return source_->access(); }
  [[nodiscard]] Decider<Account> bank() { return decider(accounts(), access()); }
  static Decided done(const Result<Decided>& decided) {
    EXPECT_TRUE(decided.has_value()) << (decided ? "" : decided.error().text());
    return decided ? *decided : Decided{};
  }
  /// What somebody else does between load and append.
  void deposit(std::int64_t cents, const std::string& stream = "acc-7") {
    log::NewEvent event = new_event(Deposited{cents});
    event.stream = stream;
    append("bank", std::move(event));
  }
};

TEST_F(DeciderTest, DecidesOnTheFoldedStateAndAppendsWhereItWasRead) {
  const Decided opened = done(bank().handle("acc-7", Open{"ann"}));
  ASSERT_EQ(opened.events.size(), 2u);
  EXPECT_EQ(opened.version, Version(1));
  EXPECT_EQ(opened.attempts, 1);
  EXPECT_FALSE(opened.repeated);
  deposit(500);
  const Decided taken = done(bank().handle("acc-7", Withdraw{501}));
  EXPECT_EQ(taken.version, Version(3));
  EXPECT_EQ(access().parse_token(taken.token).value(), all("bank").back().position.next());
  EXPECT_EQ(types("bank"),
            (std::vector<std::string>{"Opened", "Deposited", "Deposited", "Withdrawn"}));
  EXPECT_EQ(text_of(all("bank").back().data), R"({"cents":501})");
  EXPECT_EQ(all("bank").back().content_type, "application/json");
}

TEST_F(DeciderTest, ARefusalIsTheAnswerAndNothingIsWritten) {
  const auto refused = bank().handle("acc-7", Withdraw{1});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().detail, "overdrawn");
  EXPECT_TRUE(all("bank").empty());
}

TEST_F(DeciderTest, NothingToDoIsDoneToo) {
  deposit(5);
  const Decided nothing =
      done(bank().handle("acc-7", [](const Account&) -> Result<Decision> { return Decision(); }));
  EXPECT_TRUE(nothing.events.empty());
  EXPECT_EQ(nothing.version, Version(0));
  EXPECT_EQ(access().parse_token(nothing.token).value(), store_->end());
}

TEST_F(DeciderTest, WhoWasOvertakenDecidesAgainOnTheNewState) {
  int calls = 0;
  std::vector<std::int64_t> seen;
  const Decided decided =
      done(bank().handle("acc-7", [&](const Account& account) -> Result<Withdrawn> {
        seen.push_back(account.cents);
        if (++calls <= 2) deposit(calls == 1 ? 10 : 20);
        return Withdrawn{account.cents};
      }));
  EXPECT_EQ(decided.attempts, 3);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 10, 30}));
  EXPECT_EQ(text_of(all("bank").back().data), R"({"cents":30})");
}

TEST_F(DeciderTest, WhoIsAlwaysOvertakenGivesUp) {
  int calls = 0;
  const auto decided = bank().handle("acc-7",
                                     [&](const Account&) -> Result<Withdrawn> {
                                       deposit(++calls);
                                       return Withdrawn{1};
                                     },
                                     {.attempts_max = 4});
  ASSERT_FALSE(decided.has_value());
  EXPECT_EQ(decided.error().code, Code::kWrongVersion);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(types("bank"), std::vector<std::string>(4, "Deposited"));
}

TEST_F(DeciderTest, ACommandSentAgainGetsItsFirstAnswerForEver) {
  const DecideOptions command{.command = "c-1"};
  const Decided first = done(bank().handle("acc-7", Open{"ann"}, command));
  EXPECT_FALSE(first.repeated);
  EXPECT_EQ(first.events[1].id, "c-1/1");
  for (const bool forget : {false, true}) {
    if (forget) forget_ids();
    const Decided again = done(bank().handle("acc-7", Open{"ann"}, command));
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.version, first.version);
    EXPECT_EQ(again.token, first.token);
    ASSERT_EQ(again.events.size(), 2u);
    EXPECT_EQ(again.events[1].position, first.events[1].position);
    EXPECT_EQ(again.events[1].id, "c-1/1");
  }
  EXPECT_EQ(all("bank").size(), 2u);
  const auto other = bank().handle("acc-7", Open{"ann"}, {.command = "c-2"});
  EXPECT_EQ(other.error().detail, "it is open already");
}

TEST_F(DeciderTest, ACommandThatOvertakesItselfHappensOnce) {
  create("other");
  for (const bool forgets : {false, true}) {
    source_->access().forgets_ids = forgets;
    const DecideOptions command{.command = forgets ? "c-1" : "c-2"};
    const std::size_t before = all("other").size();
    bool retried = false;
    const auto decide = [&](const Account&) -> Result<Decision> {
      if (!retried) {
        retried = true;
        done(bank().handle(
            "acc-8",
            [](const Account&) -> Result<Decision> {
              return Decision().add(Withdrawn{1}, {.topic = "other"});
            },
            command));
      }
      return Decision().add(Withdrawn{2}, {.topic = "other"});
    };
    // The version of acc-7 holds: the command alone tells.
    const Decided decided = done(bank().handle("acc-7", decide, command));
    EXPECT_TRUE(decided.repeated);
    EXPECT_EQ(all("other").size() - before, 1u);
  }
}

TEST_F(DeciderTest, ACommandWhoseEventsWereRemovedIsNotCarriedOutAgain) {
  const DecideOptions command{.command = "c-1"};
  done(bank().handle("acc-7", Open{"ann"}, command));
  std::optional<Result<void>> limited;
  events_->set_limits({"bank", "acc-7"}, {.truncate_before = Version(2)},
                      [&](Result<void> done) { limited = std::move(done); });
  store_->run_until([&] { return limited.has_value(); });
  forget_ids();
  const auto again = bank().handle("acc-7", Open{"ann"}, command);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Code::kAlreadyExists) << again.error().text();
}

TEST_F(DeciderTest, ALoadedStateSparesTheBeginning) {
  for (int i = 0; i < 20; ++i) deposit(1);
  auto loaded = bank().load("acc-7");
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->state().cents, 20);
  EXPECT_EQ(loaded->version(), Version(19));
  deposit(5);
  Account seen;
  const Decided decided = done(bank().handle(
      "acc-7",
      [&](const Account& account) -> Result<Withdrawn> {
        seen = account;
        return Withdrawn{1};
      },
      {}, &*loaded));
  EXPECT_EQ(seen.cents, 25);
  EXPECT_EQ(seen.events, 21);
  EXPECT_EQ(decided.version, Version(21));
  EXPECT_FALSE(bank().load("acc-9")->version().has_value());
}

TEST_F(DeciderTest, AStreamLongerThanAPageIsReadWhole) {
  std::vector<log::TopicEvent> many;
  for (int i = 0; i < 2500; ++i) {
    many.push_back({"bank", new_event(Deposited{1})});
    many.back().event.stream = "acc-7";
  }
  ASSERT_TRUE(events_->append({.events = std::move(many)}).has_value());
  EXPECT_EQ(bank().load("acc-7")->state().cents, 2500);
  EXPECT_EQ(bank().load("acc-7")->version(), Version(2499));
}

TEST_F(DeciderTest, DropBeginsAnewAndPoisonStopsOrIsPassedOver) {
  deposit(5);
  log::NewEvent closed = new_event(Closed{});
  closed.stream = "acc-7";
  append("bank", std::move(closed));
  EXPECT_EQ(bank().load("acc-7")->state().cents, 0);
  deposit(7);
  log::NewEvent spoilt = new_event(Spoilt{});
  spoilt.stream = "acc-7";
  append("bank", std::move(spoilt));
  const auto stopped = bank().load("acc-7");
  ASSERT_FALSE(stopped.has_value());
  EXPECT_NE(stopped.error().detail.find("bank/0/3 (Spoilt, stream acc-7)"), std::string::npos)
      << stopped.error().detail;
  const Projection<Account> lenient = accounts().on_poison(skip);
  EXPECT_EQ(decider(lenient, access()).load("acc-7")->state().cents, 7);
}

TEST_F(DeciderTest, AQueryGuardsWhatTheDecisionRestsOnAndNothingElse) {
  create("seats");
  const auto sold = projection<Account>("sold").from("seats").on<Withdrawn>(
      [](Account& a, const Withdrawn&) { ++a.events; });
  const Decider<Account> seats = decider(sold, access());
  const log::Query query{{{.types = {"Withdrawn"}, .tags = {"seat:4"}}}};
  const auto sell = [&](const std::string& booking, const std::string& tag) {
    return Decision().add(Withdrawn{1}, {.stream = booking, .tags = {tag}});
  };
  int calls = 0;
  const auto decided = seats.handle_query(query, [&](const Account& account) -> Result<Decision> {
    if (account.events > 0) return refuse("it is sold");
    if (++calls == 1) {
      std::vector<log::TopicEvent> other = sell("b-2", "seat:5").take("seats", std::nullopt);
      EXPECT_TRUE(events_->append({.events = std::move(other)}).has_value());
      deposit(1);
    }
    return sell("b-1", "seat:4");
  });
  // Another seat, another topic: no conflict.
  EXPECT_EQ(done(decided).attempts, 1);
  const auto again = seats.handle_query(query, [&](const Account& account) -> Result<Decision> {
    if (account.events > 0) return refuse("it is sold");
    return sell("b-3", "seat:4");
  });
  EXPECT_EQ(again.error().detail, "it is sold");

  const log::Query other{{{.types = {"Withdrawn"}, .tags = {"seat:6"}}}};
  calls = 0;
  const auto raced = seats.handle_query(other, [&](const Account& account) -> Result<Decision> {
    if (account.events > 0) return refuse("it is sold");
    ++calls;
    std::vector<log::TopicEvent> faster = sell("b-9", "seat:6").take("seats", std::nullopt);
    EXPECT_TRUE(events_->append({.events = std::move(faster)}).has_value());
    return sell("b-4", "seat:6");
  });
  EXPECT_EQ(raced.error().detail, "it is sold");
  EXPECT_EQ(calls, 1);
}

TEST_F(DeciderTest, WhatWasReadIsNoConflict) {
  create("seats");
  const auto sold = projection<Account>("sold").from("seats").on<Withdrawn>(
      [](Account& a, const Withdrawn&) { ++a.events; });
  const Decider<Account> seats = decider(sold, access());
  const auto sell = [](const Account& account) -> Result<Decision> {
    if (account.events == 2) return refuse("it is full");
    return Decision().add(Withdrawn{1}, {.stream = "b", .tags = {"flight:1"}});
  };
  const log::Query query{{{.tags = {"flight:1"}}}};
  for (int i = 0; i < 2; ++i) EXPECT_EQ(done(seats.handle_query(query, sell)).attempts, 1);
  EXPECT_EQ(seats.handle_query(query, sell).error().detail, "it is full");
}

TEST_F(DeciderTest, WhatLooksThingsUpIsNoDecider) {
  const auto table =
      projection<Account>("table").from("bank").on<Opened>([](Account&, const Opened&) {});
  const auto refused = decider(accounts().looks_up(table), access()).load("acc-7");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
}

// Four threads take from one account until it is empty, each coin once.
TEST(DeciderThreads, RacingDecidersLoseNothing) {
  const TempFolder folder;
  auto opened = log::Store::open(folder.path());
  ASSERT_TRUE(opened.has_value()) << opened.error().text();
  ASSERT_TRUE((*opened)->create_topic({"bank", 1, {}}).has_value());
  log::EventStore events(**opened);
  PagedSource source(events);
  const Decider<Account> bank = decider(accounts(), *source.events());
  constexpr std::int64_t kCoins = 100;
  ASSERT_TRUE(
      bank.handle("acc-7", [](const Account&) -> Result<Deposited> { return Deposited{kCoins}; })
          .has_value());
  std::atomic<std::int64_t> taken = 0;
  std::atomic<std::int64_t> attempts = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (;;) {
        const auto decided = bank.handle("acc-7", Withdraw{1}, {.attempts_max = 1000});
        if (!decided) {
          EXPECT_EQ(decided.error().detail, "overdrawn");
          return;
        }
        ++taken;
        attempts += decided->attempts;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, kCoins);
  EXPECT_GE(attempts, kCoins);
  EXPECT_EQ(bank.load("acc-7")->state().cents, 0);
  EXPECT_EQ(bank.load("acc-7")->version(), Version(kCoins));
  RecordProperty("attempts", std::to_string(attempts));
  ASSERT_TRUE((*opened)->close().has_value());
}

}  // namespace
}  // namespace stele::projections
