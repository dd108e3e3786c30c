// Fetch sessions (KIP-227), by the names of the rules.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "tests/server/kafka/broker_harness.h"

namespace stele::kafka::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int16_t kByName = 11;
constexpr std::int16_t kById = 13;

struct Part {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string_view topic = "orders";
  std::int32_t bytes_max = 1 << 20;
};

class FetchSessions : public BrokerTest {
protected:
  void append(std::int32_t partition = 0, std::string_view topic = "orders",
              std::size_t bytes = 10) {
    const Bytes batch = make_batch({.values = {std::string(bytes, 'x')}});
    const auto request = BrokerHarness::produce_request(topic, batch, -1, partition);
    const auto answered = broker().ask<ProduceResponse>(9, request);
    ASSERT_EQ(answered.topics[0].partitions[0].error_code, ErrorCode::kNone);
  }

  FetchRequest request(std::vector<Part> parts, std::int32_t session = 0, std::int32_t at = 0) {
    FetchRequest made;
    made.min_bytes = 1;
    made.session_id = session;
    made.session_epoch = at;
    for (const Part& part : parts) {
      FetchRequestPartition asked;
      asked.partition = part.partition;
      asked.fetch_offset = part.offset;
      asked.partition_max_bytes = part.bytes_max;
      const log::TopicPtr topic = store.find_topic(part.topic);
      made.topics.push_back({part.topic, topic ? topic->id : Uuid{}, {asked}});
    }
    return made;
  }
  FetchResponse ask(const FetchRequest& asked, std::int16_t version = kByName) {
    return broker().ask<FetchResponse>(version, asked);
  }
  FetchResponse open(std::vector<Part> parts, std::int16_t version = kByName) {
    FetchResponse answered = ask(request(std::move(parts)), version);
    EXPECT_EQ(answered.error_code, ErrorCode::kNone);
    id = answered.session_id;
    epoch = 1;
    return answered;
  }
  FetchResponse next(std::vector<Part> parts = {}, std::int16_t version = kByName) {
    return ask(request(std::move(parts), id, epoch++), version);
  }
  Sent poll(std::chrono::milliseconds wait, std::vector<Part> parts = {}) {
    FetchRequest asked = request(std::move(parts), id, epoch++);
    asked.max_wait_ms = static_cast<std::int32_t>(wait.count());
    return broker().send(kByName, asked);
  }
  static std::vector<std::int32_t> partitions_in(const FetchResponse& response) {
    std::vector<std::int32_t> found;
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) found.push_back(partition.partition);
    }
    return found;
  }
  FetchSessionCache& cache() { return broker().broker.fetch_sessions; }

  std::int32_t id = 0;
  std::int32_t epoch = 0;
};

using Numbers = std::vector<std::int32_t>;

TEST_F(FetchSessions, Rule34_EpochZeroOpensOneAndIsAnsweredInFull) {
  append(0);
  const auto answered = open({{0}, {1}});
  EXPECT_NE(answered.session_id, 0);
  EXPECT_EQ(partitions_in(answered), (Numbers{0, 1}));
  EXPECT_EQ(cache().count(), 1U);
  EXPECT_EQ(cache().partition_count(), 2U);
}

TEST_F(FetchSessions, Rule34_EpochMinusOneKeepsNothing) {
  const auto answered = ask(request({{0}}, 0, -1));
  EXPECT_EQ(answered.session_id, 0);
  EXPECT_EQ(partitions_in(answered), Numbers{0});
  EXPECT_EQ(cache().count(), 0U);
}

TEST_F(FetchSessions, Rule34_WhatIsUnchangedIsLeftOut) {
  open({{0}, {1}});
  EXPECT_EQ(partitions_in(next()), Numbers{});
  append(1);
  const auto answered = next();
  EXPECT_EQ(partitions_in(answered), Numbers{1});
  EXPECT_EQ(answered.session_id, id);
  EXPECT_GT(answered.topics[0].partitions[0].records.size(), 0U);
  EXPECT_EQ(partitions_in(next({{1, 1}})), Numbers{});
}

TEST_F(FetchSessions, Rule34_RecordsAreSentAgainUntilTheOffsetMoves) {
  append(0);
  open({{0}});
  EXPECT_EQ(partitions_in(next()), Numbers{0});
  EXPECT_EQ(partitions_in(next()), Numbers{0});
  EXPECT_EQ(partitions_in(next({{0, 1}})), Numbers{});
}

TEST_F(FetchSessions, Rule34_AMovedLogStartIsAChange) {
  append(0);
  append(0);
  open({{0, 2}, {1}});
  EXPECT_EQ(partitions_in(next()), Numbers{});
  ASSERT_TRUE(store.delete_records({orders->id, 0}, Offset(1)));
  const auto answered = next();
  EXPECT_EQ(partitions_in(answered), Numbers{0});
  EXPECT_EQ(answered.topics[0].partitions[0].log_start_offset, 1);
  EXPECT_EQ(partitions_in(next()), Numbers{});
}

TEST_F(FetchSessions, Rule34_ErrorsAreSaidUntilTheyAreOver) {
  open({{0, 7}, {1}});
  for (int i = 0; i < 3; ++i) {
    const auto answered = next();
    ASSERT_EQ(partitions_in(answered), Numbers{0});
    EXPECT_EQ(answered.topics[0].partitions[0].error_code, ErrorCode::kOffsetOutOfRange);
  }
  const auto answered = next({{0, 0}});
  EXPECT_EQ(partitions_in(answered), Numbers{0});
  EXPECT_EQ(answered.topics[0].partitions[0].error_code, ErrorCode::kNone);
  EXPECT_EQ(partitions_in(next()), Numbers{});
}

TEST_F(FetchSessions, Rule34_ForgottenPartitionsAreDropped) {
  open({{0}, {1}});
  FetchRequest asked = request({}, id, epoch++);
  asked.forgotten_topics.push_back({"orders", {}, {1, 77}});
  asked.forgotten_topics.push_back({"never heard of", {}, {0}});
  EXPECT_EQ(ask(asked).error_code, ErrorCode::kNone);
  append(0);
  append(1);
  EXPECT_EQ(partitions_in(next()), Numbers{0});
  EXPECT_EQ(cache().partition_count(), 1U);
}

TEST_F(FetchSessions, Rule34_PartitionsAreAddedAndChanged) {
  open({{0}});
  append(1);
  const auto answered = next({{1}});
  EXPECT_EQ(partitions_in(answered), Numbers{1});
  EXPECT_EQ(cache().partition_count(), 2U);
}

TEST_F(FetchSessions, Rule34_ASessionWithoutPartitionsEnds) {
  open({{0}});
  FetchRequest asked = request({}, id, epoch++);
  asked.forgotten_topics.push_back({"orders", {}, {0}});
  asked.max_wait_ms = 10'000;
  const auto answered = ask(asked);
  EXPECT_EQ(answered.error_code, ErrorCode::kNone);
  EXPECT_EQ(answered.session_id, 0);
  EXPECT_EQ(next().error_code, ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, Rule34_WrongIdsAndEpochsAreRefused) {
  open({{0}});
  EXPECT_EQ(ask(request({}, id + 1, 1)).error_code, ErrorCode::kFetchSessionIdNotFound);
  EXPECT_EQ(ask(request({}, id, 2)).error_code, ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(next().error_code, ErrorCode::kNone);
  EXPECT_EQ(ask(request({}, id, 1)).error_code, ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_EQ(next().error_code, ErrorCode::kNone);
}

TEST_F(FetchSessions, Rule34_ClosingEndsIt) {
  open({{0}});
  EXPECT_EQ(ask(request({{0}}, id, -1)).session_id, 0);
  EXPECT_EQ(cache().count(), 0U);
  EXPECT_EQ(next().error_code, ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, Rule34_ANewOneTakesThePlaceOfTheNamed) {
  open({{0}});
  const std::int32_t old = id;
  const auto answered = ask(request({{1}}, old, 0));
  EXPECT_NE(answered.session_id, 0);
  EXPECT_EQ(cache().count(), 1U);
  EXPECT_EQ(ask(request({}, old, 1)).error_code,
            answered.session_id == old ? ErrorCode::kNone : ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, Rule34_EpochsWrapToOne) {
  EXPECT_EQ(next_session_epoch(0), 1);
  EXPECT_EQ(next_session_epoch(INT32_MAX), 1);
}

TEST_F(FetchSessions, Rule34_ALongPollTellsOnceWhatMovedMeanwhile) {
  open({{0}, {1}});
  const Sent sent = poll(10s);
  EXPECT_FALSE(sent.answered());
  append(1);
  ASSERT_TRUE(sent.answered());
  EXPECT_EQ(partitions_in(broker().decode<FetchResponse>(sent)), Numbers{1});
}

TEST_F(FetchSessions, Rule34_ALongPollWithoutNewsIsAnsweredEmpty) {
  open({{0}, {1}});
  const Sent sent = poll(500ms);
  broker().pass(500ms);
  const auto answered = broker().decode<FetchResponse>(sent);
  EXPECT_EQ(answered.session_id, id);
  EXPECT_TRUE(answered.topics.empty());
}

TEST_F(FetchSessions, Rule34_ALaterRequestOfTheSessionEndsTheOneThatWaits) {
  open({{0}});
  const Sent first = poll(10s);
  const Sent second = poll(10s);
  ASSERT_TRUE(first.answered());
  EXPECT_EQ(broker().decode<FetchResponse>(first).error_code, ErrorCode::kInvalidFetchSessionEpoch);
  EXPECT_FALSE(second.answered());
  append(0);
  EXPECT_EQ(partitions_in(broker().decode<FetchResponse>(second)), Numbers{0});
}

TEST_F(FetchSessions, Rule34_WhatMovesBetweenRequestsIsNotMissed) {
  open({{0}, {1}});
  broker().pass(500ms);
  append(0);
  append(1);
  EXPECT_EQ(partitions_in(next()), (Numbers{0, 1}));
}

TEST_F(FetchSessions, Rule35_WhoWasServedGoesToTheBack) {
  for (int i = 0; i < 5; ++i) {
    append(0, "orders", 1000);
    append(1, "orders", 1000);
  }
  FetchRequest first = request({{0}, {1}});
  first.max_bytes = 1500;
  const auto opened = ask(first);
  id = opened.session_id;
  epoch = 1;
  EXPECT_GT(opened.topics[0].partitions[0].records.size(), 0U);
  EXPECT_EQ(opened.topics[0].partitions[1].records.size(), 0U);
  // Partition 0 always has more; partition 1 gets its turn all the same.
  Numbers served;
  for (int i = 0; i < 4; ++i) {
    FetchRequest asked = request({}, id, epoch++);
    asked.max_bytes = 1100;
    const auto answered = ask(asked);
    for (const auto& topic : answered.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.records.size() > 0) served.push_back(partition.partition);
      }
    }
  }
  EXPECT_EQ(served, (Numbers{1, 0, 1, 0}));
}

TEST_F(FetchSessions, Rule12_NamesAndIdsDoNotMix) {
  open({{0}});
  EXPECT_EQ(next({}, kById).error_code, ErrorCode::kFetchSessionTopicIdError);
  open({{0}}, kById);
  EXPECT_EQ(next({}, kByName).error_code, ErrorCode::kFetchSessionTopicIdError);
}

TEST_F(FetchSessions, Rule12_AnUnknownIdIsSaidUntilItIsKnown) {
  FetchRequest asked = request({{0}});
  asked.topics[0].topic_id = Uuid::from_random(9, 9);
  const auto opened = ask(asked, kById);
  EXPECT_EQ(opened.topics.at(0).partitions.at(0).error_code, ErrorCode::kUnknownTopicId);
  EXPECT_EQ(opened.topics.at(0).topic_id, Uuid::from_random(9, 9));
}

TEST_F(FetchSessions, Rule12_ADeletedTopicIsUnknownByItsId) {
  append(0);
  open({{0, 1}}, kById);
  const Sent sent = broker().send(kById, [&] {
    FetchRequest asked = request({}, id, epoch++);
    asked.max_wait_ms = 10'000;
    return asked;
  }());
  ASSERT_TRUE(store.delete_topic(orders->id));
  broker().broker.waits.advanced({orders->id, 0});
  broker().settle();
  const auto answered = broker().decode<FetchResponse>(sent);
  ASSERT_EQ(partitions_in(answered), Numbers{0});
  EXPECT_EQ(answered.topics[0].partitions[0].error_code, ErrorCode::kUnknownTopicId);
}

TEST_F(FetchSessions, Rule12_ATopicMadeAnewIsNotTakenForTheOld) {
  append(0);
  open({{0, 1}});
  ASSERT_TRUE(store.delete_topic(orders->id));
  broker().broker.waits.advanced({orders->id, 0});
  create("orders");
  append(0);
  const auto once = next();
  ASSERT_EQ(partitions_in(once), Numbers{0});
  EXPECT_EQ(once.topics[0].partitions[0].error_code, ErrorCode::kUnknownTopicOrPartition);
  EXPECT_EQ(once.topics[0].partitions[0].records.size(), 0U);
  const auto then = next({{0, 0}});
  EXPECT_EQ(then.topics[0].partitions[0].error_code, ErrorCode::kNone);
  EXPECT_GT(then.topics[0].partitions[0].records.size(), 0U);
}

TEST_F(FetchSessions, Rule12_ATopicThatComesLaterIsFoundByName) {
  const auto opened = open({{0, 0, "later"}});
  EXPECT_EQ(opened.topics[0].partitions[0].error_code, ErrorCode::kUnknownTopicOrPartition);
  create("later");
  append(0, "later");
  const auto answered = next();
  EXPECT_EQ(answered.topics.at(0).partitions.at(0).error_code, ErrorCode::kNone);
  EXPECT_EQ(answered.topics[0].name, "later");
}

TEST_F(FetchSessions, DuplicatesCountOnce) {
  const auto answered = open({{0}, {0}, {0}});
  EXPECT_EQ(partitions_in(answered), Numbers{0});
}

TEST_F(FetchSessions, TheCacheKeepsNoMoreThanItsSlots) {
  BrokerOptions options;
  options.fetch_sessions.sessions_max = 2;
  with(std::move(options));
  open({{0}, {1}});
  const std::int32_t large = id;
  EXPECT_NE(open({{0}}).session_id, 0);
  EXPECT_EQ(open({{0}}).session_id, 0) << "all are young";
  broker().pass(3min);
  EXPECT_NE(open({{0}}).session_id, 0) << "nobody has used the oldest for long";
  EXPECT_EQ(cache().count(), 2U);
  EXPECT_EQ(cache().eviction_count(), 1);
  EXPECT_EQ(ask(request({}, large, 1)).error_code, ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, AnOldSmallSessionGivesWayToALargerOne) {
  BrokerOptions options;
  options.fetch_sessions.sessions_max = 1;
  with(std::move(options));
  open({{0}});
  for (int i = 0; i < 3; ++i) {  // in use all the time, and over two minutes old
    broker().pass(1min);
    ASSERT_EQ(next().error_code, ErrorCode::kNone);
  }
  const std::int32_t small = id;
  EXPECT_EQ(open({{1}}).session_id, 0) << "of the same size";
  EXPECT_NE(open({{0}, {1}}).session_id, 0) << "larger";
  EXPECT_EQ(ask(request({}, small, 4)).error_code, ErrorCode::kFetchSessionIdNotFound);
}

TEST_F(FetchSessions, PartitionsOfAllSessionsAreLimited) {
  BrokerOptions options;
  options.fetch_sessions.partitions_max = 3;
  with(std::move(options));
  open({{0}, {1}});
  EXPECT_EQ(ask(request({{0}, {1}})).session_id, 0);
  EXPECT_NE(ask(request({{0}})).session_id, 0);
  const auto answered = next({{5}, {6}, {7}});
  EXPECT_EQ(answered.error_code, ErrorCode::kFetchSessionIdNotFound) << "it grew too large";
  EXPECT_EQ(cache().partition_count(), 1U);
}

TEST_F(FetchSessions, TooManyWhoWaitAreAnsweredAtOnce) {
  FetchWaits waits(store, broker().timers, broker().broker.fetch_index, cache(), broker().metrics,
                   {.calls_max = 0});
  FetchRequest asked = request({{0}}, 0, -1);
  auto inbox = std::make_shared<Inbox>();
  auto call = std::make_unique<FetchCall>(
      FetchCall{.request = {.api = ApiKey::kFetch,
                            .version = 11,
                            .reply = std::make_shared<Reply>(inbox),
                            .metrics = &broker().metrics},
                .read = FetchRead(store, broker().pool, {.bytes_max = 1000}),
                .session = std::make_shared<FetchSession>(broker().broker.fetch_index, false, 1)});
  call->session->put(asked.topics[0], orders->id, asked.topics[0].partitions[0]);
  call->look(store);
  waits.add(std::move(call), env.now());
  EXPECT_EQ(inbox->replies, 1);
  EXPECT_EQ(waits.count(), 0U);
}

TEST_F(FetchSessions, NobodyIsAwaitedWhenAllHaveLeft) {
  open({{0}, {1}});
  EXPECT_EQ(broker().broker.fetch_index.place_count(), 2U);
  ask(request({}, id, -1));
  EXPECT_EQ(broker().broker.fetch_index.place_count(), 0U);
}

/// A client that believes its session, and what the partitions really hold.
class SessionModel : public FetchSessions {
protected:
  static constexpr std::int32_t kPartitions = 60;
  static constexpr std::string_view kTopic = "many";

  SessionModel() { store.create_topic({std::string(kTopic), kPartitions, {}}).value(); }

  void produce_to(std::int32_t partition) {
    append(partition, kTopic, random() % 300);
    ++produced[partition];
  }
  /// What it wants, where its session does not say so already.
  std::vector<Part> news() {
    std::vector<Part> parts;
    for (const std::int32_t partition : wanted) {
      const bool known = id != 0 && in_session.contains(partition);
      if (known && asked_at[partition] == seen[partition]) continue;
      parts.push_back({partition, asked_at[partition] = seen[partition], kTopic});
    }
    return parts;
  }
  FetchRequest next_request() {
    FetchRequest asked = request(news(), id, id == 0 ? 0 : epoch);
    asked.max_bytes = static_cast<std::int32_t>(random() % 2000);
    asked.max_wait_ms = random() % 2 == 0 ? 0 : 100;
    FetchForgottenTopic forgotten{kTopic, {}, {}};
    for (const std::int32_t partition : in_session) {
      if (!wanted.contains(partition)) forgotten.partitions.push_back(partition);
    }
    if (id != 0 && !forgotten.partitions.empty()) asked.forgotten_topics.push_back(forgotten);
    in_session = wanted;
    return asked;
  }
  void take(const FetchResponse& answered) {
    ASSERT_EQ(answered.error_code, ErrorCode::kNone);
    epoch = id == 0 ? 1 : epoch + 1;
    id = answered.session_id;
    ASSERT_NE(id, 0);
    for (const auto& topic : answered.topics) {
      for (const auto& partition : topic.partitions) take(partition);
    }
  }
  void take(const FetchResponsePartition& partition) {
    const std::int32_t number = partition.partition;
    ASSERT_EQ(partition.error_code, ErrorCode::kNone);
    ASSERT_TRUE(in_session.contains(number)) << "forgotten, and yet served";
    ASSERT_EQ(partition.high_watermark, produced[number]);
    for (ByteView rest : partition.records.pieces) {
      while (const auto header = parse_batch_header(rest)) {
        ASSERT_EQ(header->base_offset.raw(), seen[number]);
        ++seen[number];
        rest = rest.subspan(static_cast<std::size_t>(header->batch_bytes));
      }
    }
  }
  bool has_everything() {
    return std::ranges::all_of(wanted,
                               [this](std::int32_t each) { return seen[each] == produced[each]; });
  }
  void step() {
    for (auto count = random() % 4; count > 0; --count) {
      produce_to(static_cast<std::int32_t>(random() % kPartitions));
    }
    if (random() % 3 == 0) wanted.insert(static_cast<std::int32_t>(random() % kPartitions));
    if (random() % 5 == 0 && wanted.size() > 1) wanted.erase(wanted.begin());
    const Sent sent = broker().send(kByName, next_request());
    broker().settle();
    if (!sent.answered()) {  // it waits: something comes, or the time goes by
      produce_to(*wanted.begin());
      broker().pass(100ms);
    }
    take(broker().decode<FetchResponse>(sent));
    if (random() % 50 == 0) id = 0;  // it starts anew
  }

  std::mt19937_64 random;
  std::map<std::int32_t, std::int64_t> produced;
  std::map<std::int32_t, std::int64_t> seen;      ///< next offset
  std::map<std::int32_t, std::int64_t> asked_at;  ///< that the session knows
  std::set<std::int32_t> wanted{0};
  std::set<std::int32_t> in_session;
};

/// Nothing is missed and nothing comes twice, whatever is added, forgotten, produced and waited
/// for.
TEST_F(SessionModel, AClientSeesEveryRecordOnce) {
  const char* fixed = std::getenv("STELE_SEED");
  const auto seed = fixed ? std::strtoull(fixed, nullptr, 10) : 20261121ULL;
  SCOPED_TRACE(seed);
  random.seed(seed);
  for (int i = 0; i < 600; ++i) ASSERT_NO_FATAL_FAILURE(step());
  for (int i = 0; i < 2000 && !has_everything(); ++i) {
    FetchRequest asked = next_request();
    asked.max_bytes = 100'000;
    asked.max_wait_ms = 0;
    ASSERT_NO_FATAL_FAILURE(take(ask(asked)));
  }
  EXPECT_TRUE(has_everything());
}

}  // namespace
}  // namespace stele::kafka::test
