// Reads by other threads while lots are folded: what they see is what their checkpoint says.
#include <atomic>
#include <thread>

#include "projections/testkit/given_events.h"
#include "tests/projections/flow/flow_fixture.h"
#include "tests/support/sim_random.h"

namespace stele::projections {
namespace {

constexpr int kKeyCount = 20;
constexpr std::size_t kLotEvents = 1500;
constexpr int kEventCount = 6'000;

std::string key_of(int n) {
  return "key-" + std::to_string(n % kKeyCount);
}

/// How many events of each key stand below each place; poison events change nothing.
using Counts = std::vector<std::array<std::int64_t, kKeyCount>>;

Counts fill(GivenEvents& source, int poison_at) {
  SimRandom random(3);
  Counts counts(1);
  for (int i = 0; i < kEventCount; ++i) {
    const int key = static_cast<int>(random.draw() % kKeyCount);
    source.add({.topic = "a",
                .stream = key_of(key),
                .type = i == poison_at ? "Poison" : "Added",
                .data = "1"});
    counts.push_back(counts.back());
    if (i != poison_at) ++counts.back()[static_cast<std::size_t>(key)];
  }
  return counts;
}

struct ReadCase {
  const char* name;
  std::uint32_t lanes;
  int poison_at;  ///< -1: none
};

template <class State>
void read_while_folding(const ReadCase& c) {
  SCOPED_TRACE(c.name);
  GivenEvents source(kLotEvents);
  const Counts counts = fill(source, c.poison_at);
  SimEnv env;
  FlowTask* running = nullptr;
  std::atomic<bool> over = false;
  std::atomic<std::int64_t> within = 0;  // reads in the middle of a lot
  std::atomic<std::int64_t> wrong = 0;
  const auto read_one = [&](int n) {
    const std::string key = key_of(n);
    std::int64_t count = 0;
    const auto at = running->read(as_bytes(key), [&](const void* state) {
      if (state != nullptr) count = static_cast<const State*>(state)->count;
    });
    if (!at) return;
    const auto place = static_cast<std::size_t>(at->next(InputId::store()));
    if (place % kLotEvents != 0) ++within;
    if (counts[place][static_cast<std::size_t>(n % kKeyCount)] != count) ++wrong;
  };
  const auto rules = std::make_shared<FoldRules>();
  // Whatever the other threads get to see, the ones that fold read in the middle of lots. Not where
  // states are rebuilt: reads wait for that.
  rules->seen = [&](const InputEvent& event) {
    if (event.position.raw() % 50 != 7) return;
    if (c.poison_at < 0) read_one(static_cast<int>(event.position.raw() / 50));
    std::this_thread::yield();
  };
  const auto made = tallies<State>("live", {"a"}, rules);
  made->store = MemoryStore{.snapshot_every = 5000};
  const auto task = open_task(made, source, env, {.folder = "/flow", .lanes = c.lanes});
  running = task.get();
  const auto read = [&](int begin) {
    for (int n = begin; !over; ++n) read_one(n);
  };
  std::thread one([&] { read(0); });
  std::thread other([&] { read(7); });
  const std::chrono::seconds longest{c.lanes > 1 ? 5 : 0};
  for (bool end = false; !end;) end = task->step(longest).value_or(true);
  over = true;
  one.join();
  other.join();
  EXPECT_EQ(wrong, 0);
  if (c.poison_at < 0) {
    EXPECT_GT(within, 0);
  }
  EXPECT_EQ(task->status().state, c.poison_at < 0 ? FlowState::kLive : FlowState::kStopped);
}

TEST(LiveReads, SeeExactlyTheEventsBelowTheirCheckpoint) {
  for (const ReadCase& c : {ReadCase{"one lane", 1, -1}, ReadCase{"three lanes", 3, -1},
                            ReadCase{"one lane, stops", 1, 5'001}}) {
    read_while_folding<Tally>(c);
    read_while_folding<Trail>(c);
  }
}

}  // namespace
}  // namespace stele::projections
