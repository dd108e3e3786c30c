#include "projections/fold/projection.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "projections/testkit/given.h"
#include "tests/projections/fold/bank.h"

namespace stele::projections {
namespace {

using namespace bank;

Projection<Account> accounts() {
  return projection<Account>("accounts")
      .from("bank")
      .on<Opened>([](Account& a, const Opened&) { a.open = true; })
      .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents; })
      .on<Withdrawn>([](Account& a, const Withdrawn& e) -> Result<void> {
        if (a.cents < e.cents) return std::unexpected(Error{Code::kInvalid, "overdraft"});
        a.cents -= e.cents;
        return {};
      })
      .on<Closed>([](Account&, const Closed&) { return drop; });
}

/// One event of a type, folded with whatever the test gives.
InputEvent event_of(std::string_view type, std::string_view data, std::string_view stream = "a") {
  return {.topic = "bank", .stream = as_bytes(stream), .data = as_bytes(data), .type = type};
}

TEST(Projection, HandlersFoldTheirEventsIntoTheStreamsState) {
  EXPECT_EQ(given(accounts())
                .event("a", Opened{})
                .event("a", Deposited{500})
                .event("b", Deposited{70})
                .event("a", Withdrawn{120, "rent"})
                .event("a", "NobodyListens", "no JSON at all")
                .then("a", {.cents = 380, .open = true})
                .then("b", {.cents = 70})
                .then_nothing("c")
                .findings(),
            "");
}

TEST(Projection, DropForgetsTheState) {
  EXPECT_EQ(given(accounts())
                .event("a", Deposited{500})
                .event("a", Closed{})
                .then_nothing("a")
                .event("a", Deposited{1})
                .then("a", {.cents = 1})
                .findings(),
            "");
}

TEST(Projection, AnErrorOrAnExceptionIsTheReasonAndLeavesTheStateAsItWas) {
  const auto base = projection<Account>("p").from("bank").on_poison(skip).on<Deposited>(
      [](Account& a, const Deposited& e) { a.cents += e.cents; });
  struct Case {
    const char* reason;
    Projection<Account> projection;
  };
  const Case cases[] = {
      {"overdraft", base.on<Withdrawn>([](Account& a, const Withdrawn&) {
         a.cents = -1;
         poison("overdraft");
       })},
      {"out of cash", base.on<Withdrawn>([](Account& a, const Withdrawn&) -> Result<void> {
         a.cents = -1;
         return std::unexpected(Error{Code::kInvalid, "out of cash"});
       })},
      {"from elsewhere", base.on<Withdrawn>([](Account& a, const Withdrawn&) {
         a.cents = -1;
         throw std::out_of_range("from elsewhere");
       })},
      {"no std::exception", base.on<Withdrawn>([](Account& a, const Withdrawn&) {
         a.cents = -1;
         throw 7;
       })},
      {"refuses", base.on<Withdrawn>([](Account& a, const Withdrawn&) {
         a.cents = -1;
         return Verdict::kUndo;
       })}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.reason);
    EXPECT_EQ(given(c.projection)
                  .event("a", Deposited{5})
                  .event("a", Withdrawn{7, ""})
                  .event("new", Withdrawn{7, ""})
                  .then_poison(c.reason)
                  .then("a", {.cents = 5})
                  .then_nothing("new")
                  .findings(),
              "");
  }
}

TEST(Projection, OutOfMemoryIsNoPoison) {
  const DefinitionPtr definition = projection<Account>("p").from("bank").on<Opened>(
      [](Account&, const Opened&) { throw std::bad_alloc(); });
  struct OneState final : StateAccess {
    Account account;
    std::vector<Verdict> closed;
    void* open(ByteView) override { return &account; }
    void close(Verdict verdict) override { closed.push_back(verdict); }
  } states;
  FoldRun run{.states = states};
  const Handler& handler = *definition->find("Opened");
  EXPECT_THROW((void)handler.run(handler.object.get(), event_of("Opened", "{}"), run),
               std::bad_alloc);
  EXPECT_EQ(states.closed, std::vector{Verdict::kUndo});
}

TEST(Projection, MetaSaysWhereTheEventStands) {
  struct Seen {
    std::string text;
  };
  const auto seen =
      projection<Seen>("seen").from("bank").on<Opened>([](Seen& s, const Opened&, const Meta& m) {
        s.text = std::string(m.topic) + "/" + std::to_string(m.partition) + "/" +
                 std::to_string(m.offset.raw()) + " p" + std::to_string(m.position.raw()) + " v" +
                 std::to_string(m.version->raw()) + " t" + std::to_string(m.time_ms) + " " +
                 std::string(m.type) + " " + std::string(m.stream()) + " " + m.id() + " " +
                 std::string(m.header("trace").value_or("none")) + " " +
                 std::string(as_text(*m.data));
      });
  EXPECT_EQ(given(seen)
                .event("other", Opened{})
                .event({.topic = "bank",
                        .stream = "a",
                        .type = "Opened",
                        .data = "{}",
                        .time_ms = 42,
                        .headers = {{"ce_id", "e-1"}, {"trace", "t-9"}}})
                .then("a", {"bank/0/1 p1 v0 t42 Opened a e-1 t-9 {}"})
                .findings(),
            "");
}

TEST(Projection, KeyByAnEventGivesOneKeyNoneOrSeveral) {
  const auto by_name =
      projection<Account>("by-name")
          .from("bank")
          .key_by<Withdrawn>([](const Withdrawn& e) { return e.reason; })
          .key_by<Deposited>([](const Deposited& e) -> std::optional<std::string> {
            if (e.cents > 100) return std::nullopt;
            return "small";
          })
          .key_by<Moved>([](const Moved& e, const Meta&) {
            return std::vector<std::string>{e.from, e.to, e.from};
          })
          .on<Withdrawn>([](Account& a, const Withdrawn& e) { a.cents -= e.cents; })
          .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents; })
          .on<Moved>([](Account& a, const Moved& e) { a.cents += e.cents; });
  EXPECT_EQ(given(by_name)
                .event("s", Withdrawn{3, "rent"})
                .event("s", Deposited{7})
                .event("s", Deposited{700})
                .event("s", Moved{"x", "y", 10})
                .then("rent", {.cents = -3})
                .then("small", {.cents = 7})
                .then("x", {.cents = 10})
                .then("y", {.cents = 10})
                .then_nothing("s")
                .findings(),
            "");
  EXPECT_FALSE(by_name.definition()->keyed_by_stream);
  EXPECT_TRUE(accounts().definition()->keyed_by_stream);
}

TEST(Projection, APoisonEventOfSeveralKeysChangesNoneOfThemAndHasNoEffects) {
  const auto moves = projection<Account>("moves")
                         .from("bank")
                         .on_poison(skip)
                         .key_by<Moved>([](const Moved& e) { return std::vector{e.from, e.to}; })
                         .on<Moved>([](Account& a, const Moved& e, const Meta&, Effects& effects) {
                           a.cents += e.cents;
                           effects.append("told", {.type = "Told"});
                           if (a.cents > 10) poison("too much");
                         });
  EXPECT_EQ(given(moves)
                .event("s", Moved{"x", "full", 10})
                .event("s", Moved{"y", "full", 5})
                .then_poison("too much")
                .then("x", {.cents = 10})
                .then("full", {.cents = 10})
                .then_nothing("y")
                .findings(),
            "");
  const Outcome outcome = fold_scene(moves, {{.topic = "bank",
                                              .stream = "s",
                                              .type = "Moved",
                                              .data = R"({"from":"x","to":"y","cents":1})"}})
                              .value();
  EXPECT_EQ(outcome.effects.size(), 2U);
  EXPECT_TRUE(moves.definition()->has_effects);
}

TEST(Projection, KeyByPlaceHoldsForAllEvents) {
  const auto all = projection<Account>("all")
                       .from("bank")
                       .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents; })
                       .on_any([](Account& a, const Meta&) { a.open = true; })
                       .key_by([](const Meta& m) { return std::string(m.topic); });
  EXPECT_EQ(given(all)
                .event("a", Deposited{1})
                .event("b", Deposited{2})
                .event("c", "Anything", "not read")
                .event({.topic = "bank", .type = "NoStream"})
                .then("bank", {.cents = 3, .open = true})
                .findings(),
            "");
  EXPECT_FALSE(all.definition()->keyed_by_stream);
}

TEST(Projection, AnEventWithoutAStreamIsPoisonWhereStreamsAreKeys) {
  EXPECT_EQ(given(accounts())
                .event({.topic = "bank", .type = "Opened", .data = "{}"})
                .then_poison("no stream")
                .findings(),
            "");
}

TEST(Projection, UpcastersChain) {
  const auto upcast =
      accounts()
          .upcast<DepositedV1>([](DepositedV1&& old) { return DepositedV2{std::stoll(old.euros)}; })
          .upcast<DepositedV2>([](DepositedV2&& old) { return Deposited{old.euros * 100}; });
  EXPECT_EQ(given(upcast)
                .event("a", DepositedV1{"3"})
                .event("a", DepositedV2{4})
                .event("a", Deposited{5})
                .then("a", {.cents = 705})
                .event("a", DepositedV1{"three"})
                .then_poison("stoll")
                .then("a", {.cents = 705})
                .findings(),
            "");
  const auto keyed = upcast.key_by<Deposited>([](const Deposited&) { return "one"; });
  EXPECT_EQ(given(keyed).event("a", DepositedV1{"3"}).then("one", {.cents = 300}).findings(), "");
}

TEST(Projection, LooksUpInATableAsOfTheEvent) {
  const auto limits = projection<Account>("limits").from("limits").on<Deposited>(
      [](Account& a, const Deposited& e) { a.cents = e.cents; });
  const auto capped = projection<Account>("capped").from("bank").looks_up(limits).on<Deposited>(
      [limits](Account& a, const Deposited& e, const Meta& m) {
        const Account* limit = m.find(limits, m.stream());
        a.cents = limit == nullptr ? e.cents : std::min(e.cents, limit->cents);
      });
  EXPECT_EQ(given(capped)
                .event("a", Deposited{500})
                .then("a", {.cents = 500})
                .in("limits")
                .event("a", Deposited{100})
                .in("bank")
                .then("a", {.cents = 500})
                .event("a", Deposited{500})
                .then("a", {.cents = 100})
                .findings(),
            "");
  const auto forgot = projection<Account>("forgot").from("bank").on<Deposited>(
      [limits](Account&, const Deposited&, const Meta& m) { (void)m.find(limits, "a"); });
  EXPECT_EQ(given(forgot).event("a", Deposited{1}).then_poison(".looks_up(limits)").findings(), "");
}

TEST(Projection, KeysTellsTheKeysThatTheHandlerOpens) {
  const auto moves = projection<Account>("moves")
                         .from("bank")
                         .key_by<Moved>([](const Moved& e) { return std::vector{e.from, e.to}; })
                         .on<Moved>([](Account&, const Moved&) {});
  const Handler& handler = *moves.definition()->find("Moved");
  std::vector<std::string> keys;
  const InputEvent event = event_of("Moved", R"({"from":"x","to":"y","cents":1})");
  ASSERT_TRUE(handler.keys(handler.object.get(), event,
                           [&](ByteView key) { keys.emplace_back(as_text(key)); }));
  EXPECT_EQ(keys, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(accounts().definition()->find("Opened")->keys, nullptr);
}

TEST(Projection, ALaneFoldsTheKeysThatItOwnsAndPassesOverTheOthers) {
  struct OneKey final : StateAccess {
    Account account;
    void* open(ByteView key) override { return as_text(key) == "y" ? &account : nullptr; }
    void close(Verdict) override {}
  } states;
  const auto moves = projection<Account>("moves")
                         .from("bank")
                         .key_by<Moved>([](const Moved& e) { return std::vector{e.from, e.to}; })
                         .on<Moved>([](Account& a, const Moved&) { a.open = true; });
  FoldRun run{.states = states};
  const Handler& handler = *moves.definition()->find("Moved");
  const InputEvent event = event_of("Moved", R"({"from":"x","to":"y","cents":1})");
  ASSERT_TRUE(handler.run(handler.object.get(), event, run));
  EXPECT_TRUE(states.account.open);
}

TEST(Projection, EveryCallLeavesWhatItWasCalledOn) {
  const auto base = accounts();
  const DefinitionPtr before = base.definition();
  const auto other = base.version(7).from("more").on_poison(park("parked")).publish("changes");
  EXPECT_EQ(base.definition(), before);
  EXPECT_EQ(before->version, 1U);
  EXPECT_EQ(before->topics, std::vector<std::string>{"bank"});
  EXPECT_EQ(other.definition()->version, 7U);
  EXPECT_EQ(other.definition()->topics, (std::vector<std::string>{"bank", "more"}));
  EXPECT_EQ(other.definition()->park_topic, "parked");
  EXPECT_EQ(other.definition()->publish_topic, "changes");
  auto copy = base;
  EXPECT_EQ(copy.definition(), before);
  copy = base.version(3);
  EXPECT_NE(copy.definition(), before);
  const auto keyed = base.key_by<Deposited>([](const Deposited&) { return "k"; });
  EXPECT_EQ(before->find("Deposited")->keys, nullptr);
  EXPECT_EQ(given(base).event("a", Deposited{1}).then("a", {.cents = 1}).findings(), "");
  EXPECT_EQ(given(keyed).event("a", Deposited{1}).then("k", {.cents = 1}).findings(), "");
}

TEST(Projection, OneHandlerForSeveralEvents) {
  const auto both = projection<Account>("both").from("bank").on<Deposited, Withdrawn>(
      [](Account& a, const auto& e) { a.cents += e.cents; });
  EXPECT_EQ(given(both)
                .event("a", Deposited{1})
                .event("a", Withdrawn{2, ""})
                .then("a", {.cents = 3})
                .findings(),
            "");
}

TEST(Projection, EffectsAreAskedForInAnyOrderOfParameters) {
  const auto manager = projection<Account>("manager")
                           .from("bank")
                           .on<Opened>([](Account&, const Opened&, Effects& fx, const Meta& m) {
                             fx.schedule("t-" + std::string(m.stream()), m.time_ms + 10, "bank",
                                         new_event(Closed{}));
                           })
                           .on<Withdrawn>([](Account&, const Withdrawn& e, Effects& fx) {
                             fx.append("bank", new_event(Deposited{e.cents}));
                           })
                           .on_any([](Account&, const Meta&, Effects& fx) { fx.cancel("t-a"); });
  EXPECT_EQ(given(manager)
                .event("a", Opened{}, 100)
                .event("a", Withdrawn{7, ""})
                .event("a", "Else", "")
                .then_schedule("t-a", 110, "bank", Closed{})
                .then_append("bank", Deposited{7})
                .then_cancel("t-a")
                .then_no_more_effects()
                .findings(),
            "");
  EXPECT_TRUE(manager.definition()->has_effects);
  EXPECT_FALSE(accounts().definition()->has_effects);
}

}  // namespace
}  // namespace stele::projections
