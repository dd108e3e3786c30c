#include "projections/sources/embedded_source.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "log/format/batch_builder.h"
#include "tests/support/sim_env.h"
#include "tests/support/sim_random.h"

namespace stele::projections {
namespace {

constexpr auto kNoWait = std::chrono::nanoseconds::zero();

/// What an event says, owned.
struct Seen {
  std::string topic;
  std::int64_t position = 0;
  std::int64_t offset = 0;
  std::string stream;
  std::string type;
  std::string data;
  std::size_t header_count = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};

class EmbeddedSourceTest : public testing::Test {
protected:
  EmbeddedSourceTest() {
    auto opened = log::Store::open("/data", env_,
                                   {.journal_bytes_min = 1 << 20,
                                    .journal_bytes_max = 4 << 20,
                                    .group_bytes_max = 256 << 10,
                                    .append_bytes_max = 256 << 10});
    store_ = std::move(opened.value());
    events_ = std::make_unique<log::EventStore>(*store_);
    source_ = std::make_unique<EmbeddedSource>(*events_);
  }
  Uuid create(const std::string& topic, std::int32_t partitions = 1) {
    return store_->create_topic({topic, partitions, {}}).value()->id;
  }
  std::int64_t add(const std::string& topic, const std::string& stream, const std::string& type,
                   std::string id = "") {
    auto appended = events_->append(
        {.events = {{topic, {.stream = stream, .id = std::move(id), .type = type}}}});
    return appended.value().events.front().position.raw();
  }
  std::unique_ptr<SourceReader> open(const std::vector<std::string>& topics,
                                     std::int64_t from = 0) {
    auto reader = source_->open(topics, {InputId::store()}, Checkpoint::of_store(from));
    EXPECT_TRUE(reader.has_value()) << reader.error().text();
    return std::move(reader.value());
  }
  static Seen seen(const InputEvent& event) {
    return {.topic = std::string(event.topic),
            .position = event.position.raw(),
            .offset = event.offset.raw(),
            .stream = event.stream ? std::string(as_text(*event.stream)) : "-",
            .type = std::string(event.type),
            .data = event.data ? std::string(as_text(*event.data)) : "-",
            .header_count = event.headers.size()};
  }
  /// Everything up to the end; checks that lots join.
  static std::vector<Seen> read(SourceReader& reader, std::int64_t from = 0) {
    std::vector<Seen> all;
    for (std::int64_t next = from;;) {
      const LotPtr lot = reader.next(kNoWait).value();
      EXPECT_TRUE(lot->input.is_store());
      EXPECT_GE(lot->next, next);
      for (const InputEvent& event : lot->events) {
        EXPECT_GE(event.position.raw(), next);
        next = event.position.raw() + 1;
        all.push_back(seen(event));
      }
      EXPECT_GE(lot->next, next);
      next = lot->next;
      if (lot->end) return all;
    }
  }
  static std::vector<std::string> types(const std::vector<Seen>& events) {
    std::vector<std::string> all;
    for (const Seen& event : events) all.push_back(event.type);
    return all;
  }
  void wait_done(const std::function<void(Done)>& start) {
    bool done = false;
    start([&](Result<void> result) {
      EXPECT_TRUE(result.has_value());
      done = true;
    });
    store_->run_until([&] { return done; });
  }

  SimEnv env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  std::unique_ptr<EmbeddedSource> source_;
};

TEST_F(EmbeddedSourceTest, GivesWhatTheStoreHoldsOfTheTopicsInItsOrder) {
  create("a", 3);
  create("b");
  create("c");
  add("a", "x", "A1");
  add("b", "x", "B1");
  add("c", "x", "C1");
  add("a", "y", "A2");
  add("b", "x", "B2");
  EXPECT_EQ(types(read(*open({"a"}))), (std::vector<std::string>{"A1", "A2"}));
  EXPECT_EQ(types(read(*open({"b", "a"}))), (std::vector<std::string>{"A1", "B1", "A2", "B2"}));
}

TEST_F(EmbeddedSourceTest, LooksLikeWhatEventReadsGive) {
  create("a", 4);
  create("noise");
  SimRandom random(7);
  for (int i = 0; i < 300; ++i)
    add(random.draw() % 4 == 0 ? "noise" : "a", std::to_string(random.draw() % 20), "T");
  std::vector<Seen> expected;
  const auto page = events_->read({.select = log::TopicSelection{"a"}, .events_max = 1000}).value();
  for (const log::RecordedEvent& event : page.events)
    expected.push_back({.topic = event.topic,
                        .position = event.position.raw(),
                        .offset = event.offset.raw(),
                        .stream = event.stream.value_or("-"),
                        .type = event.type,
                        .data = "-",
                        .header_count = 1});
  for (const std::size_t lot_bytes : {std::size_t{1}, std::size_t{500}, std::size_t{1} << 20}) {
    SCOPED_TRACE(lot_bytes);
    source_ = std::make_unique<EmbeddedSource>(*events_, EmbeddedSourceOptions{lot_bytes});
    EXPECT_EQ(read(*open({"a"})), expected);
  }
}

TEST_F(EmbeddedSourceTest, BeginsInTheMiddleOfABatchAndUnpacks) {
  const Uuid topic = create("a");
  const std::int64_t before = add("a", "x", "First");
  BatchBuilder builder({.codec = Codec::kLz4});
  const std::vector<HeaderView> headers{
      {"other", std::nullopt}, {"ce_type", as_bytes("Packed")}, {"ce_type", as_bytes("Second")}};
  for (const char* key : {"k0", "k1", "k2"})
    ASSERT_TRUE(builder.add(
        {.key = as_bytes(key), .value = as_bytes(key), .headers = headers, .timestamp_ms = 5}));
  const Bytes batch = builder.finish().value();
  log::AppendRequest request;
  request.batches.push_back({.to = {topic, 0}, .batch = batch});
  ASSERT_TRUE(store_->append(std::move(request)));
  const auto all = read(*open({"a"}, before + 2), before + 2);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], (Seen{"a", before + 2, 2, "k1", "Packed", "k1", 3}));
  EXPECT_EQ(all[1].stream, "k2");
}

TEST_F(EmbeddedSourceTest, WhatRulesLetGoOfIsNotGiven) {
  create("a");
  for (int i = 0; i < 3; ++i) {
    add("a", "kept", "K");
    add("a", "cut", "C" + std::to_string(i));
    add("a", "gone", "G");
  }
  wait_done([&](Done done) {
    events_->set_limits({"a", "cut"}, {.truncate_before = Version(2)}, std::move(done));
  });
  wait_done([&](Done done) {
    events_->tombstone({"a", "gone"}, log::ExpectedVersion::any(), std::move(done));
  });
  EXPECT_EQ(types(read(*open({"a"}))), (std::vector<std::string>{"K", "K", "K", "C2"}));
}

TEST_F(EmbeddedSourceTest, FollowsWhatIsAppendedLater) {
  create("a");
  create("b");
  add("a", "x", "T1");
  const auto reader = open({"a"});
  EXPECT_EQ(read(*reader).size(), 1U);
  const LotPtr nothing = reader->next(kNoWait).value();
  EXPECT_TRUE(nothing->end);
  EXPECT_TRUE(nothing->events.empty());
  const std::int64_t last = add("b", "x", "T2");
  const LotPtr passed = reader->next(kNoWait).value();
  EXPECT_TRUE(passed->end);
  EXPECT_EQ(passed->next, last + 1) << "what does not interest is passed over";
  add("a", "x", "T3");
  EXPECT_EQ(types(read(*reader)), (std::vector<std::string>{"T3"}));
}

TEST_F(EmbeddedSourceTest, RefusesPlacesAndTopicsThatAreNot) {
  create("a");
  const auto past = source_->open({"a"}, {InputId::store()}, Checkpoint::of_store(1000));
  EXPECT_EQ(past.error().code, Code::kOutOfRange);
  EXPECT_EQ(source_->inputs({"a", "nowhere"}).error().code, Code::kNotFound);
  const auto reader = open({"a"});
  ASSERT_TRUE(store_->delete_topic(store_->find_topic("a")->id));
  create("a");
  EXPECT_EQ(reader->next(kNoWait).error().code, Code::kNotFound);
}

TEST_F(EmbeddedSourceTest, TokensAreThoseOfTheStore) {
  create("a");
  const auto appended = events_->append({.events = {{"a", {.stream = "x", .type = "T"}}}}).value();
  const Checkpoint behind = Checkpoint::of_store(appended.events.front().position.next().raw());
  EXPECT_EQ(source_->parse_token(appended.token).value(), behind);
  EXPECT_EQ(source_->token(behind).value(), appended.token);
  EXPECT_EQ(source_->end({InputId::store()}).value(), behind);
  EXPECT_FALSE(source_->token(Checkpoint({{{"a", 0}, 1}})).has_value());
}

log::TopicEvent with_id(std::string id, std::string type = "T") {
  return {"a", {.stream = "x", .id = std::move(id), .type = std::move(type)}};
}

TEST_F(EmbeddedSourceTest, AppendsAddWhatIsMissingWhateverCameBefore) {
  create("a");
  ASSERT_TRUE(source_->append({with_id("1"), with_id("2")}));
  ASSERT_TRUE(source_->append({with_id("1"), with_id("2")}));
  ASSERT_TRUE(source_->append({with_id("2"), with_id("3"), with_id("4")}));
  ASSERT_TRUE(source_->append({with_id("0"), with_id("1"), with_id("3"), with_id("5")}));
  const auto page = events_->read({.select = log::TopicSelection{"a"}}).value();
  std::vector<std::string> ids;
  for (const auto& event : page.events) ids.push_back(event.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"1", "2", "3", "4", "0", "5"}));
}

TEST_F(EmbeddedSourceTest, AnIdOfAnotherEventIsAnError) {
  create("a");
  ASSERT_TRUE(source_->append({with_id("1", "This")}));
  EXPECT_EQ(source_->append({with_id("1", "That")}).error().code, Code::kAlreadyExists);
}

TEST_F(EmbeddedSourceTest, AppendsOfAnySizeAreCutIntoPieces) {
  create("a");
  std::vector<log::TopicEvent> events;
  for (int i = 0; i < 40; ++i) {
    events.push_back(with_id(std::to_string(i)));
    events.back().event.data.emplace(20'000, std::byte{1});  // 800 kB, over append_bytes_max
  }
  const auto appended = source_->append(events);
  ASSERT_TRUE(appended.has_value()) << appended.error().text();
  const auto page =
      events_->read({.select = log::TopicSelection{"a"}, .bytes_max = 4 << 20}).value();
  EXPECT_EQ(page.events.size(), 40U);
}

}  // namespace
}  // namespace stele::projections
