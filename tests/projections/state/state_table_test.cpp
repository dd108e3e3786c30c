#include "projections/state/state_table.h"

#include <algorithm>

#include "tests/projections/state/state_life.h"

namespace stele::projections {
namespace {

Key key_of(const std::string& text, std::uint64_t hash) {
  return {as_bytes(text), hash};
}

std::string& text_at(StateTable& table, StateTable::Ref ref) {
  return *static_cast<std::string*>(table.state(ref));
}

std::vector<std::string> sorted_keys(const StateTable& table) {
  std::vector<std::string> keys;
  table.for_each_sorted([&](StateTable::Ref ref) { keys.emplace_back(as_text(table.key(ref))); });
  return keys;
}

TEST(StateTable, FindsWhatWasInsertedAndNothingElse) {
  const StateType type = text_type();
  ChunkPool pool;
  StateTable table(type, pool);
  EXPECT_EQ(table.find(Key(as_bytes("a"))), StateTable::kNone);
  const auto made = table.find_or_insert(Key(as_bytes("a")));
  EXPECT_TRUE(made.fresh);
  text_at(table, made.ref) = "state of a";
  const auto again = table.find_or_insert(Key(as_bytes("a")));
  EXPECT_FALSE(again.fresh);
  EXPECT_EQ(again.ref, made.ref);
  EXPECT_EQ(text_at(table, table.find(Key(as_bytes("a")))), "state of a");
  EXPECT_EQ(table.find(Key(as_bytes("b"))), StateTable::kNone);
  EXPECT_EQ(table.key_count(), 1u);
}

// Keys whose hashes are equal, equal in all that the table looks at, or the greatest there are.
TEST(StateTable, KeysOfOneHashAreToldApart) {
  const StateType type = text_type();
  for (const std::uint64_t hash :
       {std::uint64_t{0}, std::uint64_t{12345} << 30, ~std::uint64_t{0}}) {
    SCOPED_TRACE(hash);
    ChunkPool pool;
    StateTable table(type, pool);
    for (int i = 0; i < 200; ++i) {
      const std::string text = "key-" + std::to_string(i);
      const auto made = table.find_or_insert(key_of(text, hash - (i % 2 == 0 ? hash & 1 : 0)));
      ASSERT_TRUE(made.fresh);
      text_at(table, made.ref) = text;
    }
    for (int i = 0; i < 200; i += 3) {
      const std::string text = "key-" + std::to_string(i);
      const Key key = key_of(text, hash);
      table.erase(key, table.find(key));
    }
    for (int i = 0; i < 200; ++i) {
      const std::string text = "key-" + std::to_string(i);
      const auto ref = table.find(key_of(text, hash));
      ASSERT_EQ(ref == StateTable::kNone, i % 3 == 0) << text;
      if (ref != StateTable::kNone) EXPECT_EQ(text_at(table, ref), text);
    }
  }
}

TEST(StateTable, WalksByHashAndKey) {
  const StateType type = tally_type();
  ChunkPool pool;
  StateTable table(type, pool);
  std::vector<std::pair<std::uint64_t, std::string>> wanted;
  // So many that some share their tags.
  for (int i = 0; i < 300'000; ++i) {
    const std::string text = "key-" + std::to_string(i);
    ASSERT_TRUE(table.find_or_insert(Key(as_bytes(text))).fresh);
    wanted.emplace_back(Key(as_bytes(text)).hash & ~std::uint64_t{0} >> 6, text);
  }
  // One shard's keys share the upper six bits; these don't, and the table looks below them alone.
  std::ranges::sort(wanted);
  std::vector<std::string> keys;
  for (const auto& [hash, text] : wanted) keys.push_back(text);
  EXPECT_TRUE(sorted_keys(table) == keys);
}

TEST(StateTable, EntriesOfErasedKeysAreTakenAgain) {
  const StateType type = text_type();
  ChunkPool pool;
  StateTable table(type, pool);
  std::uint64_t full_bytes = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 3000; ++i)
      ASSERT_TRUE(
          table.find_or_insert(Key(as_bytes("key-" + std::to_string(round * 10000 + i)))).fresh);
    if (round == 0) full_bytes = table.memory_bytes();
    for (int i = 0; i < 3000; ++i) {
      const std::string text = "key-" + std::to_string(round * 10000 + i);
      table.erase(Key(as_bytes(text)), table.find(Key(as_bytes(text))));
    }
    EXPECT_EQ(table.used_bytes(), 0u);
  }
  EXPECT_LE(table.memory_bytes(), full_bytes * 5 / 4) << "what was freed was not used again";
}

TEST(StateTable, LongKeysHaveMemoryOfTheirOwnAndGiveItBack) {
  const StateType type = text_type();
  ChunkPool pool;
  StateTable table(type, pool);
  const std::uint64_t before = table.memory_bytes();
  for (int round = 0; round < 3; ++round) {
    for (char c = 'a'; c <= 'z'; ++c) {
      const std::string text(100'000, c);
      const auto made = table.find_or_insert(Key(as_bytes(text)));
      ASSERT_TRUE(made.fresh);
      text_at(table, made.ref) = c;
      EXPECT_EQ(as_text(table.key(made.ref)), text);
    }
    EXPECT_GT(table.memory_bytes(), before + 2'600'000);
    for (char c = 'a'; c <= 'z'; ++c) {
      const std::string text(100'000, c);
      const auto ref = table.find(Key(as_bytes(text)));
      EXPECT_EQ(text_at(table, ref), std::string(1, c));
      table.erase(Key(as_bytes(text)), ref);
    }
    EXPECT_LT(table.memory_bytes(), before + 100'000);
  }
}

TEST(StateTable, StatesAreWhereTheirTypeWantsThem) {
  StateType type = tally_type();
  type.align = 64;
  type.size = 64;
  type.construct = [](void* at) { std::fill_n(static_cast<std::byte*>(at), 64, std::byte{1}); };
  ChunkPool pool;
  StateTable table(type, pool);
  for (int i = 0; i < 1000; ++i) {
    const auto made = table.find_or_insert(Key(as_bytes("key-" + std::to_string(i))));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.state(made.ref)) % 64, 0u);
  }
}

TEST(StateTable, LoadedKeysAreFoundAndGrown) {
  const StateType type = text_type();
  ChunkPool pool;
  StateTable table(type, pool);
  std::vector<std::pair<std::uint64_t, std::string>> keys;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = "key-" + std::to_string(i);
    keys.emplace_back(Key(as_bytes(text)).hash & ~std::uint64_t{0} >> 6, text);
  }
  std::ranges::sort(keys);
  for (const auto& [hash, text] : keys) text_at(table, table.load(key_of(text, hash))) = text;
  table.finish_load();
  EXPECT_EQ(table.key_count(), keys.size());
  for (int i = 4000; i < 20'000; ++i) {
    const std::string text = "key-" + std::to_string(i);
    const auto made = table.find_or_insert(Key(as_bytes(text)));
    ASSERT_TRUE(made.fresh);
    text_at(table, made.ref) = text;
  }
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = "key-" + std::to_string(i);
    const auto ref = table.find(Key(as_bytes(text)));
    ASSERT_NE(ref, StateTable::kNone) << text;
    EXPECT_EQ(text_at(table, ref), text);
  }
}

// Of 11 bytes of key and 16 of state: at most one and a half times as much and 32 bytes, at every
// size, be the slots just doubled or just full.
TEST(StateTable, AKeyTakesLittleMoreThanItsBytes) {
  const StateType type = tally_type();
  ChunkPool pool;
  StateTable table(type, pool);
  for (int i = 0; i < 200'000; ++i) {
    char key[16];
    std::snprintf(key, sizeof key, "acc-%07d", i);
    ASSERT_TRUE(table.find_or_insert(Key(as_bytes(key))).fresh);
    if (i < 20'000) continue;  // the last chunk counts less from here on
    ASSERT_LE(table.memory_bytes(), static_cast<std::uint64_t>(i + 1) * (27 * 3 / 2 + 32)) << i;
  }
}

}  // namespace
}  // namespace stele::projections
