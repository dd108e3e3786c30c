// What an event costs between the log and the handler, and a state between memory and bytes: no
// store, no table, one key.
#include <benchmark/benchmark.h>

#include <cstring>

#include "projections/fold/projection.h"

namespace {

struct Account {
  std::int64_t cents = 0;
  std::int64_t count = 0;
  bool open = false;
};
struct Deposited {
  std::int64_t cents = 0;
  std::string_view account;
  std::int64_t at_ms = 0;
};
/// Eight bytes in the record's value.
struct Counted {
  std::int64_t by = 0;
};
struct Order {
  std::string customer;
  std::int64_t cents = 0;
  std::vector<std::string> tags;
};

}  // namespace

namespace stele::projections {
template <>
struct event_traits<Deposited> : json_event<"Deposited"> {};
template <>
struct event_traits<Counted> {
  static constexpr std::string_view type = "Counted";
  static Result<Counted> decode(const InputEvent& event) {
    if (!event.data || event.data->size() != sizeof(Counted)) {
      return std::unexpected(Error{Code::kInvalid, "Counted: not 8 bytes"});
    }
    return Counted{load_le<std::int64_t>(event.data->data())};
  }
};
}  // namespace stele::projections

namespace {

using namespace stele;
using namespace stele::projections;

/// 100 bytes.
constexpr std::string_view kJson =
    R"({"account":"acc-0000017","cents":12345,"at_ms":1700000000123,"note":"a member nobody reads","x":[1]})";
static_assert(kJson.size() == 100);

class OneState final : public StateAccess {
public:
  void* open(ByteView) override { return &account_; }
  void close(Verdict) override {}
  [[nodiscard]] const Account& account() const { return account_; }

private:
  Account account_;
};

Projection<Account> accounts() {
  return projection<Account>("accounts")
      .from("bank")
      .on<Deposited>([](Account& a, const Deposited& e) {
        a.cents += e.cents;
        ++a.count;
      })
      .on<Counted>([](Account& a, const Counted& e) { a.count += e.by; });
}

void count_events(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void BM_DecodeJsonEvent_100Bytes(benchmark::State& state) {
  const InputEvent event{.data = as_bytes(kJson), .type = "Deposited"};
  for (auto _ : state) benchmark::DoNotOptimize(decode_event<Deposited>(event));
  count_events(state);
}
BENCHMARK(BM_DecodeJsonEvent_100Bytes);

/// Definition::find and Handler::run, with a table that costs nothing.
void fold_one(benchmark::State& state, std::string_view type, std::string_view data) {
  const DefinitionPtr definition = accounts().definition();
  const InputEvent event{.stream = as_bytes("acc-0000017"), .data = as_bytes(data), .type = type};
  OneState states;
  FoldRun run{.states = states};
  for (auto _ : state) {
    const Handler* handler = definition->find(event.type);
    if (!handler->run(handler->object.get(), event, run)) state.SkipWithError("poison");
  }
  benchmark::DoNotOptimize(states.account());
  count_events(state);
}
void BM_FoldEvent_Json100Bytes(benchmark::State& state) {
  fold_one(state, "Deposited", kJson);
}
BENCHMARK(BM_FoldEvent_Json100Bytes);
void BM_FoldEvent_8Bytes(benchmark::State& state) {
  fold_one(state, "Counted", std::string_view("\x01\0\0\0\0\0\0\0", 8));
}
BENCHMARK(BM_FoldEvent_8Bytes);

template <class S>
void encode_state(benchmark::State& state, const S& value) {
  const StateType type = state_type_of<S>();
  Bytes bytes;
  for (auto _ : state) {
    bytes.clear();
    type.encode(&value, bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  count_events(state);
}
void BM_EncodeState_ThreeNumbers(benchmark::State& state) {
  encode_state(state, Account{1, 2, true});
}
BENCHMARK(BM_EncodeState_ThreeNumbers);
void BM_EncodeState_TextsAndAList(benchmark::State& state) {
  encode_state(state, Order{"customer-17", 500, {"red", "express"}});
}
BENCHMARK(BM_EncodeState_TextsAndAList);

void BM_DecodeState_TextsAndAList(benchmark::State& state) {
  const StateType type = state_type_of<Order>();
  const Order order{"customer-17", 500, {"red", "express"}};
  Bytes bytes;
  type.encode(&order, bytes);
  Order again;
  for (auto _ : state) {
    if (!type.decode(bytes, &again)) state.SkipWithError("corrupt");
  }
  count_events(state);
}
BENCHMARK(BM_DecodeState_TextsAndAList);

}  // namespace
