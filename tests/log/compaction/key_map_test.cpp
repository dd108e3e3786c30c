// The map of last offsets against std::map, and its limits.
#include "log/compaction/key_map.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "tests/support/sim_random.h"

namespace stele::log {
namespace {

Hash128 hash(const KeyMap& map, const std::string& key) {
  return map.hash(as_bytes(key));
}

TEST(KeyMap, KnowsTheLastOffsetOfEachKeyLikeAMap) {
  const char* given = std::getenv("STELE_SEED");
  SimRandom random(given == nullptr ? 5 : std::strtoull(given, nullptr, 10));
  for (int round = 0; round < 20; ++round) {
    KeyMap map(1 << 20, 3000, Offset(1000), random.draw());
    std::map<std::string, std::int64_t> model;
    for (std::int64_t offset = 1000; offset < 4000; ++offset) {
      const std::string key = "k" + std::to_string(random.below(500));
      ASSERT_TRUE(map.put(hash(map, key), Offset(offset)));
      model[key] = offset;
    }
    EXPECT_EQ(map.key_count(), model.size());
    for (const auto& [key, last] : model) {
      EXPECT_TRUE(map.has_later(hash(map, key), Offset(last - 1)));
      EXPECT_FALSE(map.has_later(hash(map, key), Offset(last)));
      EXPECT_FALSE(map.has_later(hash(map, key), Offset(last + 1)));
      EXPECT_TRUE(map.has_later(hash(map, key), Offset(3))) << "an offset below the base";
    }
    for (int i = 0; i < 100; ++i)
      EXPECT_FALSE(map.has_later(hash(map, "other" + std::to_string(i)), Offset(0)));
  }
}

TEST(KeyMap, WhenItIsFullNewKeysAreRefusedAndKnownOnesTaken) {
  KeyMap map(16 * 100, 1'000'000, Offset(0), 7);
  EXPECT_EQ(map.key_count_max(), 90u);
  std::int64_t offset = 0;
  while (map.put(hash(map, std::to_string(offset)), Offset(offset))) ++offset;
  EXPECT_EQ(offset, 90);
  EXPECT_TRUE(map.put(hash(map, "5"), Offset(500)));
  EXPECT_TRUE(map.has_later(hash(map, "5"), Offset(499)));
  EXPECT_FALSE(map.has_later(hash(map, "new"), Offset(0)));
}

TEST(KeyMap, TakesNoMoreMemoryThanItsKeysNeed) {
  EXPECT_LT(KeyMap(std::uint64_t{1} << 40, 1000, Offset(0), 7).key_count_max(), 1300u);
  EXPECT_GT(KeyMap(std::uint64_t{1} << 40, 1000, Offset(0), 7).key_count_max(), 1000u);
}

TEST(KeyMap, AnOffsetTooFarFromTheBaseEndsTheMap) {
  KeyMap map(1 << 10, 10, Offset(5), 7);
  const std::int64_t most = 5 + std::int64_t{UINT32_MAX} - 1;
  EXPECT_TRUE(map.put(hash(map, "a"), Offset(most)));
  EXPECT_TRUE(map.has_later(hash(map, "a"), Offset(most - 1)));
  EXPECT_FALSE(map.put(hash(map, "b"), Offset(most + 1)));
}

}  // namespace
}  // namespace stele::log
