// The example of projections/README.md, as it stands there: readme_example.sh compares the lines
// between the marks, and compiles them with g++ too.
#include <gtest/gtest.h>

#include "projections/testkit/given.h"

// clang-format off
// [example]
#include "projections/projections.h"
using namespace stele::projections;

struct Deposited { std::int64_t cents = 0; };
struct Closed {};
struct Account { std::int64_t cents = 0; };
template <> struct stele::projections::event_traits<Deposited> : json_event<"Deposited"> {};
template <> struct stele::projections::event_traits<Closed> : json_event<"Closed"> {};

auto accounts = projection<Account>("accounts").version(2).from("bank")
  .on<Deposited>([](Account& a, const Deposited& e, const Meta& m) {
    if (e.cents <= 0) poison("event " + m.id() + " deposits nothing");
    a.cents += e.cents; })
  .on<Closed>([](Account&, const Closed&) { return drop; })
  .store(memory{.snapshot_every = 100'000, .keep = 4});
// [example]
// clang-format on

namespace {

TEST(ReadmeExample, Folds) {
  EXPECT_EQ(given(accounts)
                .event("acc-7", Deposited{500})
                .then("acc-7", {.cents = 500})
                .event("acc-7", Closed{})
                .then_nothing("acc-7")
                .event("acc-7", Deposited{0})
                .then_poison("event bank/0/2 deposits nothing")
                .replay_equal()
                .restart_every(1)
                .findings(),
            "");
  EXPECT_EQ(accounts.definition()->version, 2U);
}

}  // namespace
