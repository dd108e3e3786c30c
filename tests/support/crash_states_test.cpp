// The enumerator of power-loss states: which states there are, each image once, the same for the
// same seed, and cheap.
#include "tests/support/crash_states.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "tests/support/sim_env.h"

namespace stele {
namespace {

class CrashStatesTest : public testing::Test {
protected:
  CrashStatesTest() { EXPECT_TRUE(env_.make_folder("/d") && env_.sync_folder("/")); }

  std::unique_ptr<File> durable_file(const std::string& path, std::string_view text) {
    auto file = env_.open(path, OpenMode::kCreate);
    EXPECT_TRUE(file && (*file)->write(as_bytes(text), 0) && (*file)->sync());
    EXPECT_TRUE(env_.sync_folder("/d"));
    return std::move(*file);
  }

  // What the file at `path` reads as in any of the states; "(none)" where it is gone.
  std::set<std::string> contents(const std::string& path, std::size_t count = 1000) {
    std::set<std::string> all;
    CrashStates(env_.disk()).each(count, 1, [&](const SimDisk& state, const std::string&) {
      all.insert(state.exists(path) ? std::string(as_text(state.bytes(path))) : "(none)");
    });
    return all;
  }

  SimEnv env_;
};

TEST_F(CrashStatesTest, ASyncedDiskHasOneState) {
  durable_file("/d/a", "safe");
  CrashStates states(env_.disk());
  std::size_t count = states.each(100, 1, [&](const SimDisk& state, const std::string& name) {
    EXPECT_EQ(name, "canonical 0");
    EXPECT_EQ(state.image_hash(), env_.disk().image_hash());
  });
  EXPECT_EQ(count, 1U);
}

TEST_F(CrashStatesTest, OneUnsyncedSectorIsThereOrNot) {
  auto file = durable_file("/d/a", "old");
  ASSERT_TRUE(file->write(as_bytes("new"), 0));
  EXPECT_EQ(contents("/d/a"), (std::set<std::string>{"old", "new"}));
}

TEST_F(CrashStatesTest, EveryPrefixOfRewritesOfASectorCanStay) {
  auto file = durable_file("/d/a", "0");
  for (const char* text : {"1", "2", "3"}) ASSERT_TRUE(file->write(as_bytes(text), 0));
  EXPECT_EQ(contents("/d/a"), (std::set<std::string>{"0", "1", "2", "3"}));
}

TEST_F(CrashStatesTest, TheLastWriteIsTornAtEverySector) {
  auto file = durable_file("/d/a", std::string(8192, 'o'));
  ASSERT_TRUE(file->write(as_bytes(std::string(8192, 'n')), 0));
  std::set<std::string> seen = contents("/d/a");
  for (std::size_t cut = 0; cut <= 8192; cut += kSectorBytes) {
    EXPECT_TRUE(seen.contains(std::string(cut, 'n') + std::string(8192 - cut, 'o'))) << cut;
    EXPECT_TRUE(seen.contains(std::string(cut, 'o') + std::string(8192 - cut, 'n'))) << cut;
  }
}

TEST_F(CrashStatesTest, EachPageAloneIsMissingAndEachAloneIsThere) {
  auto file = durable_file("/d/a", std::string(3 * kPageBytes, 'o'));
  for (std::size_t page = 0; page < 3; ++page) {
    ASSERT_TRUE(file->write(as_bytes(std::string(kPageBytes, 'n')), page * kPageBytes));
  }
  std::set<std::string> seen = contents("/d/a");
  for (unsigned kept = 0; kept < 8; ++kept) {
    std::string expected;
    for (unsigned page = 0; page < 3; ++page) {
      expected += std::string(kPageBytes, (kept >> page & 1U) != 0 ? 'n' : 'o');
    }
    EXPECT_TRUE(seen.contains(expected)) << kept;
  }
}

TEST_F(CrashStatesTest, GrowthIsGoneOrZerosOrThere) {
  auto file = durable_file("/d/a", "");
  ASSERT_TRUE(file->write(as_bytes("grown"), 0));
  EXPECT_EQ(contents("/d/a"), (std::set<std::string>{"", "grown", std::string(5, '\0')}));
}

TEST_F(CrashStatesTest, EntriesAreThereOrNotInAnyCombination) {
  for (const char* path : {"/d/a", "/d/b"}) {
    auto file = env_.open(path, OpenMode::kCreate);
    ASSERT_TRUE(file && (*file)->write(as_bytes("x"), 0) && (*file)->sync());
  }
  std::set<std::vector<std::string>> seen;
  CrashStates(env_.disk()).each(100, 1, [&](const SimDisk& state, const std::string&) {
    seen.insert(state.files());
  });
  EXPECT_EQ(seen.size(), 4U);
}

TEST_F(CrashStatesTest, NoImageComesTwiceAndTheNameBringsItBack) {
  auto file = durable_file("/d/a", std::string(40 * kPageBytes, 'o'));
  for (std::size_t page = 0; page < 40; ++page) {
    ASSERT_TRUE(file->write(as_bytes(std::string(kPageBytes, 'n')), page * kPageBytes));
  }
  CrashStates states(env_.disk());
  std::set<ImageHash> hashes;
  std::size_t random_count = 0;
  std::size_t count = states.each(2000, 77, [&](const SimDisk& state, const std::string& name) {
    EXPECT_TRUE(hashes.insert(state.image_hash()).second) << name;
    std::size_t number = std::stoul(name.substr(name.find(' ')));
    bool random = name.starts_with("random");
    random_count += random ? 1 : 0;
    SimDisk again = random ? states.random(number) : states.canonical(number);
    EXPECT_EQ(again.image_hash(), state.image_hash()) << name;
  });
  EXPECT_EQ(count, 2000U);
  EXPECT_GT(random_count, 1800U);
}

TEST_F(CrashStatesTest, AStateHasNothingUnsyncedItself) {
  auto file = durable_file("/d/a", "old");
  ASSERT_TRUE(file->write(as_bytes("new and longer"), 0) && env_.rename("/d/a", "/d/b"));
  CrashStates(env_.disk()).each(100, 1, [&](const SimDisk& state, const std::string& name) {
    SimDisk::UnsyncedCounts left = state.unsynced();
    EXPECT_EQ(left.entries + left.sizes + left.pages, 0U) << name;
    EXPECT_EQ(state.killed().image_hash(), state.image_hash());
  });
}

TEST_F(CrashStatesTest, AStateOf200KiBTakesLessThanAThirdOfAMillisecond) {
  std::vector<std::unique_ptr<File>> files;
  for (int i = 0; i < 10; ++i) {
    files.push_back(durable_file("/d/" + std::to_string(i), std::string(20 * 1024, 'o')));
    ASSERT_TRUE(files.back()->write(as_bytes(std::string(20 * 1024, 'n')), 0));
  }
  CrashStates states(env_.disk());
  constexpr std::uint64_t kCount = 2000;
  auto before = std::chrono::steady_clock::now();
  std::uint64_t mixed = 0;
  for (std::uint64_t seed = 0; seed < kCount; ++seed) mixed ^= states.random(seed).image_hash().low;
  auto each = (std::chrono::steady_clock::now() - before) / kCount;
  EXPECT_NE(mixed, 0U);
  RecordProperty("state_ns", static_cast<int>(each.count()));
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) && defined(__OPTIMIZE__)
  EXPECT_LT(each, std::chrono::microseconds(300));
#endif
}

}  // namespace
}  // namespace stele
