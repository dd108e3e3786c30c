// Rules of streams: durable, checked against what was sequenced before, and what a tombstone
// refuses.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/store/store.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

constexpr StreamRules kTombstone{.tombstoned = true};

class StreamRulesOfAStore : public testing::Test {
protected:
  StreamRulesOfAStore() {
    open();
    store_->create_topic({.name = "a", .partition_count = 2}).value();
    store_->create_topic({.name = "plain", .settings = {{"stele.index", "false"}}}).value();
  }

  void open(StoreOptions options = {}) {
    store_.reset();
    store_ = Store::open("/data", *env_, options).value();
  }
  void kill() {
    store_.reset();
    env_ = std::make_unique<SimEnv>(env_->disk().killed());
    open();
  }
  [[nodiscard]] Uuid topic(std::string_view name = "a") const {
    return store_->find_topic(name)->id;
  }

  Result<void> put(std::string_view key, const StreamRules& rules,
                   const ExpectedVersion& expected = {}) {
    return put(topic(), key, rules, expected);
  }
  Result<void> put(const Uuid& id, std::string_view key, const StreamRules& rules,
                   const ExpectedVersion& expected = {}) {
    std::optional<Result<void>> answer;
    store_->put_stream_rules_async(id, as_bytes(key), rules, expected,
                                   [&](Result<void> result) { answer = std::move(result); });
    store_->run_until([&] { return answer.has_value(); });
    return *answer;
  }
  [[nodiscard]] StreamRules rules(std::string_view key) const {
    return store_->stream_rules(topic(), as_bytes(key));
  }
  Result<void> append(std::string_view key, std::string_view to = "a") {
    const auto done = store_->append(to, Event{.key = key, .type = "T", .value = "v"});
    return done ? Result<void>{} : std::unexpected(done.error());
  }
  static Code code(const Result<void>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Code::kCancelled : result.error().code;
  }

  std::unique_ptr<SimEnv> env_ = std::make_unique<SimEnv>();
  std::unique_ptr<Store> store_;
};

TEST_F(StreamRulesOfAStore, HoldOverAKill) {
  const StreamRules limits{.max_count = 3, .max_age_ms = 4, .truncate_before = Version(5)};
  ASSERT_TRUE(append("s").has_value());
  ASSERT_TRUE(put("s", limits).has_value());
  ASSERT_TRUE(put("t", {.max_count = 1}).has_value());
  ASSERT_TRUE(put("t", {}).has_value());
  ASSERT_TRUE(put("u", kTombstone).has_value());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rules("s"), limits);
    EXPECT_TRUE(rules("t").empty());
    EXPECT_EQ(rules("u"), kTombstone);
    EXPECT_TRUE(rules("v").empty());
    EXPECT_EQ(code(append("u")), Code::kTombstoned);
    EXPECT_EQ(code(put("u", {})), Code::kTombstoned);
    kill();
  }
}

TEST_F(StreamRulesOfAStore, TheExpectedVersionIsChecked) {
  ASSERT_TRUE(append("s").has_value());
  EXPECT_EQ(code(put("s", kTombstone, ExpectedVersion::exact(Version(1)))), Code::kWrongVersion);
  EXPECT_EQ(code(put("s", kTombstone, ExpectedVersion::no_stream())), Code::kWrongVersion);
  EXPECT_EQ(code(put("t", kTombstone, ExpectedVersion::exists())), Code::kWrongVersion);
  EXPECT_TRUE(rules("s").empty());
  EXPECT_TRUE(put("s", kTombstone, ExpectedVersion::exact(Version(0))).has_value());
}

TEST_F(StreamRulesOfAStore, WhatCannotHaveRulesIsRefused) {
  EXPECT_EQ(code(put("s", {.max_count = 0})), Code::kInvalid);
  EXPECT_EQ(code(put(topic("plain"), "s", {.max_count = 1})), Code::kInvalid);
  EXPECT_EQ(code(put(Uuid::from_random(1, 2), "s", {.max_count = 1})), Code::kNotFound);
  StoreOptions options;
  options.stream_rules_max = 1;
  open(options);
  EXPECT_TRUE(put("s", {.max_count = 1}).has_value());
  EXPECT_EQ(code(put("t", {.max_count = 1})), Code::kOverloaded);
  EXPECT_TRUE(put("s", {.max_count = 2}).has_value());
}

TEST_F(StreamRulesOfAStore, ATombstoneRefusesItsStreamAlone) {
  ASSERT_TRUE(append("s").has_value());
  store_->create_topic({.name = "b"}).value();
  ASSERT_TRUE(put("s", kTombstone).has_value());
  EXPECT_EQ(code(append("s")), Code::kTombstoned);
  EXPECT_TRUE(append("t").has_value());
  EXPECT_TRUE(append("s", "b").has_value());
  const Event two[] = {{.key = "t", .type = "T"}, {.key = "s", .type = "T"}};
  const Position end = store_->end();
  EXPECT_EQ(store_->append("a", two).error().code, Code::kTombstoned);
  EXPECT_EQ(store_->end(), end);
}

// Nothing runs the core in between: all of it is one commit group.
TEST_F(StreamRulesOfAStore, ATombstoneHoldsForWhatFollowsInItsCommitGroup) {
  ASSERT_TRUE(put("other", {.max_count = 1}).has_value());  // the topic of rules is there
  std::optional<Result<void>> tombstoned;
  std::optional<Result<void>> again;
  store_->put_stream_rules_async(topic(), as_bytes("s"), kTombstone, {},
                                 [&](Result<void> result) { tombstoned = std::move(result); });
  store_->put_stream_rules_async(topic(), as_bytes("s"), kTombstone, {},
                                 [&](Result<void> result) { again = std::move(result); });
  EXPECT_EQ(code(append("s")), Code::kTombstoned);
  store_->run_until([&] { return tombstoned && again; });
  EXPECT_TRUE(tombstoned->has_value());
  EXPECT_EQ(code(*again), Code::kTombstoned);
}

TEST_F(StreamRulesOfAStore, AnExpectationOfATombstonedStreamSaysSo) {
  ASSERT_TRUE(append("s").has_value());
  ASSERT_TRUE(put("s", kTombstone).has_value());
  for (const ExpectedVersion& expected :
       {ExpectedVersion::any(), ExpectedVersion::exact(Version(0)), ExpectedVersion::no_stream()}) {
    auto checks = std::make_shared<AppendChecks>();
    const TermHasher& hasher = store_->index().hasher();
    checks->streams.push_back({hasher.stream(topic(), as_bytes("s")), expected});
    AppendRequest request;
    request.checks = checks;
    const auto refused = store_->append(std::move(request));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kTombstoned);
    ASSERT_EQ(checks->verdict.failed_streams.size(), 1U);
    EXPECT_TRUE(checks->verdict.failed_streams[0].tombstoned);
    EXPECT_EQ(checks->verdict.failed_streams[0].actual, Version(0));
  }
}

TEST_F(StreamRulesOfAStore, ADeletedTopicTakesItsRulesAlong) {
  ASSERT_TRUE(put("s", kTombstone).has_value());
  const Uuid old = topic();
  ASSERT_TRUE(store_->delete_topic(old).has_value());
  EXPECT_TRUE(store_->stream_rules(old, as_bytes("s")).empty());
  EXPECT_EQ(code(put(old, "s", {.max_count = 1})), Code::kNotFound);
  store_->create_topic({.name = "a"}).value();
  EXPECT_TRUE(append("s").has_value());
  kill();
  EXPECT_TRUE(store_->stream_rules(old, as_bytes("s")).empty());
  EXPECT_TRUE(append("s").has_value());
}

}  // namespace
}  // namespace stele::log
