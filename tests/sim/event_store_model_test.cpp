// EventStore against a plain list (event_model.h) over random appends, retries, bursts, limits and
// tombstones, each life ended by a clean stop, a kill, a power loss or the loss of the index.
// STELE_SEED and STELE_COUNT (seeds) replay and widen it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/sim/event_model.h"
#include "tests/support/crash_states.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

constexpr int kLives = 5;
constexpr int kOperations = 50;
const std::vector<std::string> kTypes = {"Placed", "Paid", "Sent"};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Counts {
  std::size_t appended = 0, refused = 0, retried = 0, read = 0;
  std::int64_t scavenged = 0;  ///< events
};

class Life {
public:
  Life(SimEnv& env, EventModel& model, SimRandom& random, Counts& counts)
      : env_(env), model_(model), random_(random), counts_(counts) {}

  void open(std::uint64_t hash_mask) {
    auto opened =
        Store::open("/data", env_,
                    {.journal_bytes_min = 1 << 20,
                     .journal_bytes_max = 4 << 20,
                     .group_bytes_max = 256 << 10,
                     .append_bytes_max = 256 << 10,
                     .index = {.tail_bytes_max = 4096, .hash_mask = hash_mask, .merge_count = 2}});
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
    events_ = std::make_unique<EventStore>(*store_);
    for (const auto& [name, partitions] : {std::pair("orders", 3), std::pair("stock", 1)}) {
      if (store_->find_topic(name)) continue;
      const auto made = store_->create_topic({name, partitions, {{"segment.bytes", "3000"}}});
      ASSERT_TRUE(made.has_value()) << made.error().text();
    }
  }

  void live() {
    for (int i = 0; i < kOperations && !testing::Test::HasFatalFailure(); ++i) act();
  }

  void judge_all() {
    for (const Direction direction : {Direction::kForward, Direction::kBackward}) {
      judge(AllSelection{}, direction, [](const ModelEvent&) { return true; });
      judge(TopicSelection{"orders"}, direction,
            [](const ModelEvent& event) { return event.stream.topic == "orders"; });
      for (const std::string& type : kTypes)
        judge(TypeSelection{type}, direction,
              [&](const ModelEvent& event) { return event.type == type; });
      for (std::uint64_t i = 0; i < 4; ++i)
        judge(TagSelection{tag(i)}, direction,
              [&](const ModelEvent& event) { return std::ranges::count(event.tags, tag(i)) != 0; });
    }
    for (int i = 0; i < 8; ++i) judge_stream(stream(static_cast<std::uint64_t>(i)));
  }

  void close() {
    events_.reset();
    store_.reset();
  }

private:
  static std::string tag(std::uint64_t i) { return "tag:" + std::to_string(i); }
  static StreamName stream(std::uint64_t i) {
    return {i % 3 == 0 ? "stock" : "orders", "s" + std::to_string(i / 2)};
  }
  StreamName some_stream() { return stream(random_.below(8)); }

  TopicEvent some_event() {
    const StreamName name = some_stream();
    TopicEvent one{name.topic, {.stream = name.stream, .type = kTypes[random_.below(3)]}};
    if (random_.chance(50)) one.event.tags.push_back(tag(random_.below(2)));
    if (random_.chance(30)) one.event.tags.push_back(tag(2 + random_.below(2)));
    if (random_.chance(20)) one.event.data = Bytes(random_.below(900), std::byte{'x'});
    return one;
  }
  ExpectedVersion some_expectation(const StreamName& name) {
    const std::int64_t last = model_.last_version(name);
    switch (random_.below(6)) {
      case 0:
        return ExpectedVersion::any();
      case 1:
        return ExpectedVersion::no_stream();
      case 2:
        return ExpectedVersion::exists();
      case 3:
        return ExpectedVersion::exact(Version(static_cast<std::int64_t>(random_.below(9))));
      default:
        return last < 0 ? ExpectedVersion::no_stream() : ExpectedVersion::exact(Version(last));
    }
  }
  Query some_query() {
    Query query;
    for (std::uint64_t i = 0; i < 1 + random_.below(2); ++i) {
      QueryItem item;
      if (random_.chance(50)) item.types.push_back(kTypes[random_.below(3)]);
      if (random_.chance(70)) item.tags.push_back(tag(random_.below(4)));
      if (random_.chance(20)) item.tags.push_back(tag(random_.below(4)));
      if (random_.chance(30)) item.topics.emplace_back(random_.chance(50) ? "orders" : "stock");
      if (item.types.empty() && item.tags.empty()) item.types.push_back(kTypes[0]);
      query.items.push_back(std::move(item));
    }
    return query;
  }
  EventAppend some_append() {
    EventAppend append;
    for (std::uint64_t i = 0; i < 1 + random_.below(3); ++i) append.events.push_back(some_event());
    if (random_.chance(40))
      for (TopicEvent& one : append.events) one.event.id = "id-" + std::to_string(random_.draw());
    for (std::uint64_t i = random_.below(3); i > 0; --i) {
      const StreamName name =
          i == 1 ? StreamName{append.events[0].topic, *append.events[0].event.stream}
                 : some_stream();
      if (std::ranges::count(append.expectations, name, &StreamExpectation::stream) == 0)
        append.expectations.push_back({name, some_expectation(name)});
    }
    if (random_.chance(35)) {
      AppendCondition condition{some_query(), std::nullopt};
      // What a client has read last is mostly fresh, now and then it is not.
      if (!model_.events.empty() && random_.chance(85)) {
        const std::size_t back = random_.chance(70) ? 0 : random_.below(model_.events.size());
        condition.after = model_.events[model_.events.size() - 1 - back].position;
      }
      append.conditions.push_back(std::move(condition));
    }
    return append;
  }

  void act() {
    const std::uint64_t what = random_.below(100);
    if (what < 6) return limit();
    if (what < 8) return tombstone();
    if (what < 12) return judge_stream(some_stream());
    if (what < 14) return store_->maintain(), void();
    if (what < 15) return scavenge();
    if (what < 20 && !sent_.empty()) {
      EventAppend again = sent_[random_.below(sent_.size())];
      if (random_.chance(30)) {
        again.events.push_back(some_event());
        again.events.back().event.id = "id-" + std::to_string(random_.draw());
      }
      return check(again, events_->append(again), model_.forecast(again));
    }
    if (what < 45) return burst();
    EventAppend append = some_append();
    const Forecast forecast = model_.forecast(append);
    check(append, events_->append(append), forecast);
  }

  /// Appends that are judged in one commit group, each against those before it.
  void burst() {
    std::vector<EventAppend> appends;
    std::vector<std::optional<EventAppendResult>> results(2 + random_.below(6));
    for (std::size_t i = 0; i < results.size(); ++i) {
      appends.push_back(some_append());
      events_->submit(appends[i],
                      [&, i](EventAppendResult result) { results[i] = std::move(result); });
    }
    store_->run_until([&] {
      return std::ranges::all_of(results, [](const auto& result) { return result.has_value(); });
    });
    for (std::size_t i = 0; i < results.size(); ++i)
      check(appends[i], *results[i], model_.forecast(appends[i]));
  }

  void check(const EventAppend& append, const EventAppendResult& result, const Forecast& forecast) {
    using enum Forecast::Kind;
    if (result && !result->duplicate) {
      ASSERT_TRUE(forecast.kind == kAppended || forecast.kind == kOpen);
      model_.take(append, *result);
      check_versions(append, *result);
      if (std::ranges::none_of(append.events,
                               [](const TopicEvent& one) { return one.event.id.empty(); }))
        sent_.push_back(append);
      ++counts_.appended;
      return;
    }
    if (result && forecast.kind == kOpen) return;
    if (result) {
      ASSERT_EQ(forecast.kind, kDuplicate);
      std::vector<Position> told;
      for (const AppendedEvent& one : result->events) told.push_back(one.position);
      EXPECT_EQ(told, forecast.duplicate_of);
      ++counts_.retried;
      return;
    }
    ++counts_.refused;
    const AppendRefusal& refusal = result.error();
    if (forecast.kind == kOpen) return;
    if (forecast.kind == kTaken) {
      EXPECT_EQ(refusal.error.code, Code::kAlreadyExists) << refusal.error.text();
      return;
    }
    if (forecast.kind == kTombstoned) {
      EXPECT_EQ(refusal.error.code, Code::kTombstoned) << refusal.error.text();
      return;
    }
    ASSERT_EQ(forecast.kind, kRefused) << refusal.error.text();
    std::vector<std::size_t> failed;
    for (const FailedExpectation& one : refusal.expectations) {
      failed.push_back(one.index);
      EXPECT_EQ(one.actual ? one.actual->raw() : -1, model_.last_version(one.stream));
    }
    EXPECT_EQ(failed, forecast.failed_expectations) << refusal.error.text();
    std::map<FailedItem, Position> conflicts;
    for (const FailedCondition& one : refusal.conditions)
      conflicts.emplace(FailedItem{one.index, one.item}, one.conflict);
    EXPECT_EQ(conflicts, forecast.conflicts) << refusal.error.text();
  }

  void check_versions(const EventAppend& append, const AppendedEvents& appended) {
    for (std::size_t i = 0; i < append.events.size(); ++i) {
      const auto found =
          std::ranges::find(model_.events, appended.events[i].position, &ModelEvent::position);
      ASSERT_NE(found, model_.events.end());
      ASSERT_TRUE(appended.events[i].version.has_value());
      EXPECT_EQ(appended.events[i].version->raw(), found->version);
    }
  }

  void scavenge() {
    model_.scavenge();
    const auto report = store_->scavenge();
    ASSERT_TRUE(report.has_value()) << report.error().text();
    EXPECT_EQ(report->partitions_failed, 0) << report->first_failure;
    counts_.scavenged += report->events_removed;
  }

  void limit() {
    const StreamName name = some_stream();
    StreamRules rules;
    if (random_.chance(50)) rules.max_count = 1 + static_cast<std::int64_t>(random_.below(5));
    if (random_.chance(50))
      rules.truncate_before = Version(static_cast<std::int64_t>(random_.below(6)));
    if (is_tombstoned(name)) return;
    std::optional<Result<void>> done;
    events_->set_limits(name, rules, [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    ASSERT_TRUE(done->has_value()) << done->error().text();
    model_.rules[name] = rules;
  }
  void tombstone() {
    const StreamName name = some_stream();
    if (is_tombstoned(name) || random_.chance(50)) return;
    const ExpectedVersion expected = some_expectation(name);
    std::optional<Result<void>> done;
    events_->tombstone(name, expected, [&](Result<void> result) { done = std::move(result); });
    store_->run_until([&] { return done.has_value(); });
    const Forecast forecast = model_.forecast({.events = {}, .expectations = {{name, expected}}});
    ASSERT_EQ(done->has_value(), forecast.kind == Forecast::Kind::kAppended)
        << name.stream << " " << (done->has_value() ? "" : done->error().text());
    if (*done) model_.rules[name].tombstoned = true;
  }
  bool is_tombstoned(const StreamName& name) {
    const auto found = model_.rules.find(name);
    return found != model_.rules.end() && found->second.tombstoned;
  }

  template <typename Wanted>
  void judge(const Selection& select, Direction direction, const Wanted& wanted) {
    std::vector<std::pair<std::int64_t, std::int64_t>> expected;
    for (const ModelEvent& event : model_.events)
      if (wanted(event) && model_.visible(event))
        expected.emplace_back(event.position.raw(), event.version);
    if (direction == Direction::kBackward) std::ranges::reverse(expected);
    std::vector<std::pair<std::int64_t, std::int64_t>> found;
    ReadRequest request{.select = select, .direction = direction, .versions = true};
    request.events_max = 1 + random_.below(40);
    while (true) {
      const auto page = events_->read(request);
      ASSERT_TRUE(page.has_value()) << page.error().text();
      for (const RecordedEvent& event : page->events)
        found.emplace_back(event.position.raw(), event.version ? event.version->raw() : -1);
      if (page->end) break;
      request.from.token = page->next;
    }
    // What a rule had let go of may be gone, though a later rule would show it.
    for (const ModelEvent& event : model_.events) {
      const std::pair place(event.position.raw(), event.version);
      if (event.may_be_gone && std::ranges::find(found, place) == found.end())
        std::erase(expected, place);
    }
    ASSERT_EQ(found, expected) << "selection " << select.index();
    ++counts_.read;
  }
  void judge_stream(const StreamName& name) {
    const auto info = events_->stream(name);
    ASSERT_TRUE(info.has_value()) << info.error().text();
    EXPECT_EQ(info->last_version ? info->last_version->raw() : -1, model_.last_version(name));
    if (is_tombstoned(name) || model_.last_version(name) < 0) return;
    for (const Direction direction : {Direction::kForward, Direction::kBackward})
      judge(StreamSelection{name.topic, name.stream}, direction,
            [&](const ModelEvent& event) { return event.stream == name; });
  }

  SimEnv& env_;
  EventModel& model_;
  SimRandom& random_;
  Counts& counts_;
  std::vector<EventAppend> sent_;  ///< whose events all have ids
  std::unique_ptr<Store> store_;
  std::unique_ptr<EventStore> events_;
};

/// The disk after the end of a life; a damaged or lost index is what the store has to mend.
SimDisk after(SimEnv& env, Life& life, SimRandom& random) {
  if (random.chance(30)) life.close();
  SimDisk disk =
      random.chance(50) ? env.disk().killed() : CrashStates(env.disk()).random(random.draw());
  life.close();
  return disk;
}

void lose_index(SimEnv& env, SimRandom& random) {
  const auto entries = env.list("/data/index");
  if (!entries) return;
  for (const FolderEntry& entry : *entries)
    if (random.chance(60)) ASSERT_TRUE(env.remove("/data/index/" + entry.name).has_value());
}

TEST(EventStoreModel, HoldsWhatAListHoldsOverRandomLives) {
  const std::uint64_t first = from_environment("STELE_SEED", 1);
  const std::uint64_t count = from_environment("STELE_COUNT", 20);
  Counts counts;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    SimRandom random(seed);
    SimDisk disk;
    EventModel model;
    // Every hash the same in some seeds: a term is what its bytes are, not its hash.
    const std::uint64_t hash_mask = random.chance(25) ? 3 : ~std::uint64_t{0};
    for (int i = 0; i < kLives; ++i) {
      SimEnv env(disk, {.seed = random.draw()});
      if (random.chance(25)) lose_index(env, random);
      Life life(env, model, random, counts);
      life.open(hash_mask);
      if (testing::Test::HasFatalFailure()) return;
      life.judge_all();
      life.live();
      life.judge_all();
      if (testing::Test::HasFailure()) return;
      disk = after(env, life, random);
    }
  }
  std::cout << "event_store_model seeds=" << count << " appended=" << counts.appended
            << " refused=" << counts.refused << " retried=" << counts.retried
            << " reads=" << counts.read << " scavenged=" << counts.scavenged << "\n";
  EXPECT_GT(counts.scavenged, 0);
  EXPECT_GT(counts.refused, count);
  EXPECT_GT(counts.retried, count);
}

}  // namespace
}  // namespace stele::log
