// A process manager at work in a flow: steps, compensation, time-outs; replays from the beginning,
// muted and not; restarts from snapshots that are old.
#include "projections/flow/flow_task.h"
#include "projections/fold/projection.h"
#include "projections/sources/embedded_source.h"
#include "tests/projections/process/process_fixture.h"

namespace stele::projections {
namespace saga {

struct Placed {};
struct Reserved {};
struct Paid {};
struct Refused {};
struct TimedOut {};

struct Order {
  std::vector<std::string> done;
  std::string outcome;
};

}  // namespace saga

template <>
struct event_traits<saga::Placed> : json_event<"Placed"> {};
template <>
struct event_traits<saga::Reserved> : json_event<"Reserved"> {};
template <>
struct event_traits<saga::Paid> : json_event<"Paid"> {};
template <>
struct event_traits<saga::Refused> : json_event<"Refused"> {};
template <>
struct event_traits<saga::TimedOut> : json_event<"TimedOut"> {};

namespace {

using saga::Order;
using saga::Paid;
using saga::Placed;
using saga::Refused;
using saga::Reserved;
using saga::TimedOut;

constexpr std::int64_t kTimeoutMs = 60'000;

log::NewEvent said(const Meta& meta, std::string type) {
  return {.stream = std::string(meta.stream()), .type = std::move(type)};
}

void walk_back(Order& order, const Meta& meta, Effects& effects, const char* outcome) {
  if (!order.outcome.empty()) return;
  effects.cancel(meta.stream());
  for (; !order.done.empty(); order.done.pop_back())
    effects.append("asked", said(meta, "Undo" + order.done.back()));
  order.outcome = outcome;
}

Projection<Order> orders(std::uint32_t version = 1) {
  return projection<Order>("orders")
      .version(version)
      .from("orders")
      .on<Placed>([](Order&, const Placed&, const Meta& m, Effects& fx) {
        fx.append("asked", said(m, "Reserve"));
        fx.append("asked", said(m, "Label"));
      })
      .on<Reserved>([](Order& o, const Reserved&, const Meta& m, Effects& fx) {
        o.done = {"Reserve", "Label"};
        fx.append("asked", said(m, "Charge"));
        fx.schedule(std::string(m.stream()), m.recorded_us / 1000 + kTimeoutMs, "orders",
                    said(m, "TimedOut"));
      })
      .on<Paid>([](Order& o, const Paid&, const Meta& m, Effects& fx) {
        fx.cancel(m.stream());
        if (o.outcome.empty()) o.outcome = "paid";
      })
      .on<Refused>([](Order& o, const Refused&, const Meta& m, Effects& fx) {
        walk_back(o, m, fx, "refused");
      })
      .on<TimedOut>([](Order& o, const TimedOut&, const Meta& m, Effects& fx) {
        walk_back(o, m, fx, "timed out");
      });
}

class SagaTest : public ProcessFixture {
protected:
  SagaTest()
      : flow_source_(std::make_unique<EmbeddedSource>(*events_, EmbeddedSourceOptions{2048})) {
    create("orders");
    create("asked");
    create("noise");
  }
  void happen(const std::string& order, std::initializer_list<const char*> types) {
    for (const char* type : types) append("orders", new_event(order, type, "{}"));
  }
  void start(const std::string& folder, std::optional<Checkpoint> effects_from = Checkpoint{},
             std::uint32_t version = 1) {
    task_.reset();
    auto task = FlowTask::open(orders(version).definition(), *flow_source_, {InputId::store()},
                               env_, {.folder = folder, .effects_from = std::move(effects_from)});
    ASSERT_TRUE(task.has_value()) << task.error().text();
    task_ = std::move(*task);
    catch_up();
  }
  void catch_up() {
    for (int calm = 0; calm < 3;) {
      const auto stepped = task_->step(std::chrono::nanoseconds(0));
      ASSERT_TRUE(stepped.has_value()) << stepped.error().text();
      calm = *stepped ? calm + 1 : 0;
    }
  }
  std::string outcome(const std::string& order) {
    std::string said;
    const auto read = task_->read(as_bytes(order), [&](const void* state) {
      said = state == nullptr ? "none" : static_cast<const Order*>(state)->outcome;
    });
    EXPECT_TRUE(read.has_value());
    return said;
  }
  std::vector<std::string> asked(const std::string& order) {
    std::vector<std::string> types;
    for (const log::RecordedEvent& event : all("asked"))
      if (event.stream == order) types.push_back(event.type);
    return types;
  }
  std::size_t count(const std::string& type) {
    const std::vector<std::string> all = types("orders");
    return static_cast<std::size_t>(std::ranges::count(all, type));
  }
  void happen_all() {
    happen("paid", {"Placed", "Reserved", "Paid"});
    happen("refused", {"Placed", "Reserved", "Refused"});
    happen("late", {"Placed", "Reserved"});
  }

  std::unique_ptr<EmbeddedSource> flow_source_;
  std::unique_ptr<FlowTask> task_;
};

const std::vector<std::string> kForward = {"Reserve", "Label", "Charge"};
const std::vector<std::string> kBack = {"Reserve", "Label", "Charge", "UndoLabel", "UndoReserve"};

TEST_F(SagaTest, FailureWalksBackAndATimeoutIsAFailure) {
  happen_all();
  start("/views");
  EXPECT_EQ(outcome("paid"), "paid");
  EXPECT_EQ(asked("paid"), kForward);
  EXPECT_EQ(outcome("refused"), "refused");
  EXPECT_EQ(asked("refused"), kBack);
  EXPECT_EQ(outcome("late"), "");
  EXPECT_EQ(asked("late"), kForward);
  env_.advance(std::chrono::milliseconds(kTimeoutMs));
  catch_up();
  EXPECT_EQ(outcome("late"), "timed out");
  EXPECT_EQ(asked("late"), kBack);
  EXPECT_EQ(count("TimedOut"), 1u);
  EXPECT_EQ(outcome("paid"), "paid");
}

TEST_F(SagaTest, ReplayFromTheBeginningRepeatsNothing) {
  happen_all();
  start("/views");
  env_.advance(std::chrono::hours(1));
  catch_up();
  const std::size_t asked_count = all("asked").size();
  const std::size_t orders_count = all("orders").size();
  forget_ids();
  // Snapshots lost; the next version, which asks for the same; both not muted.
  start("/elsewhere");
  EXPECT_EQ(outcome("late"), "timed out");
  start("/next", Checkpoint{}, 2);
  EXPECT_EQ(outcome("refused"), "refused");
  EXPECT_EQ(all("asked").size(), asked_count);
  EXPECT_EQ(all("orders").size(), orders_count);
}

TEST_F(SagaTest, ARestartFromAnOldSnapshotRepeatsNothing) {
  happen("late", {"Placed", "Reserved"});
  start("/views");
  ASSERT_TRUE(task_->commit().has_value());
  happen("paid", {"Placed", "Reserved", "Paid"});
  env_.advance(std::chrono::hours(1));
  catch_up();
  EXPECT_EQ(count("TimedOut"), 1u);
  const std::size_t asked_count = all("asked").size();
  forget_ids();
  start("/views");
  EXPECT_EQ(outcome("late"), "timed out");
  EXPECT_EQ(count("TimedOut"), 1u);
  EXPECT_EQ(all("asked").size(), asked_count);
}

TEST_F(SagaTest, EffectsBeginWhereTheyAreToldTo) {
  happen_all();
  const Checkpoint from = Checkpoint::of_store(store_->end().raw());
  start("/views", from);
  EXPECT_EQ(outcome("refused"), "refused");
  EXPECT_TRUE(all("asked").empty());
  happen("new", {"Placed"});
  happen("late", {"Refused"});
  catch_up();
  EXPECT_EQ(asked("new"), (std::vector<std::string>{"Reserve", "Label"}));
  // What the muted past has done is undone, its timer cancelled.
  EXPECT_EQ(asked("late"), (std::vector<std::string>{"UndoLabel", "UndoReserve"}));
  env_.advance(std::chrono::hours(1));
  catch_up();
  EXPECT_EQ(count("TimedOut"), 0u);
}

TEST_F(SagaTest, AMutedHistoryFiresNothingThatItLaterTookBack) {
  happen("paid", {"Placed", "Reserved"});
  env_.advance(std::chrono::hours(1));
  for (int i = 0; i < 200; ++i) append("orders", new_event("other", "Noise"));
  happen("paid", {"Paid"});
  happen("late", {"Placed", "Reserved"});
  env_.advance(std::chrono::hours(1));
  start("/views", Checkpoint::of_store(store_->end().raw()));
  EXPECT_EQ(outcome("paid"), "paid");
  // The one that is overdue fires when effects begin.
  EXPECT_EQ(count("TimedOut"), 1u);
  EXPECT_EQ(outcome("late"), "timed out");
}

TEST_F(SagaTest, WhatWasRecordedInTimeCountsHoweverLateTheFlowIs) {
  happen("paid", {"Placed", "Reserved"});
  for (int i = 0; i < 200; ++i) append("orders", new_event("other", "Noise"));
  happen("paid", {"Paid"});
  env_.advance(std::chrono::hours(1));
  start("/views");
  EXPECT_EQ(outcome("paid"), "paid");
  EXPECT_EQ(count("TimedOut"), 0u);
}

TEST_F(SagaTest, AVersionThatIsNotLiveDoesNothingUntilItIs) {
  happen_all();
  start("/views", std::nullopt);
  env_.advance(std::chrono::hours(1));
  catch_up();
  EXPECT_TRUE(all("asked").empty());
  EXPECT_EQ(count("TimedOut"), 0u);
  task_->set_effects_from(task_->checkpoint());
  catch_up();
  EXPECT_EQ(count("TimedOut"), 1u);
  EXPECT_EQ(asked("late"), (std::vector<std::string>{"UndoLabel", "UndoReserve"}));
}

}  // namespace
}  // namespace stele::projections
