#include "projections/testkit/given.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/projections/fold/bank.h"

namespace stele::projections {
namespace {

using namespace bank;

Projection<Account> accounts() {
  return projection<Account>("accounts")
      .from("bank")
      .on<Opened>([](Account& a, const Opened&) { a.open = true; })
      .on<Deposited>([](Account& a, const Deposited& e) {
        if (e.cents < 0) poison("negative");
        a.cents += e.cents;
      });
}

struct Last {
  std::int64_t cents = 0;
};
/// The order of deposits shows.
Projection<Last> last() {
  return projection<Last>("last").from("bank").on<Deposited>(
      [](Last& l, const Deposited& e) { l.cents = e.cents; });
}

/// Its codec loses a field.
struct Leaky {
  std::int64_t kept = 0;
  std::int64_t lost = 0;
};

}  // namespace

template <>
struct state_traits<Leaky> : described<field<"kept", &Leaky::kept>> {};

namespace {

TEST(Given, SaysNothingWhereAllIsWell) {
  EXPECT_EQ(given(accounts())
                .event("acc-7", Opened{}, 1)
                .event("acc-7", Deposited{500}, 2)
                .then("acc-7", Account{500, true})
                .replay_equal()
                .restart_every(1)
                .shuffled_times(7)
                .findings(),
            "");
}

TEST(Given, SaysWhatWasWantedAndWhatWasFound) {
  EXPECT_EQ(given(accounts())
                .event("acc-7", Deposited{500})
                .then("acc-7", Account{400, true})
                .then("acc-8", Account{})
                .then_nothing("acc-7")
                .findings(),
            "then: after 1 events acc-7: wanted {\"cents\":400,\"open\":true}, "
            "found {\"cents\":500,\"open\":false}\n"
            "then: after 1 events acc-8: wanted {\"cents\":0,\"open\":false}, found nothing\n"
            "then: after 1 events acc-7: wanted nothing, found {\"cents\":500,\"open\":false}\n");
}

TEST(Given, PoisonThatNobodyExpectsIsAFinding) {
  const auto scene = [] { return given(accounts()).event("a", Deposited{-1}); };
  EXPECT_EQ(scene().findings(), "poison: bank/0/0 (Deposited, stream a): negative\n");
  EXPECT_EQ(scene().then_poison("negative").findings(), "");
  EXPECT_EQ(given(accounts()).event("a", Opened{}).then_poison("negative").findings(),
            "then_poison: no event was poison because of 'negative'\n");
}

TEST(Given, TheFoldStopsBeforeAPoisonEventUnlessItIsSkipped) {
  const auto story = [](const Projection<Account>& projection, std::int64_t cents) {
    return given(projection)
        .event("a", Deposited{1})
        .event("a", "Deposited", "no JSON")
        .event("a", Deposited{2})
        .then_poison("no JSON object")
        .then("a", {.cents = cents})
        .findings();
  };
  EXPECT_EQ(story(accounts(), 1), "");
  EXPECT_EQ(story(accounts().on_poison(skip), 3), "");
  EXPECT_EQ(story(accounts().on_poison(park("parked")), 3), "");
}

TEST(Given, AWrongDefinitionIsTheFinding) {
  EXPECT_EQ(given(projection<Account>("p").from("t")).then_nothing("a").findings(),
            "definition: invalid: projection p: no handler; say .on<Event>(…)\n");
}

TEST(Given, ReplayEqualFindsAHandlerThatRemembers) {
  const auto remembered = std::make_shared<std::int64_t>(0);
  const auto impure = projection<Last>("impure").from("bank").on<Deposited>(
      [remembered](Last& l, const Deposited&) { l.cents = ++*remembered; });
  const std::string findings = given(impure).event("a", Deposited{1}).replay_equal().findings();
  EXPECT_EQ(findings,
            "replay_equal: a: wanted {\"cents\":1}, found {\"cents\":2}\n"
            "replay_equal: a: wanted {\"cents\":1}, found {\"cents\":3}\n");
}

TEST(Given, RestartsFindWhatTheCodecLoses) {
  const auto leaky =
      projection<Leaky>("leaky").from("bank").on<Deposited>([](Leaky& l, const Deposited& e) {
        l.lost += e.cents;
        l.kept = l.lost;
      });
  const std::string findings =
      given(leaky).event("a", Deposited{1}).event("a", Deposited{2}).restart_every(1).findings();
  EXPECT_EQ(findings, "restart_every: a: wanted {\"kept\":3}, found {\"kept\":2}\n");
}

TEST(Given, ShuffledTimesFindAStateThatDependsOnTheOrderOfArrival) {
  auto ordered = given(last());
  for (std::int64_t at = 0; at < 5; ++at) ordered.event("a", Deposited{at}, at);
  const std::string findings = ordered.shuffled_times(1).findings();
  EXPECT_TRUE(findings.starts_with("shuffled_times(1), as of ")) << findings;
  EXPECT_EQ(given(last()).event("a", Deposited{1}).shuffled_times(1).findings(),
            "shuffled_times: every event has to be given its time\n");
}

TEST(Given, GoldenComparesWithAFileAndWritesItTheFirstTime) {
  const std::string path = testing::TempDir() + "given_golden.txt";
  std::filesystem::remove(path);
  const auto check = [&](std::int64_t cents) {
    return given(accounts())
        .event("a", Deposited{cents})
        .event("b", Opened{})
        .golden(path)
        .findings();
  };
  EXPECT_EQ(check(5), "golden: " + path + " was not there: it is written now, look at it\n");
  EXPECT_EQ(check(5), "");
  EXPECT_EQ(check(6),
            "golden: wanted a\t{\"cents\":5,\"open\":false}\n"
            "golden: found  a\t{\"cents\":6,\"open\":false}\n");
  std::filesystem::remove(path);
}

TEST(Given, EffectsAreComparedInOrder) {
  const auto manager = projection<Account>("m").from("bank").on<Withdrawn>(
      [](Account&, const Withdrawn& e, Effects& fx) {
        fx.append("bank", new_event(Deposited{e.cents}));
      });
  EXPECT_EQ(given(manager)
                .event("a", Withdrawn{7, ""})
                .event("a", Withdrawn{8, ""})
                .then_append("bank", Deposited{8})
                .then_no_more_effects()
                .findings(),
            "effect: 0: wanted append bank Deposited {\"cents\":8}, "
            "found append bank Deposited {\"cents\":7}\n"
            "effect: 1: wanted nothing, found append bank Deposited {\"cents\":8}\n");
}

}  // namespace
}  // namespace stele::projections
