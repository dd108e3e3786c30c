// A flow with effects and timers over a store, killed at every call that changes the disk, and
// restarted weeks later from its newest snapshot, an older one, or none; the store knows event ids
// in half of the runs. Every effect stands in the log once, in order; every timer fired once, or
// was cancelled.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "projections/flow/flow_task.h"
#include "projections/fold/projection.h"
#include "projections/process/outbox.h"
#include "tests/projections/process/process_fixture.h"
#include "tests/support/sim_random.h"

namespace stele::projections {
namespace {

constexpr std::int64_t kTimeoutMs = 40;
constexpr int kInputs = 40;

std::int64_t recorded_ms(std::int64_t recorded_us) {
  return recorded_us / 1000;
}

/// What a process manager does with an event of an order; `count` is the order's state.
void fold_order(std::int64_t& count, const InputEvent& event, Effects& effects) {
  const std::string stream(as_text(*event.stream));
  const std::string timer = "payment of " + stream;
  if (event.type == "Placed") {
    ++count;
    effects.append("out", new_event(stream, "Reserved", std::to_string(count)));
    effects.schedule(timer, recorded_ms(event.recorded_us) + kTimeoutMs, "orders",
                     new_event(stream, "TimedOut", std::to_string(count)));
  } else if (event.type == "Paid") {
    effects.cancel(timer);
    for (const char* type : {"Shipped", "Billed"})
      effects.append("out", new_event(stream, type, std::to_string(count)));
  } else if (event.type == "TimedOut") {
    effects.append("out", new_event(stream, "Freed", std::to_string(count)));
  }
}

/// The states of all orders.
class Orders {
public:
  void fold(const InputEvent& event, Effects& effects) {
    fold_order(counts[std::string(as_text(*event.stream))], event, effects);
  }
  std::map<std::string, std::int64_t> counts;
};

struct Snapshot {
  std::int64_t next = 0;
  std::map<std::string, std::int64_t> counts;
  Bytes outbox;
};

/// A process: a store and a flow on it, until the first error.
class Process {
public:
  Process(SimEnv& env, bool forgets_ids) : env_(env) {
    auto opened = log::Store::open("/data", env, forgetful_options(4 << 20));
    if (!opened) return;
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    for (const char* topic : {"orders", "out"})
      if (!store_->find_topic(topic) && !store_->create_topic({topic, 2, {}})) return;
    source_ = std::make_unique<PagedSource>(*events_, 3);
    source_->access().forgets_ids = forgets_ids;
  }
  virtual ~Process() = default;

  [[nodiscard]] virtual bool is_up() const = 0;
  /// False: the process is dead.
  virtual bool step() = 0;
  /// Keeps how far it has got, for the next process; false: dead.
  virtual bool keep() = 0;
  [[nodiscard]] virtual bool caught_up() const = 0;

  bool append(const std::string& stream, const std::string& type) {
    return events_->append({.events = {{"orders", new_event(stream, type)}}}).has_value();
  }
  bool catch_up() {
    do {
      if (!step()) return false;
    } while (!caught_up());
    return true;
  }
  std::vector<log::RecordedEvent> all(const std::string& topic) {
    auto page = events_->read({.select = log::TopicSelection{topic}, .events_max = 10'000});
    EXPECT_TRUE(page.has_value());
    return page ? std::move(page->events) : std::vector<log::RecordedEvent>{};
  }

protected:
  SimEnv& env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<PagedSource> source_;
};

/// The outbox alone, driven by hand; snapshots are the test's.
class BareProcess final : public Process {
public:
  BareProcess(SimEnv& env, bool forgets_ids, std::vector<Snapshot>& snapshots, const Snapshot& from)
      : Process(env, forgets_ids), snapshots_(snapshots), next_(from.next) {
    if (source_ == nullptr) return;
    orders_.counts = from.counts;
    ByteView bytes = from.outbox;
    if (!bytes.empty()) EXPECT_TRUE(outbox_.decode(bytes).has_value());
    auto reader = source_->open({"orders"}, {}, Checkpoint::of_store(next_));
    if (reader) reader_ = *std::move(reader);
  }

  [[nodiscard]] bool is_up() const override { return reader_ != nullptr; }
  [[nodiscard]] bool caught_up() const override { return caught_up_; }
  bool step() override {
    const auto lot = reader_->next({});
    if (!lot) return false;
    for (const InputEvent& event : (*lot)->events) {
      outbox_.begin(event, false);
      orders_.fold(event, outbox_);
      clock_ms_ = recorded_ms(event.recorded_us);
    }
    next_ = (*lot)->next;
    caught_up_ = (*lot)->end;
    if (!outbox_.flush(*source_)) return false;
    const std::int64_t now_ms = caught_up_ ? env_.wall_us() / 1000 : clock_ms_;
    const auto fired = outbox_.fire_due(now_ms, *source_);
    if (fired && *fired > 0) caught_up_ = false;
    return fired.has_value();
  }
  bool keep() override {
    Snapshot taken{.next = next_, .counts = orders_.counts, .outbox = {}};
    outbox_.encode(taken.outbox);
    snapshots_.push_back(std::move(taken));
    return true;
  }

private:
  std::vector<Snapshot>& snapshots_;
  std::unique_ptr<SourceReader> reader_;
  Orders orders_;
  Outbox outbox_{"saga"};
  std::int64_t next_ = 0;
  std::int64_t clock_ms_ = 0;
  bool caught_up_ = false;
};

struct OrderCount {
  std::int64_t count = 0;
};

/// A whole flow, with its snapshots on the disk that dies.
class FlowProcess final : public Process {
public:
  FlowProcess(SimEnv& env, bool forgets_ids) : Process(env, forgets_ids) {
    if (source_ == nullptr) return;
    const auto orders = projection<OrderCount>("saga").from("orders").on_any(
        [](OrderCount& order, const Meta& meta, Effects& effects) {
          fold_order(order.count, meta.event(), effects);
        });
    auto task = FlowTask::open(orders.definition(), *source_, {InputId::store()}, env,
                               {.folder = "/views"});
    if (task) task_ = *std::move(task);
  }

  [[nodiscard]] bool is_up() const override { return task_ != nullptr; }
  [[nodiscard]] bool caught_up() const override { return caught_up_; }
  bool step() override {
    const auto stepped = task_->step(std::chrono::nanoseconds(0));
    caught_up_ = stepped && *stepped;
    return stepped.has_value();
  }
  bool keep() override { return task_->commit().has_value(); }

private:
  std::unique_ptr<FlowTask> task_;
  bool caught_up_ = false;
};

/// Clients and the flow take turns.
void live(SimEnv& env, Process& process, SimRandom& random) {
  for (int i = 0; i < kInputs; ++i) {
    env.advance(std::chrono::milliseconds(random.below(25)));
    const std::string stream = "o-" + std::to_string(random.below(4));
    if (!process.append(stream, random.chance(50) ? "Placed" : "Paid")) return;
    if (random.chance(60) && !process.step()) return;
    if (random.chance(15) && !process.keep()) return;
  }
}

/// The effects that the log's events ask for, and what became of timers.
class Wanted final : public Effects {
public:
  void fold(const log::RecordedEvent& recorded) {
    const HeldEvent held(recorded);
    prefix_ = "effect:saga/orders/" + std::to_string(recorded.partition.partition) + "/" +
              std::to_string(recorded.offset.raw()) + "/";
    number_ = 0;
    now_ms_ = recorded_ms(recorded.recorded_us);
    if (recorded.type == "TimedOut") ++fired_[recorded.tags.at(0)];
    orders_.fold(held.event, *this);
  }
  void append(std::string /*topic*/, log::NewEvent event) override {
    out.push_back(prefix_ + std::to_string(number_++) + " " + event.type + text_of(event.data));
  }
  void schedule(std::string timer, std::int64_t at_ms, std::string /*topic*/,
                log::NewEvent /*event*/) override {
    end(timer);
    set_[timer] = {prefix_ + std::to_string(number_++), at_ms};
  }
  void cancel(std::string_view timer) override { end(std::string(timer)); }

  void judge() const {
    for (const auto& [timer, set] : set_) EXPECT_EQ(count_of(set.first), 1) << timer;
    for (const std::string& tag : ended_in_time_) EXPECT_EQ(count_of(tag), 0) << tag;
    for (const auto& [tag, count] : fired_) EXPECT_EQ(count, 1) << tag;
  }
  std::vector<std::string> out;

private:
  void end(const std::string& timer) {
    const auto set = set_.find(timer);
    if (set == set_.end()) return;
    if (now_ms_ < set->second.second) ended_in_time_.insert(set->second.first);
    set_.erase(set);
  }
  [[nodiscard]] int count_of(const std::string& tag) const {
    const auto fired = fired_.find(tag);
    return fired == fired_.end() ? 0 : fired->second;
  }

  Orders orders_;
  std::string prefix_;
  int number_ = 0;
  std::int64_t now_ms_ = 0;
  std::map<std::string, std::pair<std::string, std::int64_t>> set_;  ///< name → tag, due
  std::set<std::string> ended_in_time_;
  std::map<std::string, int> fired_;
};

/// Everything is folded, every timer due; then the log is what it must be.
void judge(SimEnv& env, Process& process) {
  env.advance(std::chrono::hours(1));
  ASSERT_TRUE(process.catch_up());
  ASSERT_TRUE(process.catch_up());
  Wanted wanted;
  for (const log::RecordedEvent& event : process.all("orders")) wanted.fold(event);
  wanted.judge();
  std::vector<std::string> out;
  for (const log::RecordedEvent& event : process.all("out"))
    out.push_back(event.tags.at(0) + " " + event.type + text_of(event.data));
  EXPECT_EQ(out, wanted.out);
}

struct LifeRun {
  std::uint64_t changes = 0;
  std::size_t fired = 0;
};

LifeRun live_on(SimEnv& env, SimRandom& random, Process& process) {
  EXPECT_TRUE(process.is_up());
  if (!process.is_up()) return {};
  if (random.chance(50)) judge(env, process);
  live(env, process, random);
  judge(env, process);
  std::size_t fired = 0;
  for (const log::RecordedEvent& event : process.all("orders")) fired += event.type == "TimedOut";
  return {.fired = fired};
}

/// A life that ends at a change of the disk, and one a month later that goes on from what is left.
LifeRun live_twice(bool whole_flow, std::uint64_t seed, std::optional<std::uint64_t> crash_after) {
  SimRandom random(seed);
  SimEnv env({}, {.seed = seed});
  if (crash_after) env.crash_after(*crash_after);
  std::vector<Snapshot> snapshots = {Snapshot()};
  const auto open = [&](SimEnv& on, const Snapshot& from) -> std::unique_ptr<Process> {
    const bool forgets_ids = random.chance(50);
    if (whole_flow) return std::make_unique<FlowProcess>(on, forgets_ids);
    return std::make_unique<BareProcess>(on, forgets_ids, snapshots, from);
  };
  {
    const auto process = open(env, Snapshot());
    if (process->is_up()) live(env, *process, random);
  }
  const std::size_t back = std::min<std::size_t>(random.below(3), snapshots.size() - 1);
  const Snapshot from = random.chance(20) ? Snapshot() : snapshots[snapshots.size() - 1 - back];
  SimEnv next(env.disk().killed(), {.seed = seed + 1});
  next.jump_wall(std::chrono::hours(24 * 30));
  LifeRun run = live_on(next, random, *open(next, from));
  run.changes = env.change_count();
  return run;
}

void die_everywhere(bool whole_flow) {
  const LifeRun whole = live_twice(whole_flow, 1, std::nullopt);
  ASSERT_GT(whole.changes, 100u);
  std::size_t fired = 0;
  for (std::uint64_t crash = 0; crash < whole.changes; ++crash) {
    SCOPED_TRACE(testing::Message() << "killed at change " << crash);
    fired += live_twice(whole_flow, 1 + crash % 7, crash).fired;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(fired, whole.changes);
}

TEST(OutboxCrashes, EveryEffectHappensOnceWhereverTheProcessDies) {
  die_everywhere(false);
}

TEST(OutboxCrashes, SoItIsWithAWholeFlowAndItsSnapshots) {
  die_everywhere(true);
}

}  // namespace
}  // namespace stele::projections
