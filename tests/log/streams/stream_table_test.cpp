// StreamTable: what the sequencer sees at once and everybody else once it is durable; and against a
// map. STELE_SEED replays the model test.
#include "log/streams/stream_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "tests/support/sim_random.h"

namespace stele::log {
namespace {

constexpr StreamRules kTombstone{.tombstoned = true};

class StreamTables : public testing::Test {
protected:
  static Uuid topic(std::uint64_t number) { return Uuid::from_random(number, 77); }
  static StreamEvent event(const Uuid& topic, std::string_view key, const StreamRules& rules) {
    const ByteView bytes = as_bytes(key);
    return {.topic = topic, .key = Bytes(bytes.begin(), bytes.end()), .rules = rules};
  }
  void put(const Uuid& topic, std::string_view key, const StreamRules& rules) {
    const StreamEvent one = event(topic, key, rules);
    table_.commit(one, table_.sequence(one));
  }
  bool tombstoned(const Uuid& topic, std::string_view key) {
    return table_.tombstoned(hasher_.stream(topic, as_bytes(key)).view());
  }

  TermHasher hasher_{1};
  StreamTable table_{hasher_, 3};
  Uuid a_ = topic(1);
  Uuid b_ = topic(2);
};

TEST_F(StreamTables, WhatIsSequencedIsSeenByTheSequencerAloneUntilItIsDurable) {
  const StreamEvent one = event(a_, "s", kTombstone);
  const std::uint64_t ticket = table_.sequence(one);
  EXPECT_TRUE(table_.any_tombstone(a_));
  EXPECT_TRUE(tombstoned(a_, "s"));
  EXPECT_FALSE(tombstoned(a_, "t"));
  EXPECT_EQ(table_.sequenced_rules(a_, as_bytes("s")), kTombstone);
  EXPECT_TRUE(table_.rules(a_, as_bytes("s")).empty());
  table_.commit(one, ticket);
  EXPECT_EQ(table_.rules(a_, as_bytes("s")), kTombstone);
  EXPECT_TRUE(tombstoned(a_, "s"));
  EXPECT_FALSE(table_.any_tombstone(b_));
}

TEST_F(StreamTables, TheLastOfTwoInOneGroupHolds) {
  const StreamEvent first = event(a_, "s", {.max_count = 1});
  const StreamEvent second = event(a_, "s", {.max_count = 2});
  const std::uint64_t first_ticket = table_.sequence(first);
  const std::uint64_t second_ticket = table_.sequence(second);
  table_.commit(first, first_ticket);
  EXPECT_EQ(table_.sequenced_rules(a_, as_bytes("s")).max_count, 2);
  EXPECT_EQ(table_.rules(a_, as_bytes("s")).max_count, 1);
  table_.commit(second, second_ticket);
  EXPECT_EQ(table_.rules(a_, as_bytes("s")).max_count, 2);
  EXPECT_EQ(table_.count(), 1U);
}

TEST_F(StreamTables, AtItsLimitOnlyStreamsThatItKnowsAreTaken) {
  put(a_, "s", {.max_count = 1});
  put(b_, "s", {.max_count = 1});
  static_cast<void>(table_.sequence(event(a_, "t", {.max_count = 1})));
  EXPECT_EQ(table_.check_room(a_, as_bytes("new")).error().code, Code::kOverloaded);
  EXPECT_TRUE(table_.check_room(a_, as_bytes("s")).has_value());
  EXPECT_TRUE(table_.check_room(a_, as_bytes("t")).has_value());
  put(b_, "s", {});
  EXPECT_TRUE(table_.check_room(a_, as_bytes("new")).has_value());
}

TEST_F(StreamTables, OfADeletedTopicNothingIsKept) {
  put(a_, "s", kTombstone);
  put(b_, "s", {.max_count = 1});
  static_cast<void>(table_.sequence(event(a_, "t", kTombstone)));
  table_.remove_topic(a_);
  EXPECT_FALSE(table_.any_tombstone(a_));
  EXPECT_FALSE(tombstoned(a_, "s"));
  EXPECT_TRUE(table_.rules(a_, as_bytes("s")).empty());
  EXPECT_EQ(table_.topics(), std::vector{b_});
  EXPECT_EQ(table_.count(), 1U);
}

TEST_F(StreamTables, ALongKeyIsFoundByItsTerm) {
  const std::string key(5000, 'k');
  put(a_, key, kTombstone);
  EXPECT_TRUE(tombstoned(a_, key));
  EXPECT_FALSE(tombstoned(a_, key + "x"));
  EXPECT_EQ(table_.rules(a_, as_bytes(key)), kTombstone);
}

TEST_F(StreamTables, EqualAMap) {
  const char* text = std::getenv("STELE_SEED");
  const std::uint64_t seed = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
  SimRandom random(seed);
  StreamTable table(hasher_, 1000);
  std::map<std::pair<Uuid, std::string>, StreamRules> model;
  for (int i = 0; i < 20'000; ++i) {
    const Uuid id = topic(random.below(3));
    const std::string key = "k" + std::to_string(random.below(40));
    if (random.chance(1)) {
      table.remove_topic(id);
      std::erase_if(model, [&](const auto& one) { return one.first.first == id; });
      continue;
    }
    StreamRules rules;
    if (random.chance(50)) rules.max_count = 1 + static_cast<std::int64_t>(random.below(9));
    StreamRules& known = model[{id, key}];
    rules.tombstoned = known.tombstoned || random.chance(5);
    known = rules;
    const StreamEvent one = event(id, key, rules);
    if (random.chance(50)) {
      table.fold(one);
    } else {
      table.commit(one, table.sequence(one));
    }
    std::erase_if(model, [](const auto& entry) { return entry.second.empty(); });
    ASSERT_EQ(table.count(), model.size());
    const std::string other = "k" + std::to_string(random.below(40));
    const auto found = model.find({id, other});
    const StreamRules expected = found == model.end() ? StreamRules{} : found->second;
    ASSERT_EQ(table.rules(id, as_bytes(other)), expected);
    ASSERT_EQ(table.tombstoned(hasher_.stream(id, as_bytes(other)).view()), expected.tombstoned);
  }
  for (std::uint64_t number = 0; number < 3; ++number) {
    for (const auto& [key, rules] : table.of_topic(topic(number)))
      ASSERT_EQ(model.at({topic(number), std::string(as_text(key))}), rules);
  }
}

}  // namespace
}  // namespace stele::log
