#include "projections/remote/kafka_source.h"

#include <gtest/gtest.h>

#include <map>

#include "log/env/posix_env.h"
#include "tests/projections/remote/mock_cluster.h"

namespace stele::projections {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongest = 10s;

log::TopicEvent placed(const std::string& topic, const std::string& stream,
                       const std::string& data) {
  return {topic,
          {.stream = stream,
           .id = "e-" + data,
           .type = "Placed",
           .source = "/shop",
           .tags = {"a", "b,c"},
           .time_ms = 1'700'000'000'123,
           .data = Bytes(as_bytes(data).begin(), as_bytes(data).end()),
           .extensions = {{"region", "eu"}},
           .headers = {{"retry", "1"}, {"empty", ""}, {"null", std::nullopt}}}};
}

class KafkaSourceTest : public ::testing::Test {
protected:
  // One for all: it takes a second to go.
  static void SetUpTestSuite() { cluster_ = std::make_unique<MockCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }

  KafkaSourceTest() {
    cluster_->create_topic(topic_, kPartitions);
    KafkaOptions options{.brokers = cluster_->brokers()};
    options.lot_events_max = 7;
    source_ = open_kafka_source(options, *env_).value();
  }

  /// `count` events of ten streams.
  void append(int count, int first = 0) {
    std::vector<log::TopicEvent> events;
    for (int i = first; i < first + count; ++i)
      events.push_back(placed(topic_, "o-" + std::to_string(i % 10), std::to_string(i)));
    const auto done = source_->append(std::move(events));
    ASSERT_TRUE(done) << done.error().text();
  }
  std::unique_ptr<SourceReader> open(const Checkpoint& from = {}) {
    return source_->open({topic_}, source_->inputs({topic_}).value(), from).value();
  }
  /// Reads up to the end, checks what every lot promises; data in order, by stream.
  std::map<std::string, std::vector<int>> read(SourceReader& reader, Checkpoint& at) {
    std::map<std::string, std::vector<int>> seen;
    for (;;) {
      const auto lot = reader.next(kLongest);
      if (!lot) {
        ADD_FAILURE() << lot.error().text();
        return seen;
      }
      std::int64_t next = at.next((*lot)->input);
      for (const InputEvent& event : (*lot)->events) {
        EXPECT_EQ(event.partition, (*lot)->input.partition);
        EXPECT_EQ(event.offset.raw(), next);
        next = event.offset.raw() + 1;
        seen[std::string(as_text(*event.stream))].push_back(
            std::stoi(std::string(as_text(*event.data))));
      }
      EXPECT_LE((*lot)->events.size(), 7U);
      EXPECT_GE((*lot)->next, next);
      EXPECT_GE((*lot)->input_end, (*lot)->next);
      at.set((*lot)->input, (*lot)->next);
      if ((*lot)->end) return seen;
    }
  }

  static constexpr int kPartitions = 3;
  static inline std::unique_ptr<MockCluster> cluster_;
  const std::string topic_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::unique_ptr<Env> env_ = make_posix_env().value();
  std::unique_ptr<Source> source_;
};

TEST_F(KafkaSourceTest, GivesEveryStreamInTheOrderInWhichItWasAppended) {
  append(100);
  Checkpoint at;
  const auto reader = open();
  const auto seen = read(*reader, at);
  ASSERT_EQ(seen.size(), 10U);
  for (const auto& [stream, numbers] : seen) {
    ASSERT_EQ(numbers.size(), 10U) << stream;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      EXPECT_EQ(numbers[i], std::stoi(stream.substr(2)) + static_cast<int>(i) * 10);
  }
  EXPECT_EQ(at, source_->end(source_->inputs({topic_}).value()).value());
}

TEST_F(KafkaSourceTest, GoesOnWhereACheckpointSaysAndThenWithWhatComes) {
  append(50);
  Checkpoint at;
  {
    const auto reader = open();
    read(*reader, at);
  }
  append(20, 50);
  const auto reader = open(source_->parse_token(source_->token(at).value()).value());
  std::size_t count = 0;
  for (const auto& [stream, numbers] : read(*reader, at)) count += numbers.size();
  EXPECT_EQ(count, 20U);
  append(10, 70);
  count = 0;
  for (int turn = 0; turn < 100 && count < 10; ++turn) {
    for (const auto& [stream, numbers] : read(*reader, at)) count += numbers.size();
  }
  EXPECT_EQ(count, 10U);
  EXPECT_EQ(at, source_->end(source_->inputs({topic_}).value()).value());
}

TEST_F(KafkaSourceTest, LotsOutliveTheirReader) {
  append(5);
  std::vector<LotPtr> lots;
  {
    const auto reader = open();
    do lots.push_back(reader->next(kLongest).value());
    while (!lots.back()->end);
  }
  std::size_t count = 0;
  for (const LotPtr& lot : lots) {
    for (const InputEvent& event : lot->events) count += event.type == "Placed" ? 1 : 0;
  }
  EXPECT_EQ(count, 5U);
}

TEST_F(KafkaSourceTest, AnEventComesWithAllThatItsRecordSays) {
  ASSERT_TRUE(source_->append({placed(topic_, "o-1", "17")}));
  const auto reader = open();
  LotPtr lot;
  do lot = reader->next(kLongest).value();
  while (lot->events.empty() && !lot->end);
  ASSERT_EQ(lot->events.size(), 1U);
  const InputEvent& event = lot->events[0];
  EXPECT_EQ(event.topic, topic_);
  EXPECT_EQ(event.type, "Placed");
  EXPECT_EQ(event.time_ms, 1'700'000'000'123);
  EXPECT_EQ(event.recorded_us, 1'700'000'000'123'000);
  EXPECT_EQ(event.position.raw(), event.offset.raw());
  EXPECT_EQ(as_text(*event.stream), "o-1");
  EXPECT_EQ(event_id(event), "e-17");
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  for (const HeaderView& header : event.headers) {
    auto& [name, value] = headers.emplace_back(std::string(header.key), std::nullopt);
    if (header.value) value.emplace(as_text(*header.value));
  }
  const decltype(headers) expected = {{"ce_specversion", "1.0"},
                                      {"ce_id", "e-17"},
                                      {"ce_type", "Placed"},
                                      {"ce_source", "/shop"},
                                      {"ce_time", "2023-11-14T22:13:20.123Z"},
                                      {"ce_tags", "a,b%2Cc"},
                                      {"ce_region", "eu"},
                                      {"retry", "1"},
                                      {"empty", ""},
                                      {"null", std::nullopt}};
  EXPECT_EQ(headers, expected);
}

TEST_F(KafkaSourceTest, NullAndEmptyAreNotTheSame) {
  ASSERT_TRUE(source_->append(
      {{topic_, {.stream = "", .type = "Empty", .data = Bytes()}}, {topic_, {.type = "Null"}}}));
  const auto reader = open();
  std::map<std::string, InputEvent> seen;
  std::vector<LotPtr> lots;
  do {
    lots.push_back(reader->next(kLongest).value());
    for (const InputEvent& event : lots.back()->events) seen[std::string(event.type)] = event;
  } while (!lots.back()->end);
  ASSERT_EQ(seen.size(), 2U);
  ASSERT_TRUE(seen["Empty"].stream && seen["Empty"].data);
  EXPECT_TRUE(seen["Empty"].stream->empty() && seen["Empty"].data->empty());
  EXPECT_FALSE(seen["Null"].stream || seen["Null"].data);
}

TEST_F(KafkaSourceTest, TheEndIsToldAtOnceAndThenAfterTheWait) {
  const auto reader = open();
  Checkpoint at;
  EXPECT_TRUE(read(*reader, at).empty());
  const auto began = std::chrono::steady_clock::now();
  const LotPtr lot = reader->next(50ms).value();
  EXPECT_TRUE(lot->end && lot->events.empty());
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
}

TEST_F(KafkaSourceTest, ACheckpointPastTheEndIsOutOfRange) {
  append(3);
  const auto reader = open(Checkpoint({{{topic_, 0}, 1000}}));
  for (int i = 0; i < 100; ++i) {
    const auto lot = reader->next(kLongest);
    if (lot && !(*lot)->end) continue;
    ASSERT_FALSE(lot) << "ended without an error";
    EXPECT_EQ(lot.error().code, Code::kOutOfRange);
    EXPECT_NE(lot.error().detail.find(topic_ + "/0"), std::string::npos) << lot.error().detail;
    return;
  }
  FAIL() << "no end";
}

TEST_F(KafkaSourceTest, WhatIsNotThereIsNamed) {
  const auto reader = source_->open({topic_}, {{topic_, kPartitions}}, {});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Code::kNotFound);
  EXPECT_NE(reader.error().detail.find(topic_ + " has 3 partitions"), std::string::npos);
}

TEST_F(KafkaSourceTest, ARefusedAppendNamesTheTopic) {
  constexpr std::int16_t kProduce = 0;
  cluster_->refuse_next(kProduce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto done = source_->append({placed(topic_, "o-1", "1")});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kInvalid);
  EXPECT_NE(done.error().detail.find("topic " + topic_), std::string::npos) << done.error().detail;
}

TEST_F(KafkaSourceTest, AnEventThatIsNoneIsRefusedBeforeItIsSent) {
  const auto done = source_->append({{topic_, {.headers = {{"ce_id", "1"}}}}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace stele::projections
