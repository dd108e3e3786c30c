// The store against a plain list of what was asked of it, over random operations, kills, power
// losses and clean stops. STELE_SEED and STELE_COUNT (seeds) replay and widen it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/crash/driver.h"
#include "tests/crash/oracle.h"
#include "tests/support/crash_states.h"

namespace stele::crash {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Life {
public:
  Life(SimEnv& env, History& history, SimRandom& random) : driver_(env, history), random_(random) {}

  Driver& driver() { return driver_; }

  void live(int operations) {
    for (int i = 0; i < operations; ++i) act();
    driver_.settle();
  }

private:
  Place place() {
    const std::vector<Topic>& topics = driver_.history().topics;
    const std::size_t topic = random_.below(topics.size());
    const auto partitions = static_cast<std::uint64_t>(topics[topic].partition_count);
    return {topic, static_cast<std::int32_t>(random_.below(partitions))};
  }
  bool live_topic(const Place& at) {
    const auto& id = driver_.history().topics[at.topic].id;
    return id && driver_.alive() && driver_.store().find_topic(*id) != nullptr;
  }
  void act() {
    const std::uint64_t what = random_.below(100);
    const auto records = static_cast<std::int32_t>(1 + random_.below(4));
    if (driver_.history().topics.size() < 3 || what < 2) {
      driver_.settle();
      driver_.create("t" + std::to_string(driver_.history().topics.size()), records,
                     {{"segment.bytes", "2000"}});
      return;
    }
    const Place at = place();
    if (!live_topic(at)) return;
    if (what < 4) return driver_.settle(), driver_.drop(at.topic);
    if (what < 9) return driver_.settle(), driver_.trim(at, driver_.end(at));
    if (what < 12) return driver_.reserve(records);
    if (what < 15) return driver_.maintain(std::chrono::milliseconds(random_.below(40)));
    if (what < 17) return driver_.settle(), driver_.reopen();
    if (what < 20) return driver_.pipelined(random_.chance(50));
    if (what < 32) return driver_.produce(static_cast<std::int64_t>(at.topic), at, records);
    if (what < 38) return driver_.retry(static_cast<std::int64_t>(at.topic), at, random_.below(3));
    if (what < 42) return driver_.poll();
    if (const Place other = place(); what < 52 && other != at && live_topic(other))
      return driver_.append_all({at, other}, records);
    driver_.append(at, records, random_.below(900));
  }

  Driver driver_;
  SimRandom& random_;
};

TEST(StoreModel, HoldsWhatWasAskedOverRandomLives) {
  const std::uint64_t first = from_environment("STELE_SEED", 1);
  const std::uint64_t count = from_environment("STELE_COUNT", 60);
  std::size_t asked = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    SimRandom random(seed);
    SimDisk disk;
    History history;
    for (int life = 0; life < 6; ++life) {
      SimEnv env(disk, {.seed = random.draw()});
      Life one(env, history, random);
      const auto opened = one.driver().open();
      ASSERT_TRUE(opened.has_value()) << opened.error().text();
      const auto judged = judge(one.driver().store(), history, seed);
      ASSERT_TRUE(judged.has_value()) << judged.error().text();
      if (life > 0 && random.chance(50)) env.crash_after(random.below(300));
      one.live(60);
      one.driver().look();
      ASSERT_EQ(one.driver().broken(), "");
      one.driver().kill();
      disk =
          random.chance(40) ? env.disk().killed() : CrashStates(env.disk()).random(random.draw());
    }
    asked += history.asked.size();
  }
  std::cout << "store_model seeds=" << count << " operations=" << asked << "\n";
}

}  // namespace
}  // namespace stele::crash
