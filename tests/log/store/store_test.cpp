// The embedded API over the simulated disk: what a caller sees when nothing goes wrong.
#include "log/store/store.h"

#include <gtest/gtest.h>

#include "log/format/batch_builder.h"
#include "log/format/records.h"
#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

constexpr StoreOptions kSmall = {.journal_bytes_min = 256 << 10,
                                 .journal_bytes_max = 1 << 20,
                                 .group_bytes_max = 64 << 10,
                                 .append_bytes_max = 32 << 10};

class StoreTest : public testing::Test {
protected:
  void open() {
    auto opened = Store::open("/data", env_, kSmall);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    store_ = std::move(*opened);
  }
  void reopen() {
    store_.reset();
    open();
  }
  Uuid create(const std::string& name, std::int32_t partitions = 1, TopicSettings settings = {}) {
    const auto topic = store_->create_topic({name, partitions, std::move(settings)});
    EXPECT_TRUE(topic.has_value()) << topic.error().text();
    return (*topic)->id;
  }
  AppendedBatch append(std::string_view topic, std::string_view value, std::string_view key = "k") {
    const auto appended = store_->append(topic, Event{.key = key, .type = "T", .value = value});
    EXPECT_TRUE(appended.has_value()) << appended.error().text();
    return appended.value_or(AppendedBatch{});
  }
  // Values of all records of a partition, in offset order.
  std::vector<std::string> values(const TopicPartition& partition) {
    std::vector<std::string> all;
    Bytes buffer(64 << 10);
    Offset at = store_->ends(partition)->log_start;
    while (at < store_->ends(partition)->end) {
      const auto read = store_->read(partition, at, buffer);
      EXPECT_TRUE(read.has_value()) << read.error().text();
      if (!read || read->bytes == 0) break;
      ByteView left = ByteView(buffer).first(read->bytes);
      while (!left.empty()) {
        const auto header = parse_batch_header(left);
        RecordReader reader(
            *header, left.subspan(kBatchHeaderBytes, static_cast<std::size_t>(header->batch_bytes) -
                                                         kBatchHeaderBytes));
        while (reader.next()) {
          if (header->base_offset.next(reader.record().offset_delta) >= at)
            all.emplace_back(as_text(*reader.record().value));
        }
        left = left.subspan(static_cast<std::size_t>(header->batch_bytes));
      }
      at = read->next;
    }
    return all;
  }

  SimEnv env_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, WhatWasAppendedIsReadBackInOrder) {
  open();
  const Uuid topic = create("orders");
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(append("orders", std::to_string(i)).base_offset, Offset(i));
  const auto all = values({topic, 0});
  ASSERT_EQ(all.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(StoreTest, EverythingIsThereAfterAnUncleanStop) {
  open();
  const Uuid topic = create("orders", 3);
  for (int i = 0; i < 500; ++i) append("orders", std::to_string(i), "key" + std::to_string(i % 7));
  std::vector<std::vector<std::string>> before;
  for (int p = 0; p < 3; ++p) before.push_back(values({topic, p}));
  const Position end = store_->end();
  reopen();
  ASSERT_NE(store_->find_topic("orders"), nullptr);
  EXPECT_EQ(store_->find_topic("orders")->id, topic);
  for (int p = 0; p < 3; ++p) EXPECT_EQ(values({topic, p}), before[static_cast<std::size_t>(p)]);
  EXPECT_EQ(store_->end(), end);
  EXPECT_GT(store_->stats().recovered_entries, 0);
}

TEST_F(StoreTest, ACleanStopLeavesNothingToReplay) {
  open();
  const Uuid topic = create("orders");
  for (int i = 0; i < 100; ++i) append("orders", std::to_string(i));
  ASSERT_TRUE(store_->close().has_value());
  reopen();
  EXPECT_EQ(store_->stats().recovered_entries, 0);
  EXPECT_EQ(values({topic, 0}).size(), 100u);
  EXPECT_EQ(append("orders", "more").base_offset, Offset(100));
}

TEST_F(StoreTest, PositionsOrderEverything) {
  open();
  create("a", 2);
  create("b");
  std::vector<std::string> written;
  for (int i = 0; i < 300; ++i) {
    const std::string value = std::to_string(i);
    append(i % 3 == 0 ? "b" : "a", value, value);
    written.push_back(value);
  }
  std::vector<std::string> seen;
  Position at(0);
  while (at < store_->end()) {
    const auto read = store_->read_all(at, 2000);
    ASSERT_TRUE(read.has_value()) << read.error().text();
    for (const OrderedBatch& batch : read->batches) {
      EXPECT_EQ(batch.position, at);
      at = at.next(batch.record_count);
      if (store_->find_topic(batch.from.topic)->internal) continue;
      const auto header = parse_batch_header(batch.batch);
      RecordReader reader(*header, batch.batch.subspan(kBatchHeaderBytes));
      while (reader.next()) seen.emplace_back(as_text(*reader.record().value));
    }
    EXPECT_EQ(read->next, at);
  }
  EXPECT_EQ(seen, written);
}

TEST_F(StoreTest, SegmentsRollAndDeletedRecordsFreeTheirFiles) {
  open();
  const Uuid topic = create("orders", 1, {{"segment.bytes", "2000"}});
  for (int i = 0; i < 200; ++i) append("orders", std::to_string(i));
  const std::size_t files = env_.disk().files().size();
  const auto start = store_->delete_records({topic, 0}, Offset(150));
  ASSERT_TRUE(start.has_value()) << start.error().text();
  EXPECT_EQ(*start, Offset(150));
  EXPECT_EQ(values({topic, 0}).front(), "150");
  EXPECT_EQ(store_->read({topic, 0}, Offset(149), {}).error().code, Code::kOutOfRange);
  ASSERT_TRUE(store_->close().has_value());
  EXPECT_LT(env_.disk().files().size(), files);
  reopen();
  EXPECT_EQ(values({topic, 0}).size(), 50u);
}

TEST_F(StoreTest, ADeletedTopicIsGoneAndItsNameFree) {
  open();
  const Uuid first = create("orders");
  append("orders", "old");
  ASSERT_TRUE(store_->delete_topic(first).has_value());
  EXPECT_EQ(store_->find_topic("orders"), nullptr);
  EXPECT_EQ(store_->ends({first, 0}).error().code, Code::kNotFound);
  const Uuid second = create("orders");
  EXPECT_NE(first, second);
  EXPECT_TRUE(values({second, 0}).empty());
  ASSERT_TRUE(store_->close().has_value());
  reopen();
  EXPECT_EQ(store_->find_topic("orders")->id, second);
  for (const std::string& path : env_.disk().files())
    EXPECT_EQ(path.find(first.text()), std::string::npos) << path;
}

TEST_F(StoreTest, TheJournalIsReusedManyTimesOver) {
  open();
  const Uuid topic = create("orders");
  const std::string large(8000, 'x');
  for (int i = 0; i < 300; ++i) append("orders", large);
  EXPECT_GT(store_->stats().checkpoints, 3);
  reopen();
  EXPECT_EQ(values({topic, 0}).size(), 300u);
}

TEST_F(StoreTest, NewPartitionsAreThereAtOnceAndAfterARestart) {
  open();
  const Uuid topic = create("orders", 2, {{"segment.bytes", "2000"}});
  append("orders", "before");
  const auto grown = store_->add_partitions(topic, 5);
  ASSERT_TRUE(grown.has_value()) << grown.error().text();
  EXPECT_EQ((*grown)->partition_count, 5);
  EXPECT_EQ((*grown)->config.segment_bytes, 2000);
  EXPECT_EQ(store_->add_partitions(topic, 5).error().code, Code::kInvalid);
  EXPECT_EQ(store_->add_partitions(Uuid{}, 5).error().code, Code::kNotFound);
  const auto appended = store_->append("orders", Event{.value = "new", .partition = 4});
  ASSERT_TRUE(appended.has_value()) << appended.error().text();
  EXPECT_EQ(store_->stats().partition_count, 6);  // the catalogue's is the sixth
  reopen();
  EXPECT_EQ(store_->find_topic("orders")->partition_count, 5);
  EXPECT_EQ(values({topic, 4}), std::vector<std::string>{"new"});
  EXPECT_EQ(store_->ends({topic, 5}).error().code, Code::kNotFound);
}

TEST_F(StoreTest, PropertiesAreKeptAndTakenAway) {
  open();
  std::vector<Result<void>> answers;
  const auto put = [&](PropertyChanges changes) {
    const std::size_t before = answers.size();
    store_->put_properties_async(std::move(changes),
                                 [&](Result<void> done) { answers.push_back(std::move(done)); });
    store_->run_until([&] { return answers.size() > before; });
    return answers.back();
  };
  ASSERT_TRUE(put({{"a", "1"}, {"b", ""}}).has_value());
  ASSERT_TRUE(put({{"a", std::nullopt}, {"c", "3"}}).has_value());
  const Properties expected = {{"b", ""}, {"c", "3"}};
  EXPECT_EQ(store_->properties(), expected);
  EXPECT_EQ(put({{"", "x"}}).error().code, Code::kInvalid);
  EXPECT_EQ(put({{"d", std::string(1025, 'x')}}).error().code, Code::kInvalid);
  EXPECT_EQ(put({}).error().code, Code::kInvalid);
  reopen();
  EXPECT_EQ(store_->properties(), expected);
}

TEST_F(StoreTest, AnInternalTopicStays) {
  open();
  const auto topic = store_->create_topic({.name = "__consumer_offsets", .internal = true});
  ASSERT_TRUE(topic.has_value());
  EXPECT_TRUE((*topic)->internal);
  reopen();
  EXPECT_EQ(store_->delete_topic((*topic)->id).error().code, Code::kInvalid);
  const auto configured = store_->configure_topic((*topic)->id, {{"segment.bytes", "5000"}});
  ASSERT_TRUE(configured.has_value()) << configured.error().text();
  reopen();
  EXPECT_TRUE(store_->find_topic("__consumer_offsets")->internal);
  EXPECT_EQ(store_->find_topic("__consumer_offsets")->config.segment_bytes, 5000);
}

TEST_F(StoreTest, ProducersOfAPartitionAreTold) {
  open();
  const Uuid topic = create("orders");
  BatchBuilder builder({.producer_id = 7, .producer_epoch = 2, .base_sequence = 0});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(builder.add({.value = as_bytes("v")}).has_value());
  const Bytes batch = builder.finish().value();
  AppendRequest request;
  request.batches.push_back({.to = {topic, 0}, .batch = batch});
  ASSERT_TRUE(store_->append(std::move(request)).has_value());
  const auto producers = store_->producers({topic, 0});
  ASSERT_EQ(producers->size(), 1u);
  EXPECT_EQ(producers->front().producer_id, 7);
  EXPECT_EQ(producers->front().epoch, 2);
  EXPECT_EQ(producers->front().last_sequence, 2);
  EXPECT_EQ(store_->producers({topic, 1}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace stele::log
