// Letting go: what limits and tombstones hide from reads; versions don't change.
#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

class LimitsTest : public EventStoreFixture {
protected:
  void fill() {
    create("t", 2);
    for (int i = 0; i < 6; ++i) {
      env_.advance(std::chrono::seconds(10));
      append({.events = {event("t", "s", "T", {"x"})}});
    }
  }
  Code set_limits(const StreamRules& rules) {
    std::optional<Result<void>> done;
    events_->set_limits({"t", "s"}, rules, [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    return *done ? Code::kCancelled : done->error().code;
  }
  Code tombstone(ExpectedVersion expected) {
    std::optional<Result<void>> done;
    events_->tombstone({"t", "s"}, expected,
                       [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    return *done ? Code::kCancelled : done->error().code;
  }
};

TEST_F(LimitsTest, LimitsHideThePrefixFromEveryReadAlsoAfterARestart) {
  struct Case {
    const char* name;
    StreamRules rules;
    std::int64_t first;
  };
  const Case cases[] = {
      {"truncate before", {.truncate_before = Version(2)}, 2},
      {"max count", {.max_count = 2}, 4},
      {"max age", {.max_age_ms = 25'000}, 3},
      {"the strictest holds", {.max_count = 5, .truncate_before = Version(3)}, 3},
      {"none", {}, 0},
  };
  fill();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ASSERT_EQ(set_limits(c.rules), Code::kCancelled);
    for (const bool again : {false, true}) {
      if (again) reopen();
      for (const Selection& select : {Selection(StreamSelection{"t", "s"}),
                                      Selection(TagSelection{"x"}), Selection(AllSelection{})}) {
        const ReadPage page = read({.select = select, .versions = true});
        ASSERT_EQ(page.events.size(), static_cast<std::size_t>(6 - c.first));
        EXPECT_EQ(page.events.front().version, Version(c.first));
      }
      EXPECT_EQ(events_->stream({"t", "s"})->first_version, Version(c.first));
    }
  }
}

TEST_F(LimitsTest, ATombstonedStreamIsNeitherReadNorWritten) {
  fill();
  EXPECT_EQ(tombstone(ExpectedVersion::exact(Version(4))), Code::kWrongVersion);
  ASSERT_EQ(tombstone(ExpectedVersion::exact(Version(5))), Code::kCancelled);
  EXPECT_EQ(read_error({.select = StreamSelection{"t", "s"}}), Code::kTombstoned);
  EXPECT_TRUE(read({.select = TagSelection{"x"}}).events.empty());
  EXPECT_EQ(refused({.events = {event("t", "s")}}).error.code, Code::kTombstoned);
  EXPECT_EQ(set_limits({.max_count = 1}), Code::kTombstoned);
  EXPECT_TRUE(events_->stream({"t", "s"})->rules.tombstoned);
}

TEST_F(LimitsTest, MalformedLimitsAreRefused) {
  fill();
  EXPECT_EQ(set_limits({.max_count = -1}), Code::kInvalid);
  EXPECT_EQ(set_limits({.truncate_before = Version(-1)}), Code::kInvalid);
  EXPECT_EQ(set_limits({.tombstoned = true}), Code::kInvalid);
}

}  // namespace
}  // namespace stele::log
