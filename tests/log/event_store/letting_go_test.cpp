// What is removed (retention, delete_records, compaction, scavenge) changes no version, no head and
// no verdict, also when the index is lost and built anew from what is left.
#include <algorithm>

#include "log/format/record_batch.h"
#include "tests/log/event_store/event_store_fixture.h"

namespace stele::log {
namespace {

class LettingGoTest : public EventStoreFixture {
protected:
  /// Segments of a few events each.
  void create_small(const std::string& name = "t", TopicSettings settings = {}) {
    settings.try_emplace("segment.bytes", "1024");
    create(name, 2, std::move(settings));
  }
  void fill(int count, const std::string& topic = "t") {
    for (int i = 0; i < count; ++i) {
      append({.events = {event(topic, "s" + std::to_string(i % 3), "T" + std::to_string(i % 2),
                               {"tag" + std::to_string(i % 4)})}});
    }
  }
  void lose_index() {
    events_.reset();
    store_.reset();
    for (const std::string& path : env_.disk().files()) {
      if (path.starts_with("/data/index/")) ASSERT_TRUE(env_.remove(path).has_value());
    }
    open();
  }
  void set(const StreamName& stream, const StreamRules& rules) {
    std::optional<Result<void>> done;
    events_->set_limits(stream, rules, [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    ASSERT_TRUE(done->has_value()) << done->error().text();
  }
  void tombstone(const StreamName& stream) {
    std::optional<Result<void>> done;
    events_->tombstone(stream, ExpectedVersion::any(),
                       [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    ASSERT_TRUE(done->has_value()) << done->error().text();
  }
  Result<ScavengeReport> scavenge(const std::optional<std::string>& topic = std::nullopt) {
    std::optional<Result<ScavengeReport>> done;
    events_->scavenge(topic, [&](Result<ScavengeReport> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    return *std::move(done);
  }
  TopicPartition partition(std::int32_t number, const std::string& topic = "t") {
    return {store_->find_topic(topic)->id, number};
  }
  void trim_all(const std::string& topic = "t") {
    for (std::int32_t i = 0; i < 2; ++i) {
      const Offset end = store_->ends(partition(i, topic))->end;
      ASSERT_EQ(store_->delete_records(partition(i, topic), end).value(), end);
    }
  }
  void settle() {
    for (int i = 0; i < 200; ++i) {
      env_.advance(std::chrono::seconds(1));
      store_->maintain();
      store_->poll();
    }
  }
  std::optional<std::int64_t> last_version(const std::string& stream,
                                           const std::string& topic = "t") {
    const auto info = events_->stream({topic, stream});
    EXPECT_TRUE(info.has_value());
    return info->last_version ? std::optional(info->last_version->raw()) : std::nullopt;
  }
  /// Each stream's exact version, and no other, is what an append finds; 3 streams of `each`.
  void expect_versions(std::int64_t each, const std::string& topic = "t") {
    for (const char* stream : {"s0", "s1", "s2"}) {
      SCOPED_TRACE(stream);
      EXPECT_EQ(last_version(stream, topic), each - 1);
      const AppendRefusal refusal =
          refused({.events = {event(topic, stream)},
                   .expectations = {{{topic, stream}, ExpectedVersion::exact(Version(each))}}});
      EXPECT_EQ(refusal.error.code, Code::kWrongVersion);
      EXPECT_EQ(refusal.expectations.at(0).actual, Version(each - 1));
    }
  }
  [[nodiscard]] std::int64_t stored_records() const {
    std::int64_t count = 0;
    for (Position at(0); at < store_->end();) {
      const auto read = store_->read_all(at).value();
      for (const OrderedBatch& one : read.batches) {
        if (!one.batch.empty() && store_->find_topic(one.from.topic) != nullptr &&
            !store_->find_topic(one.from.topic)->internal)
          count += parse_batch_header(one.batch)->record_count;
      }
      at = read.next;
    }
    return count;
  }
};

TEST_F(LettingGoTest, VersionsSurviveDeletedRecordsAndALostIndex) {
  create_small();
  fill(30);
  trim_all();
  expect_versions(10);
  lose_index();
  expect_versions(10);
  const AppendedEvents next =
      append({.events = {event("t", "s1")},
              .expectations = {{{"t", "s1"}, ExpectedVersion::exact(Version(9))}}});
  EXPECT_EQ(next.events.at(0).version, Version(10));
  lose_index();
  EXPECT_EQ(last_version("s1"), 10);
  EXPECT_EQ(versions(read({.select = StreamSelection{"t", "s1"}}).events),
            std::vector<std::int64_t>{10});
}

TEST_F(LettingGoTest, ARecordAtATimeDeletedIsCountedOnce) {
  create_small();
  fill(30);
  for (std::int64_t before = 1; before < 8; ++before) {
    for (std::int32_t i = 0; i < 2; ++i)
      ASSERT_TRUE(store_->delete_records(partition(i), Offset(before)).has_value());
  }
  lose_index();
  expect_versions(10);
}

TEST_F(LettingGoTest, VersionsSurviveRetentionAndALostIndex) {
  create_small("t", {{"retention.bytes", "1500"}});
  fill(60);
  settle();
  EXPECT_LT(stored_records(), 60);
  lose_index();
  expect_versions(20);
}

TEST_F(LettingGoTest, VersionsSurviveCompactionAndALostIndex) {
  create_small("t", {{"cleanup.policy", "compact"}, {"min.cleanable.dirty.ratio", "0"}});
  fill(60);
  settle();
  EXPECT_LT(stored_records(), 40);
  expect_versions(20);
  lose_index();
  expect_versions(20);
}

TEST_F(LettingGoTest, ConditionsAreJudgedAsBeforeOverALostIndex) {
  create_small();
  fill(30);
  trim_all();
  const auto taken = [](const std::string& tag) {
    return EventAppend{.events = {event("t", "new")},
                       .conditions = {{.fail_if_events_match = {{{.tags = {tag}}}}}}};
  };
  for (const bool lost : {false, true}) {
    SCOPED_TRACE(lost);
    if (lost) lose_index();
    EXPECT_EQ(refused(taken("tag2")).error.code, Code::kConditionFailed);
    EXPECT_EQ(refused(taken("tag2")).conditions.at(0).conflict, Position(2 + 1));
  }
  append(taken("tag9"));
}

TEST_F(LettingGoTest, ScavengeRemovesWhatRulesLetGoOfAndNothingElse) {
  create_small();
  create_small("other");
  fill(60);
  fill(60, "other");
  set({"t", "s0"}, {.max_count = 2});
  set({"t", "s1"}, {.truncate_before = Version(15)});
  tombstone({"t", "s2"});
  const auto everything = [&] { return positions(read({.select = AllSelection{}}).events); };
  const std::vector<std::int64_t> before = everything();
  const std::int64_t stored = stored_records();
  const std::int64_t bytes = store_->stats().log_bytes;
  const auto report = scavenge();
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_EQ(report->partitions, 4);
  EXPECT_EQ(report->partitions_failed, 0) << report->first_failure;
  EXPECT_GE(report->events_removed, 35) << "of 18 + 15 + 20, but for those in open segments";
  EXPECT_EQ(stored_records(), stored - report->events_removed);
  EXPECT_EQ(store_->stats().log_bytes, bytes - report->bytes_removed);
  EXPECT_EQ(store_->stats().scavenge_removed_events, report->events_removed);
  for (const bool lost : {false, true}) {
    SCOPED_TRACE(lost);
    if (lost) lose_index();
    EXPECT_EQ(everything(), before);
    EXPECT_EQ(last_version("s0"), 19);
    EXPECT_EQ(last_version("s1"), 19);
    EXPECT_EQ(versions(read({.select = StreamSelection{"t", "s0"}}).events),
              (std::vector<std::int64_t>{18, 19}));
    EXPECT_EQ(versions(read({.select = StreamSelection{"t", "s1"}}).events),
              (std::vector<std::int64_t>{15, 16, 17, 18, 19}));
    EXPECT_EQ(read_error({.select = StreamSelection{"t", "s2"}}), Code::kTombstoned);
    EXPECT_EQ(refused({.events = {event("t", "s2")}}).error.code, Code::kTombstoned);
    EXPECT_EQ(read({.select = StreamSelection{"t", "s0"}}).first_version, Version(18));
    EXPECT_EQ(scavenge()->segments, 0) << "there is nothing left to do";
  }
  expect_versions(20, "other");
}

TEST_F(LettingGoTest, TagsAndTypesOfScavengedEventsAreReadPast) {
  create_small();
  fill(60);
  tombstone({"t", "s2"});
  const auto by_tag = [&] { return positions(read({.select = TagSelection{"tag1"}}).events); };
  const std::vector<std::int64_t> before = by_tag();
  EXPECT_GT(scavenge()->events_removed, 10);
  EXPECT_EQ(by_tag(), before);
  EXPECT_EQ(
      positions(read({.select = TagSelection{"tag1"}, .direction = Direction::kBackward}).events),
      std::vector<std::int64_t>(before.rbegin(), before.rend()));
  EXPECT_EQ(read({.select = TypeSelection{"T1"}}).events.size(), 20U);
}

TEST_F(LettingGoTest, ScavengeIsRefusedWhereItCannotBe) {
  create_small();
  EXPECT_EQ(scavenge("nowhere").error().code, Code::kNotFound);
  EXPECT_EQ(scavenge()->segments, 0);
  fill(30);
  tombstone({"t", "s2"});
  std::optional<Result<ScavengeReport>> first;
  std::optional<Result<ScavengeReport>> second;
  events_->scavenge("t", [&](Result<ScavengeReport> result) { first = std::move(result); });
  events_->scavenge("t", [&](Result<ScavengeReport> result) { second = std::move(result); });
  store_->run_until([&] { return first && second; });
  EXPECT_TRUE(first->has_value());
  EXPECT_EQ(second->error().code, Code::kOverloaded);
}

TEST_F(LettingGoTest, AScavengeCanBeEnded) {
  create_small();
  fill(60);
  tombstone({"t", "s2"});
  store_->cancel_scavenge();  // there is none
  std::optional<Result<ScavengeReport>> done;
  events_->scavenge(std::nullopt, [&](Result<ScavengeReport> r) { done = std::move(r); });
  store_->poll();
  store_->cancel_scavenge();
  store_->run_until([&] { return done.has_value(); });
  EXPECT_EQ(done->error().code, Code::kCancelled);
  EXPECT_GT(scavenge()->events_removed, 0);
}

TEST_F(LettingGoTest, AStoreClosesInTheMiddleOfAScavenge) {
  create_small();
  fill(60);
  tombstone({"t", "s2"});
  std::optional<Result<ScavengeReport>> done;
  events_->scavenge(std::nullopt, [&](Result<ScavengeReport> r) { done = std::move(r); });
  store_->poll();
  ASSERT_TRUE(store_->close().has_value());
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->error().code, Code::kClosed);
  reopen();
  EXPECT_EQ(last_version("s1"), 19);
  EXPECT_GT(scavenge()->events_removed, 0);
}

TEST_F(LettingGoTest, ATrimThatTheCloseMeetsIsCountedOrRefused) {
  create_small();
  fill(30);
  int answered = 0;
  for (std::int32_t i = 0; i < 2; ++i) {
    store_->delete_records_async(partition(i), store_->ends(partition(i))->end,
                                 [&](const Result<Offset>&) { ++answered; });
  }
  ASSERT_TRUE(store_->close().has_value());
  EXPECT_EQ(answered, 2);
  lose_index();
  expect_versions(10);
}

TEST_F(LettingGoTest, WithoutAFloorVersionsAreNotGuessed) {
  create_small();
  fill(30);
  trim_all();
  fill(30);
  events_.reset();
  store_.reset();
  for (const std::string& path : env_.disk().files()) {
    if (path.starts_with("/data/index/") || path.starts_with("/data/floors/"))
      ASSERT_TRUE(env_.remove(path).has_value());
  }
  const auto code_of_an_append = [&] {
    return refused({.events = {event("t", "s1")},
                    .expectations = {{{"t", "s1"}, ExpectedVersion::no_stream()}}})
        .error.code;
  };
  // The start that builds the index, and the next one, which finds runs that miss nothing they
  // know.
  for (int i = 0; i < 2; ++i) {
    events_.reset();
    store_.reset();
    store_ = Store::open("/data", env_,
                         {.journal_bytes_min = 1 << 20,
                          .append_bytes_max = 256 << 10,
                          .index = {.tail_bytes_max = 256}})
                 .value();
    events_ = std::make_unique<EventStore>(*store_);
    EXPECT_GT(store_->index().stats().indexed_to, Position(0));
    EXPECT_EQ(code_of_an_append(), Code::kCorrupt);
  }
}

TEST_F(LettingGoTest, DamagedFloorsAreReportedAndTheStoreOpens) {
  create_small();
  fill(30);
  trim_all();
  events_.reset();
  store_.reset();
  for (const std::string& path : env_.disk().files()) {
    if (path.starts_with("/data/floors/")) env_.disk().flip_bit(path, 100);
  }
  open();
  EXPECT_EQ(refused({.events = {event("t", "s1")},
                     .expectations = {{{"t", "s1"}, ExpectedVersion::no_stream()}}})
                .error.code,
            Code::kCorrupt);
}

}  // namespace
}  // namespace stele::log
