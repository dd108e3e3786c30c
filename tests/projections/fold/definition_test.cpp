#include "projections/fold/definition.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/projections/fold/bank.h"

namespace stele::projections {
namespace {

using namespace bank;

constexpr auto kDeposit = [](Account& a, const Deposited& e) { a.cents += e.cents; };

Projection<Account> deposits() {
  return projection<Account>("deposits").from("bank").on<Deposited>(kDeposit);
}

TEST(Definition, CheckNamesWhatIsWrong) {
  struct Case {
    const char* said;
    DefinitionPtr definition;
  };
  const auto lookup = deposits();
  const Case cases[] = {
      {"a name is 1 to 100", projection<Account>("").from("t").on<Deposited>(kDeposit)},
      {"a name is 1 to 100", projection<Account>("a/b").from("t").on<Deposited>(kDeposit)},
      {"a name is 1 to 100",
       projection<Account>(std::string(101, 'a')).from("t").on<Deposited>(kDeposit)},
      {"cannot be a folder", projection<Account>("..").from("t").on<Deposited>(kDeposit)},
      {"versions count from 1", deposits().version(0)},
      {"no topic", projection<Account>("p").on<Deposited>(kDeposit)},
      {"topic bank is given twice", deposits().from("bank")},
      {"a topic without a name", deposits().from("")},
      {"no handler", projection<Account>("p").from("t")},
      {"on<Deposited>() is said twice", deposits().on<Deposited>(kDeposit)},
      {"key_by<Withdrawn>() without on<Withdrawn>()",
       deposits().key_by<Withdrawn>([](const Withdrawn&) { return "k"; })},
      {"DepositedV1 is upcast to DepositedV2, which has no on<>()",
       deposits().upcast<DepositedV1>([](DepositedV1&&) { return DepositedV2{}; })},
      {"lead in a circle", deposits()
                               .upcast<DepositedV1>([](DepositedV1&&) { return DepositedV2{}; })
                               .upcast<DepositedV2>([](DepositedV2&&) { return DepositedV1{}; })},
      {"has an upcaster, and on<>()", deposits()
                                          .upcast<Deposited>([](Deposited&&) { return Moved{}; })
                                          .on<Moved>([](Account&, const Moved&) {})},
      {"on_any() is said twice",
       deposits().on_any([](Account&, const Meta&) {}).on_any([](Account&, const Meta&) {})},
      {"two folds named deposits", deposits().looks_up(lookup)},
      {"looks things up itself",
       projection<Account>("p").from("t").on<Deposited>(kDeposit).looks_up(
           projection<Account>("q").from("t").on<Deposited>(kDeposit).looks_up(lookup))},
      {"lookup q has effects or publishes",
       projection<Account>("p").from("t").on<Deposited>(kDeposit).looks_up(
           projection<Account>("q").from("t").on<Deposited>(kDeposit).publish("c"))},
      {"no topic says where", deposits().on_poison(PoisonPolicy::kPark)},
      {"parks poison events in bank, which it folds", deposits().on_poison(park("bank"))},
      {"publishes to bank, which it folds", deposits().publish("bank")},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.said);
    const Result<void> checked = check_definition(*c.definition);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_NE(checked.error().detail.find(c.said), std::string::npos) << checked.error().detail;
  }
  EXPECT_TRUE(check_definition(*deposits().definition()));
  EXPECT_TRUE(check_definition(
      *projection<Account>("p").from("t").on<Deposited>(kDeposit).looks_up(lookup).definition()));
}

TEST(Definition, FingerprintIsOfWhatStatesDependOn) {
  struct Wide {
    std::int64_t cents = 0;
    std::int64_t open = 0;
  };
  const auto base = deposits();
  const std::uint64_t fingerprint = base.definition()->fingerprint();
  struct Case {
    const char* what;
    DefinitionPtr definition;
    bool same;
  };
  const Case cases[] = {
      {"said again", deposits(), true},
      {"another version number", base.version(9), true},
      {"another store", base.store(sqlite{}), true},
      {"another poison policy", base.on_poison(park("p")), true},
      {"another topic", base.from("more"), false},
      {"another event type", base.on<Opened>([](Account&, const Opened&) {}), false},
      {"another key", base.key_by<Deposited>([](const Deposited&) { return "k"; }), false},
      {"a key for all", base.key_by([](const Meta&) { return "k"; }), false},
      {"an upcaster", base.upcast<DepositedV2>([](DepositedV2&&) { return Deposited{}; }), false},
      {"a lookup", base.looks_up(projection<Account>("q").from("t").on<Deposited>(kDeposit)),
       false},
      {"any other event", base.on_any([](Account&, const Meta&) {}), false},
      {"another state",
       projection<Wide>("deposits").from("bank").on<Deposited>([](Wide&, const Deposited&) {}),
       false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(c.definition->fingerprint() == fingerprint, c.same) << c.definition->described();
  }
}

TEST(Definition, DescribedIsALineForEachThing) {
  const DefinitionPtr definition =
      deposits()
          .from("archive")
          .upcast<DepositedV2>([](DepositedV2&& old) { return Deposited{old.euros * 100}; })
          .key_by<Deposited>([](const Deposited&) { return "k"; });
  EXPECT_EQ(definition->described(),
            "projection: deposits\n"
            "from: archive\n"
            "from: bank\n"
            "state: {cents: i64, open: bool}\n"
            "on Deposited: {cents: i64}, keyed by a function of it\n"
            "on DepositedV2: {euros: i64} as Deposited {cents: i64}, keyed by a function of it\n");
}

TEST(Definition, FindsHandlersByTypeHoweverManyThereAre) {
  for (const std::size_t count : {0U, 1U, 8U, 9U, 40U}) {
    SCOPED_TRACE(count);
    Definition definition;
    for (std::size_t at = 0; at < count; ++at) {
      definition.handlers.push_back({.type = "T" + std::to_string(100 + at)});
    }
    for (const Handler& handler : definition.handlers) {
      EXPECT_EQ(definition.find(handler.type), &handler);
    }
    EXPECT_EQ(definition.find("T"), nullptr);
    EXPECT_EQ(definition.find("T999"), nullptr);
    definition.otherwise = Handler{};
    EXPECT_EQ(definition.find("T999"), &*definition.otherwise);
  }
}

}  // namespace
}  // namespace stele::projections
