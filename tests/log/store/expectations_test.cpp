// What the sequencer checks: expected versions, conditions, event ids, over the store's own API.
#include <gtest/gtest.h>

#include <algorithm>

#include "log/format/batch_builder.h"
#include "log/store/store.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

struct TestEvent {
  std::string key;  ///< empty: none
  std::string type;
  std::string tags;
  std::string id;
};

class Expectations : public testing::Test {
protected:
  Expectations() { open(); }

  void open() {
    StoreOptions options;
    options.index.hash_mask = 0x3;  // every term collides with a quarter of the others
    store_.reset();
    store_ = Store::open("/data", env_, options).value();
    if (store_->find_topic("a") == nullptr) {
      store_->create_topic({.name = "a", .partition_count = 3}).value();
      store_->create_topic({.name = "b"}).value();
    }
    hasher_ = &store_->index().hasher();
  }

  Uuid topic(std::string_view name) const { return store_->find_topic(name)->id; }
  Term stream(std::string_view name, std::string_view key) const {
    return hasher_->stream(topic(name), as_bytes(key));
  }

  Bytes batch(std::span<const TestEvent> events) {
    BatchBuilder builder({.codec = Codec::kLz4});
    for (const TestEvent& event : events) {
      std::vector<HeaderView> headers;
      for (const auto& [name, value] :
           {std::pair<std::string_view, std::string_view>{"ce_type", event.type},
            {"ce_tags", event.tags},
            {"ce_id", event.id}}) {
        if (!value.empty()) headers.push_back({name, as_bytes(value)});
      }
      EXPECT_TRUE(
          builder
              .add({.key = event.key.empty() ? std::nullopt : std::optional(as_bytes(event.key)),
                    .value = as_bytes("value"),
                    .headers = headers,
                    .timestamp_ms = 1})
              .has_value());
    }
    return builder.finish().value();
  }

  struct Part {
    std::string topic;
    std::int32_t partition = 0;
    std::vector<TestEvent> events;
  };
  AppendRequest request(const std::vector<Part>& parts, std::shared_ptr<AppendChecks> checks) {
    auto owned = std::make_shared<std::vector<Bytes>>();
    AppendRequest request;
    for (const Part& part : parts) owned->push_back(batch(part.events));
    for (std::size_t i = 0; i < parts.size(); ++i)
      request.batches.push_back({.to = {topic(parts[i].topic), parts[i].partition},
                                 .batch = (*owned)[i],
                                 .min_timestamp_ms = 1,
                                 .max_timestamp_ms = 1});
    request.owner = owned;
    request.checks = std::move(checks);
    return request;
  }
  Result<AppendOutcome> append(const std::vector<Part>& parts,
                               std::shared_ptr<AppendChecks> checks = nullptr) {
    return store_->append(request(parts, std::move(checks)));
  }
  std::shared_ptr<AppendChecks> expect(std::string_view name, std::string_view key,
                                       ExpectedVersion expected) {
    auto checks = std::make_shared<AppendChecks>();
    checks->streams.push_back({stream(name, key), expected});
    return checks;
  }
  std::shared_ptr<AppendChecks> unless(ConditionItem item, Position from) {
    auto checks = std::make_shared<AppendChecks>();
    checks->conditions.push_back({.items = {std::move(item)}, .from = from});
    return checks;
  }

  SimEnv env_;
  std::unique_ptr<Store> store_;
  const TermHasher* hasher_ = nullptr;
};

TEST_F(Expectations, HoldOrAreRefusedWithTheActualVersion) {
  ASSERT_TRUE(append({{"a", 1, {{.key = "s"}, {.key = "other"}, {.key = "s"}}}}).has_value());
  struct Case {
    std::string key;
    ExpectedVersion expected;
    bool holds;
    std::optional<Version> actual = std::nullopt;
  };
  const Case cases[] = {
      {"s", ExpectedVersion::any(), true},
      {"s", ExpectedVersion::exists(), true},
      {"s", ExpectedVersion::exact(Version(3)), true},  // two came with the cases above
      {"s", ExpectedVersion::exact(Version(3)), false, Version(4)},
      {"s", ExpectedVersion::no_stream(), false, Version(4)},
      {"new", ExpectedVersion::exists(), false},
      {"new", ExpectedVersion::exact(Version(0)), false},
      {"new", ExpectedVersion::no_stream(), true},
      {"new", ExpectedVersion::no_stream(), false, Version(0)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.key);
    const auto checks = expect("a", c.key, c.expected);
    const auto appended = append({{"a", 2, {{.key = c.key}}}}, checks);
    ASSERT_EQ(appended.has_value(), c.holds);
    if (c.holds) continue;
    EXPECT_EQ(appended.error().code, Code::kWrongVersion);
    ASSERT_EQ(checks->verdict.failed_streams.size(), 1);
    EXPECT_EQ(checks->verdict.failed_streams[0].actual, c.actual);
  }
}

TEST_F(Expectations, ASeveralTopicsAppendIsAllOrNothing) {
  ASSERT_TRUE(append({{"a", 0, {{.key = "x"}}}}).has_value());
  const Position before = store_->end();
  auto checks = expect("a", "x", ExpectedVersion::exact(Version(0)));
  checks->streams.push_back({stream("b", "y"), ExpectedVersion::exists()});
  checks->streams.push_back({stream("b", "z"), ExpectedVersion::exact(Version(7))});
  const auto refused = append({{"a", 0, {{.key = "x"}}}, {"b", 0, {{.key = "y"}}}}, checks);
  ASSERT_FALSE(refused.has_value());
  ASSERT_EQ(checks->verdict.failed_streams.size(), 2);  // every one that failed
  EXPECT_EQ(checks->verdict.failed_streams[0].index, 1);
  EXPECT_EQ(checks->verdict.failed_streams[1].index, 2);
  EXPECT_EQ(store_->end(), before);

  checks = expect("a", "x", ExpectedVersion::exact(Version(0)));
  checks->streams.push_back({stream("b", "y"), ExpectedVersion::no_stream()});
  ASSERT_TRUE(append({{"a", 0, {{.key = "x"}}},
                      {"b", 0, {{.key = "y"}, {}, {.key = "y"}}},
                      {"a", 0, {{.key = "x"}}}},
                     checks)
                  .has_value());
  EXPECT_EQ(checks->verdict.versions, (std::vector<std::int64_t>{1, 0, -1, 1, 2}));
  EXPECT_EQ(store_->end(), before.next(5));
}

TEST_F(Expectations, SeeWhatTheSameCommitGroupHolds) {
  std::vector<std::string> answers;
  for (int i = 0; i < 3; ++i) {
    store_->submit(
        request({{"a", 0, {{.key = "s"}}}}, expect("a", "s", ExpectedVersion::no_stream())),
        [&](Result<AppendOutcome> outcome) {
          answers.push_back(outcome ? "ok" : outcome.error().text());
        });
  }
  store_->run_until([&] { return answers.size() == 3; });
  EXPECT_EQ(std::ranges::count(answers, "ok"), 1);
  EXPECT_EQ(store_->index().head(stream("a", "s").view()).value()->count, 1);
}

TEST_F(Expectations, ConditionsFindTheFirstMatchBehindAfter) {
  ASSERT_TRUE(append({{"a",
                       0,
                       {{.type = "T1", .tags = "x,y"},    // 2 (two topics were created before)
                        {.type = "T2", .tags = "y"},      // 3
                        {.type = "T1", .tags = "y,z"}}},  // 4
                      {"b", 0, {{.type = "T3", .tags = "x"}}}})  // 5
                  .has_value());
  const std::int64_t p = store_->end().raw() - 4;
  const auto tag = [&](std::string_view name) { return hasher_->tag(name); };
  const auto type = [&](std::string_view name) { return hasher_->type(name); };
  struct Case {
    const char* name;
    ConditionItem item;
    std::int64_t from;
    std::optional<std::int64_t> conflict;
  };
  const Case cases[] = {
      {"a tag", {.tags = {tag("y")}}, 0, p},
      {"a tag, later", {.tags = {tag("y")}}, p + 1, p + 1},
      {"a tag, past all", {.tags = {tag("y")}}, p + 3, {}},
      {"two tags", {.tags = {tag("y"), tag("z")}}, 0, p + 2},
      {"tags that never meet", {.tags = {tag("x"), tag("z")}}, 0, {}},
      {"a type", {.types = {type("T2")}}, 0, p + 1},
      {"one of two types", {.types = {type("T3"), type("T2")}}, 0, p + 1},
      {"type and tag", {.types = {type("T1")}, .tags = {tag("z")}}, 0, p + 2},
      {"type of another topic", {.types = {type("T1")}, .topics = {topic("b")}}, 0, {}},
      {"tag in a topic", {.tags = {tag("x")}, .topics = {topic("b")}}, 0, p + 3},
      {"a topic alone", {.topics = {topic("b")}}, 0, p + 3},
      {"anything", {}, p + 2, p + 2},
      {"anything, past all", {}, p + 4, {}},
      {"an unknown type", {.types = {type("T9")}}, 0, {}},
      {"no such topic", {.nothing = true}, 0, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto checks = unless(c.item, Position(c.from));
    checks->streams.push_back(
        {stream("a", "nobody"), ExpectedVersion::exists()});  // never appended
    ASSERT_FALSE(append({{"a", 0, {{.key = "s"}}}}, checks).has_value());
    std::optional<std::int64_t> conflict;
    if (!checks->verdict.failed_conditions.empty())
      conflict = checks->verdict.failed_conditions[0].conflict.raw();
    EXPECT_EQ(conflict, c.conflict);
    EXPECT_EQ(store_->first_match(c.item, Position(c.from), store_->end()).value(),
              c.conflict ? std::optional(Position(*c.conflict)) : std::nullopt);
  }
}

TEST_F(Expectations, ConditionsSeeWhatTheSameCommitGroupHolds) {
  std::vector<Result<AppendOutcome>> answers;
  const Position from = store_->end();
  for (const std::string name : {"a", "b", "a"}) {
    ConditionItem item{.tags = {hasher_->tag("seat:1")}, .topics = {topic("a"), topic("b")}};
    store_->submit(request({{name, 0, {{.type = "Taken", .tags = "seat:1"}}}}, unless(item, from)),
                   [&](Result<AppendOutcome> outcome) { answers.push_back(std::move(outcome)); });
  }
  store_->run_until([&] { return answers.size() == 3; });
  EXPECT_EQ(std::ranges::count_if(answers, [](const auto& one) { return one.has_value(); }), 1);
  EXPECT_EQ(store_->end(), from.next());
}

TEST_F(Expectations, AnEventIdTakenIsARetryAlsoAfterARestart) {
  const auto attempt = [&](std::vector<std::string> ids) {
    auto checks = expect("a", "s", ExpectedVersion::no_stream());
    std::vector<TestEvent> events;
    for (const std::string& id : ids) {
      checks->event_ids.push_back(hasher_->event_id(topic("a"), id));
      events.push_back({.key = "s", .id = id});
    }
    const auto appended = append({{"a", 0, events}}, checks);
    return std::pair(appended ? Code{} : appended.error().code, checks->verdict.duplicate_of);
  };
  const Position first = store_->end();
  const std::vector<Position> places = {first, first.next()};
  EXPECT_EQ(attempt({"1", "2"}).second, std::vector<Position>());
  const Position end = store_->end();
  EXPECT_EQ(attempt({"1", "2"}).second, places);
  open();
  EXPECT_EQ(attempt({"1", "2"}).second, places);
  EXPECT_EQ(attempt({"1", "3"}).first, Code::kAlreadyExists);
  EXPECT_EQ(attempt({"3", "4"}).first, Code::kWrongVersion);
  EXPECT_EQ(store_->end(), end);
}

TEST_F(Expectations, PlainAppendsOfAnyCodecCountAndSurviveALostIndex) {
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(append({{"a", i % 3, {{.key = "s"}, {.key = "t"}}}}).has_value());
  ASSERT_TRUE(store_->close().has_value());
  store_.reset();
  for (const FolderEntry& file : env_.list("/data/index").value())
    ASSERT_TRUE(env_.remove("/data/index/" + file.name).has_value());
  open();
  const auto head = store_->index().head(stream("a", "s").view()).value();
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(head->count, 10);
  EXPECT_EQ(head->partition, 0);
  EXPECT_TRUE(
      append({{"a", 0, {{.key = "s"}}}}, expect("a", "s", ExpectedVersion::exact(Version(9))))
          .has_value());
}

TEST_F(Expectations, TopicsThatAreNotIndexedHaveNoStreams) {
  store_->create_topic({.name = "plain", .settings = {{"stele.index", "false"}}}).value();
  ASSERT_TRUE(append({{"plain", 0, {{.key = "s", .type = "T"}}}}).has_value());
  EXPECT_EQ(store_->index().head(stream("plain", "s").view()).value(), std::nullopt);
  EXPECT_EQ(store_->index().head(hasher_->type("T").view()).value(), std::nullopt);
  const auto changed = store_->configure_topic(topic("plain"), {});
  ASSERT_FALSE(changed.has_value());
  EXPECT_EQ(changed.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace stele::log
