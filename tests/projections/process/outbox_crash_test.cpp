// A flow with effects and timers over a store, killed at every call that changes the disk, restarted
// weeks later from its newest snapshot, an older one, or none; the store knows event ids in half of
// the runs. Every effect stands in the log once, in order; every timer fired once, or was cancelled.
#include <gtest/gtest.h>

#include <map>
#include <set>

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

/// What a process manager does with an event of an order, and the order's state.
class Orders {
public:
  void fold(const InputEvent& event, Effects& effects) {
    const std::string stream(as_text(*event.stream));
    const std::string timer = "payment of " + stream;
    if (event.type == "Placed") {
      const std::string count = std::to_string(++counts[stream]);
      effects.append("out", new_event(stream, "Reserved", count));
      effects.schedule(timer, recorded_ms(event.recorded_us) + kTimeoutMs, "orders",
                       new_event(stream, "TimedOut", count));
    } else if (event.type == "Paid") {
      effects.cancel(timer);
      for (const char* type : {"Shipped", "Billed"})
        effects.append("out", new_event(stream, type, std::to_string(counts[stream])));
    } else if (event.type == "TimedOut") {
      effects.append("out", new_event(stream, "Freed", std::to_string(counts[stream])));
    }
  }
  std::map<std::string, int> counts;
};

struct Snapshot {
  std::int64_t next = 0;
  std::map<std::string, int> counts;
  Bytes outbox;
};

/// A process: a store and a flow on it, until the first error.
class Process {
public:
  Process(SimEnv& env, const Snapshot& from, bool forgets_ids) : env_(env) {
    auto opened = log::Store::open("/data", env, forgetful_options(4 << 20));
    if (!opened) return;
    store_ = std::move(*opened);
    events_ = std::make_unique<log::EventStore>(*store_);
    for (const char* topic : {"orders", "out"})
      if (!store_->find_topic(topic) && !store_->create_topic({topic, 2, {}})) return;
    source_ = std::make_unique<PagedSource>(*events_, 3);
    source_->access().forgets_ids = forgets_ids;
    next_ = from.next;
    orders_.counts = from.counts;
    ByteView bytes = from.outbox;
    if (!bytes.empty()) EXPECT_TRUE(outbox_.decode(bytes).has_value());
    auto reader = source_->open({"orders"}, {}, Checkpoint::of_store(next_));
    if (reader) reader_ = *std::move(reader);
  }

  [[nodiscard]] bool is_up() const { return reader_ != nullptr; }
  bool append(const std::string& stream, const std::string& type) {
    return events_->append({.events = {{"orders", new_event(stream, type)}}}).has_value();
  }
  /// False: the process is dead.
  bool step() {
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
    return outbox_.fire_due(now_ms, *source_).has_value();
  }
  bool catch_up() {
    do {
      if (!step()) return false;
    } while (!caught_up_);
    return true;
  }
  [[nodiscard]] Snapshot snapshot() const {
    Snapshot taken{.next = next_, .counts = orders_.counts, .outbox = {}};
    outbox_.encode(taken.outbox);
    return taken;
  }
  [[nodiscard]] const Outbox& outbox() const { return outbox_; }
  std::vector<log::RecordedEvent> all(const std::string& topic) {
    auto page = events_->read({.select = log::TopicSelection{topic}, .events_max = 10'000});
    EXPECT_TRUE(page.has_value());
    return page ? std::move(page->events) : std::vector<log::RecordedEvent>{};
  }

private:
  SimEnv& env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<PagedSource> source_;
  std::unique_ptr<SourceReader> reader_;
  Orders orders_;
  Outbox outbox_{"saga"};
  std::int64_t next_ = 0;
  std::int64_t clock_ms_ = 0;
  bool caught_up_ = false;
};

/// Clients and the flow take turns; snapshots are what survives besides the store.
void live(SimEnv& env, Process& process, SimRandom& random, std::vector<Snapshot>& snapshots) {
  for (int i = 0; i < kInputs; ++i) {
    env.advance(std::chrono::milliseconds(random.below(25)));
    const std::string stream = "o-" + std::to_string(random.below(4));
    if (!process.append(stream, random.chance(50) ? "Placed" : "Paid")) return;
    if (random.chance(60) && !process.step()) return;
    if (random.chance(15)) snapshots.push_back(process.snapshot());
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
  EXPECT_EQ(process.outbox().timer_count(), 0u);
  EXPECT_EQ(process.outbox().waiting(), 0u);
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

LifeRun live_twice(std::uint64_t seed, std::optional<std::uint64_t> crash_after) {
  SimRandom random(seed);
  SimEnv env({}, {.seed = seed});
  if (crash_after) env.crash_after(*crash_after);
  std::vector<Snapshot> snapshots = {Snapshot()};
  {
    Process process(env, snapshots.front(), random.chance(50));
    if (process.is_up()) live(env, process, random, snapshots);
  }
  const std::size_t back = std::min<std::size_t>(random.below(3), snapshots.size() - 1);
  const Snapshot from = random.chance(20) ? Snapshot() : snapshots[snapshots.size() - 1 - back];
  SimEnv next(env.disk().killed(), {.seed = seed + 1});
  next.jump_wall(std::chrono::hours(24 * 30));
  Process process(next, from, random.chance(50));
  EXPECT_TRUE(process.is_up());
  if (!process.is_up()) return {};
  live(next, process, random, snapshots);
  judge(next, process);
  std::size_t fired = 0;
  for (const log::RecordedEvent& event : process.all("orders")) fired += event.type == "TimedOut";
  return {.changes = env.change_count(), .fired = fired};
}

TEST(OutboxCrashes, EveryEffectHappensOnceWhereverTheProcessDies) {
  const LifeRun whole = live_twice(1, std::nullopt);
  ASSERT_GT(whole.changes, 100u);
  std::size_t fired = 0;
  for (std::uint64_t crash = 0; crash < whole.changes; ++crash) {
    SCOPED_TRACE(testing::Message() << "killed at change " << crash);
    fired += live_twice(1 + crash % 7, crash).fired;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(fired, whole.changes);
}

}  // namespace
}  // namespace stele::projections
