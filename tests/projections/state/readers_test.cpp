// Readers beside lanes that fold: whole states, and places that never go back.
#include <atomic>
#include <thread>

#include "log/env/posix_env.h"
#include "projections/state/memory_store.h"
#include "projections/state/sqlite_store.h"
#include "tests/log/env/temp_folder.h"
#include "tests/projections/state/state_life.h"

namespace stele::projections {
namespace {

constexpr std::uint64_t kKeys = 400;
constexpr std::int64_t kEventsPerLane = 20'000;

std::string key_text(std::uint64_t number) {
  return "key-" + std::to_string(number);
}

/// Every state it keeps has sum = 7 * count; half of the shards are this lane's.
void fold_lane(StateStore& store, std::uint32_t lane, int round) {
  SimRandom random(lane);
  for (std::int64_t place = 0; place < kEventsPerLane; ++place) {
    const std::string text = key_text(random.below(kKeys));
    const Key key(as_bytes(text));
    if (key.shard() % 2 != lane) continue;
    auto* tally = static_cast<Tally*>(store.open(1, key, true).value());
    tally->count += 1;
    tally->sum = -1;
    const std::uint64_t fate = random.below(20);
    if (fate > 1) tally->sum = static_cast<std::int64_t>(tally->count * 7);
    store.close(1, key,
                fate == 0   ? Verdict::kDrop
                : fate == 1 ? Verdict::kUndo
                            : Verdict::kKeep,
                round * kEventsPerLane + place);
  }
}

/// Returns how many states it has seen.
std::uint64_t read_until(const StateStore& store, const std::atomic<bool>& stop,
                         std::uint64_t seed) {
  SimRandom random(seed);
  std::array<std::int64_t, kShardCount> last_places;
  last_places.fill(-1);
  std::uint64_t seen = 0;
  while (!stop) {
    const std::string text = key_text(random.below(kKeys));
    const Key key(as_bytes(text));
    const auto read = store.read(1, key, [&](const void* state, std::int64_t last_place) {
      EXPECT_GE(last_place, last_places[key.shard()]);
      last_places[key.shard()] = last_place;
      if (state == nullptr) return;
      const auto* tally = static_cast<const Tally*>(state);
      EXPECT_EQ(tally->sum, static_cast<std::int64_t>(tally->count * 7));
      ++seen;
    });
    EXPECT_TRUE(read.has_value());
    static_cast<void>(store.stats());
  }
  return seen;
}

void expect_whole_states(StateStore& store) {
  ASSERT_TRUE(store.restore().has_value());
  std::atomic<bool> stop = false;
  std::uint64_t seen = 0;
  std::thread reader([&] { seen = read_until(store, stop, 5); });
  for (int round = 0; round < 3; ++round) {
    std::thread other([&] { fold_lane(store, 1, round); });
    fold_lane(store, 0, round);
    other.join();
    const auto done = store.commit({.event_count = static_cast<std::uint64_t>(round) + 1}, true);
    EXPECT_TRUE(done.has_value());
  }
  stop = true;
  reader.join();
  EXPECT_GT(seen, 0u);
}

TEST(Readers, SeeWholeStatesOfMemoryBesideLanes) {
  const LifeFolds folds;
  const auto env = make_posix_env().value();
  const TempFolder folder;
  expect_whole_states(*open_memory_store(*env, folder.file("flow"), folds.all(), {}).value());
}

TEST(Readers, SeeWholeStatesOfSqliteBesideLanes) {
  const LifeFolds folds;
  const auto env = make_posix_env().value();
  const TempFolder folder;
  // Half of the states are in the file alone.
  expect_whole_states(
      *open_sqlite_store(*env, folder.file("flow"), folds.all(), {.cache_bytes_max = 24 << 10})
           .value());
}

}  // namespace
}  // namespace stele::projections
