// Orders: a process manager that leads an order through stock and payment, and walks back what was
// done if a step fails or a payment does not come in time (a saga with compensation).
//
//   OrderPlaced ─► ReserveStock ─► StockReserved ─► TakePayment ─► PaymentTaken ─► OrderConfirmed
//                                       PaymentRefused, or PaymentTimedOut ─┐
//                        OrderCancelled ◄─ ReleaseStock ◄─ undo, last first ┘
//
// Stock and payment are played by main(). All of an order stands in its stream of topic "orders".
//
//   orders FOLDER
#include <log/event_store/event_store.h>
#include <projections/engine/engine.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shop {

using stele::projections::Effects;
using stele::projections::Meta;
using stele::projections::new_event;

struct OrderPlaced {
  std::int64_t cents = 0;
};
struct StockReserved {};
struct PaymentTaken {};
struct PaymentRefused {
  std::string reason;
};
struct PaymentTimedOut {};

// What the process manager asks for and says.
struct ReserveStock {};
struct ReleaseStock {};
struct TakePayment {
  std::int64_t cents = 0;
};
struct OrderConfirmed {};
struct OrderCancelled {
  std::string reason;
};

/// How far an order has got.
struct Order {
  std::int64_t cents = 0;
  std::vector<std::string> done;  ///< steps that have to be undone if a later one fails
  std::string outcome;            ///< empty: it is under way
};

}  // namespace shop

namespace stele::projections {

template <>
struct event_traits<shop::OrderPlaced> : json_event<"OrderPlaced"> {};
template <>
struct event_traits<shop::StockReserved> : json_event<"StockReserved"> {};
template <>
struct event_traits<shop::PaymentTaken> : json_event<"PaymentTaken"> {};
template <>
struct event_traits<shop::PaymentRefused> : json_event<"PaymentRefused"> {};
template <>
struct event_traits<shop::PaymentTimedOut> : json_event<"PaymentTimedOut"> {};
template <>
struct event_traits<shop::ReserveStock> : json_event<"ReserveStock"> {};
template <>
struct event_traits<shop::ReleaseStock> : json_event<"ReleaseStock"> {};
template <>
struct event_traits<shop::TakePayment> : json_event<"TakePayment"> {};
template <>
struct event_traits<shop::OrderConfirmed> : json_event<"OrderConfirmed"> {};
template <>
struct event_traits<shop::OrderCancelled> : json_event<"OrderCancelled"> {};

}  // namespace stele::projections

namespace shop {

constexpr std::int64_t kPaymentMs = 30 * 60 * 1000;

template <class E>
void say(Effects& effects, const Meta& meta, const E& event) {
  stele::log::NewEvent made = new_event(event);
  made.stream = std::string(meta.stream());
  effects.append("orders", std::move(made));
}

std::string payment_timer(const Meta& meta) {
  return "payment of " + std::string(meta.stream());
}

/// Compensation: what was done is undone, last first.
void walk_back(Order& order, const Meta& meta, Effects& effects, std::string reason) {
  if (!order.outcome.empty()) return;
  effects.cancel(payment_timer(meta));
  for (; !order.done.empty(); order.done.pop_back())
    if (order.done.back() == "stock") say(effects, meta, ReleaseStock{});
  order.outcome = "cancelled: " + reason;
  say(effects, meta, OrderCancelled{std::move(reason)});
}

stele::projections::Projection<Order> orders() {
  return stele::projections::projection<Order>("orders")
      .from("orders")
      .on<OrderPlaced>([](Order& order, const OrderPlaced& e, const Meta& m, Effects& effects) {
        order.cents = e.cents;
        say(effects, m, ReserveStock{});
      })
      .on<StockReserved>([](Order& order, const StockReserved&, const Meta& m, Effects& effects) {
        order.done.push_back("stock");
        say(effects, m, TakePayment{order.cents});
        stele::log::NewEvent late = new_event(PaymentTimedOut{});
        late.stream = std::string(m.stream());
        effects.schedule(payment_timer(m), m.time_ms + kPaymentMs, "orders", std::move(late));
      })
      .on<PaymentTaken>([](Order& order, const PaymentTaken&, const Meta& m, Effects& effects) {
        if (!order.outcome.empty()) return;  // it came too late
        effects.cancel(payment_timer(m));
        order.outcome = "confirmed";
        say(effects, m, OrderConfirmed{});
      })
      .on<PaymentRefused>([](Order& order, const PaymentRefused& e, const Meta& m,
                             Effects& effects) { walk_back(order, m, effects, e.reason); })
      .on<PaymentTimedOut>([](Order& order, const PaymentTimedOut&, const Meta& m,
                              Effects& effects) { walk_back(order, m, effects, "not paid"); });
}

}  // namespace shop

namespace {

using stele::Result;
using stele::log::EventStore;
using stele::log::ReadPage;
using stele::log::RecordedEvent;
using stele::log::Store;
using stele::log::StreamSelection;
using stele::projections::Engine;
using stele::projections::View;

/// The world outside: an event that somebody else appends.
template <class E>
Result<void> happen(EventStore& events, const std::string& order, const E& event,
                    std::int64_t time_ms) {
  stele::log::NewEvent made = stele::projections::new_event(event);
  made.stream = order;
  made.time_ms = time_ms;
  // The same in every run: a second one changes nothing.
  made.id = "example/" + order + "/" + made.type;
  const auto appended = events.append({.events = {{"orders", std::move(made)}}});
  if (!appended) return std::unexpected(appended.error().error);
  return {};
}

Result<void> play(EventStore& events, Engine& engine, std::int64_t now_ms) {
  const std::int64_t long_ago_ms = now_ms - 2 * shop::kPaymentMs;
  for (const char* order : {"paid", "refused", "forgotten"}) {
    STELE_DO(happen(events, order, shop::OrderPlaced{4200}, long_ago_ms));
    const bool is_forgotten = order == std::string("forgotten");
    STELE_DO(happen(events, order, shop::StockReserved{}, is_forgotten ? long_ago_ms : now_ms));
  }
  STELE_DO(happen(events, "paid", shop::PaymentTaken{}, now_ms));
  STELE_DO(happen(events, "refused", shop::PaymentRefused{"no cover"}, now_ms));
  return engine.catch_up();
}

Result<void> print(EventStore& events, const View<shop::Order>& orders) {
  for (const char* order : {"paid", "refused", "forgotten"}) {
    STELE_TRY(const auto answer, orders.get(order));
    std::printf("%s: %s\n", order, answer.state ? answer.state->outcome.c_str() : "unknown");
    STELE_TRY(const ReadPage page, events.read({.select = StreamSelection{"orders", order}}));
    for (const RecordedEvent& event : page.events) std::printf("  %s\n", event.type.c_str());
  }
  return {};
}

Result<void> run(const std::string& folder) {
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(folder + "/store"));
  if (!store->find_topic("orders"))
    STELE_DO(store->create_topic({.name = "orders", .partition_count = 4, .settings = {}}));
  EventStore events(*store);
  STELE_TRY(const std::unique_ptr<Engine> engine,
            Engine::open(events, {.folder = folder + "/views"}));
  STELE_TRY(const View<shop::Order> orders, engine->add(shop::orders()));
  STELE_DO(play(events, *engine, store->env().wall_us() / 1000));
  STELE_DO(print(events, orders));
  STELE_DO(engine->close());
  STELE_DO(store->close());
  return {};
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::fprintf(stderr, "usage: orders FOLDER\n");
    return 2;
  }
  const Result<void> done = run(arguments[1]);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().text().c_str());
  return 1;
}
