// The example of projections/README.md, as it stands there.
#include <gtest/gtest.h>

#include <cstdint>

// [example]
#include "projections/projections.h"
using namespace stele::projections;

struct Deposited { std::int64_t cents = 0; };
struct Closed {};
struct Account { std::int64_t cents = 0; };
template <> struct stele::projections::event_traits<Deposited> : json_event<"Deposited"> {};
template <> struct stele::projections::event_traits<Closed> : json_event<"Closed"> {};

const auto accounts = projection<Account>("accounts").version(2).from("bank")
  .on<Deposited>([](Account& a, const Deposited& e, const Meta& m) {
    if (e.cents < 0) poison("a negative deposit at " + m.id());
    a.cents += e.cents;
  })
  .on<Closed>([](Account&, const Closed&) { return drop; })
  .store(memory{.snapshot_every = 100'000, .keep = 4});
// [example]
