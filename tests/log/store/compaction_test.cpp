// Compaction through the public API: Kafka's rules, one test each, and what readers see of it.
#include <algorithm>

#include "log/store/verify.h"
#include "tests/log/store/compacted_store.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

std::vector<std::int64_t> offsets_of(const std::vector<ReadRecord>& records) {
  std::vector<std::int64_t> offsets;
  for (const ReadRecord& one : records) offsets.push_back(one.offset);
  return offsets;
}

TEST_F(CompactedStore, KeepsTheLastRecordOfEachKeyAndEveryOffset) {
  open();
  create();
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i);
    append({{"a", "a" + n}, {"b" + std::to_string(i % 3), "b" + n}});
  }
  fill();
  const auto before = read();
  const auto ends = store_->ends(at_);
  compact();
  EXPECT_EQ(store_->stats().compactions, 1);
  EXPECT_EQ(store_->stats().compaction_failures, 0);
  const auto after = read();
  EXPECT_LT(after.size(), before.size() / 10);
  for (const ReadRecord& one : after)
    EXPECT_EQ(one, before[static_cast<std::size_t>(one.offset)]) << one.offset;
  EXPECT_EQ(*values()["a"], "a59");
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(*values()["b" + std::to_string(i)], "b" + std::to_string(57 + i));
  EXPECT_EQ(store_->ends(at_)->log_start, ends->log_start);
  EXPECT_EQ(store_->ends(at_)->end, ends->end);
  EXPECT_EQ(store_->stats().compaction_removed_records,
            static_cast<std::int64_t>(before.size() - after.size()));
}

TEST_F(CompactedStore, ASecondLookFindsNothingToDo) {
  open();
  create();
  for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}});
  fill();
  compact();
  ASSERT_EQ(store_->stats().compactions, 1);
  const auto changes = env_->change_count();
  compact();
  EXPECT_EQ(store_->stats().compactions, 1);
  EXPECT_EQ(env_->change_count(), changes);
  EXPECT_EQ(store_->stats().compaction_dirty_ratio_max, 0);
}

TEST_F(CompactedStore, NeighboursAreMergedAndOldFilesGo) {
  open();
  create();
  append({{"first", "1"}});
  for (int i = 0; i < 60; ++i) append({{"k" + std::to_string(i % 4), std::string(100, 'v')}});
  fill();
  const std::size_t before = segment_count();
  compact();
  EXPECT_LT(segment_count(), before);
  for (int round = 0; round < 3; ++round) {
    fill();
    compact();
  }
  EXPECT_LE(segment_count(), 4u);
  ASSERT_TRUE(store_->close().has_value());
  const auto left = files();
  EXPECT_EQ(left.size(), 2 * (segment_count() - 1)) << testing::PrintToString(left);
  EXPECT_TRUE(std::ranges::any_of(left, [](const auto& name) {
    return name.starts_with("00000000000000000000.") && name.ends_with(".log") &&
           name != "00000000000000000000.log";
  })) << testing::PrintToString(left);
}

TEST_F(CompactedStore, TheActiveSegmentIsLeftAlone) {
  open();
  create({{"segment.bytes", "1000000"}});
  for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}});
  compact();
  EXPECT_EQ(read().size(), 60u);
  EXPECT_EQ(store_->stats().compactions, 0);
}

TEST_F(CompactedStore, RecordsWithoutKeyGo) {
  open();
  create();
  append({{"a", "1"}, {"", "no key"}, {"b", "2"}});
  fill();
  compact();
  const auto all = read();
  EXPECT_EQ(std::ranges::count_if(all, [](const auto& one) { return !one.key; }), 0);
  EXPECT_EQ(all[0].offset, 0);
  EXPECT_EQ(all[1].offset, 2);
}

TEST_F(CompactedStore, ATombstoneStaysForDeleteRetentionAfterItsFirstCompaction) {
  open();
  create({{"delete.retention.ms", "60000"}});
  append({{"a", "1"}});
  const std::int64_t written_ms = now_ms();
  append({{"a", std::nullopt}, {"b", "2"}});
  fill();
  env_->advance(1h);  // the time before the first compaction does not count
  compact();
  ASSERT_EQ(store_->stats().compactions, 1);
  auto all = read();
  EXPECT_EQ(all[0].offset, 1);
  EXPECT_FALSE(all[0].value.has_value());
  EXPECT_EQ(all[0].timestamp_ms, written_ms);
  const BatchHeader first = headers()[0];
  EXPECT_TRUE(first.has_delete_horizon());
  EXPECT_GE(first.base_timestamp_ms, written_ms + 3'600'000 + 60'000);
  EXPECT_EQ(store_->find_time(at_, written_ms)->value().offset, Offset(1));

  env_->advance(30s);
  fill("other");
  compact();
  EXPECT_EQ(read()[0].offset, 1) << "gone too early";
  EXPECT_EQ(headers()[0].base_timestamp_ms, first.base_timestamp_ms) << "the horizon moved";
  env_->advance(40s);
  fill("third");
  compact();
  all = read();
  EXPECT_EQ(all[0].offset, 2);
  EXPECT_EQ(*all[0].key, "b");
  EXPECT_EQ(all[0].timestamp_ms, written_ms);
  EXPECT_FALSE(values().contains("a"));
}

TEST_F(CompactedStore, BatchesStayInTheirCodec) {
  open();
  create();
  for (const Codec codec : {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd})
    append({{"a", "old"}, {"c" + std::to_string(static_cast<int>(codec)), std::string(200, 'x')}},
           {.codec = codec});
  append({{"a", "new"}});
  fill();
  compact();
  const auto after = headers();
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(after[i].codec_id(), i + 1);
    EXPECT_EQ(after[i].record_count, 1);
    EXPECT_EQ(after[i].last_offset_delta, 1);
    EXPECT_EQ(after[i].base_offset, Offset(static_cast<std::int64_t>(2 * i)));
  }
  EXPECT_EQ(*values()["a"], "new");
}

TEST_F(CompactedStore, TheLastBatchOfALiveProducerStaysAsAnEmptyHeader) {
  open();
  create();
  for (int i = 0; i < 3; ++i)
    append({{"a", "1"}, {"a", "2"}},
           {.producer_id = 7, .producer_epoch = 1, .base_sequence = 2 * i});
  append({{"a", "3"}});
  fill();
  compact();
  const auto after = headers();
  ASSERT_EQ(after[0].base_offset, Offset(4));
  EXPECT_EQ(after[0].record_count, 0);
  EXPECT_EQ(after[0].batch_bytes, 61);
  EXPECT_EQ(after[0].producer_id, 7);
  EXPECT_EQ(after[0].producer_epoch, 1);
  EXPECT_EQ(after[0].base_sequence, 4);
  EXPECT_EQ(after[0].last_offset_delta, 1);
  // A retry still gets the first answer.
  BatchBuilder builder({.producer_id = 7, .producer_epoch = 1, .base_sequence = 4});
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(
        builder.add({.key = as_bytes("a"), .value = as_bytes("x"), .headers = {}}).has_value());
  const auto batch = builder.finish();
  AppendRequest request;
  request.batches.push_back({at_, *batch, 0, 0});
  const auto again = store_->append(std::move(request));
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_TRUE(again->front().duplicate);
  EXPECT_EQ(again->front().base_offset, Offset(4));
  // Once the producer is forgotten the header goes.
  env_->advance(25h);
  fill("late");
  env_->advance(11s);
  compact();
  fill("later");
  compact();
  EXPECT_GT(headers()[0].base_offset, Offset(4));
}

TEST_F(CompactedStore, YoungRecordsWaitForMinCompactionLag) {
  open();
  create({{"min.compaction.lag.ms", "60000"}});
  append({{"a", "1"}});
  append({{"a", "2"}});
  fill();
  compact();
  EXPECT_EQ(store_->stats().compactions, 0);
  env_->advance(61s);
  compact();
  EXPECT_EQ(store_->stats().compactions, 1);
  EXPECT_EQ(read()[0].offset, 1);
}

TEST_F(CompactedStore, ALittleDirtIsLeftUntilMaxCompactionLag) {
  open();
  create({{"min.cleanable.dirty.ratio", "0.9"}, {"max.compaction.lag.ms", "600000"}});
  for (int i = 0; i < 40; ++i) append({{"k" + std::to_string(i), std::string(200, 'v')}});
  compact();
  ASSERT_EQ(store_->stats().compactions, 1) << "all of it was dirty";
  fill();
  compact();
  EXPECT_EQ(store_->stats().compactions, 1);
  EXPECT_GT(store_->stats().compaction_dirty_ratio_max, 0.0);
  env_->advance(11min);
  compact();
  EXPECT_EQ(store_->stats().compactions, 2);
}

TEST_F(CompactedStore, MaxCompactionLagBoundsTheAgeOfTheActiveSegment) {
  open();
  create({{"segment.bytes", "1000000"}, {"max.compaction.lag.ms", "1000"}});
  append({{"a", "1"}});
  append({{"a", "2"}});
  env_->advance(2s);
  append({{"a", "3"}});
  EXPECT_EQ(store_->stats().segment_count, 2 + 1);  // the catalogue's, and ours
  env_->advance(2s);
  compact();
  EXPECT_EQ(offsets_of(read()), (std::vector<std::int64_t>{1, 2}));
}

TEST_F(CompactedStore, CompactAndDeleteDoesBoth) {
  open();
  create({{"cleanup.policy", "delete,compact"}, {"retention.ms", "100000"}});
  append({{"a", "1"}, {"b", "1"}});
  append({{"a", "2"}});
  fill();
  compact();
  EXPECT_EQ(offsets_of(read())[0], 1);
  env_->advance(200s);
  fill("new");
  compact();
  EXPECT_GT(store_->ends(at_)->log_start, Offset(2));
  EXPECT_FALSE(values().contains("b"));
}

TEST_F(CompactedStore, CompactAloneIgnoresRetention) {
  open();
  create({{"retention.ms", "1000"}, {"retention.bytes", "10"}});
  append({{"a", "1"}, {"b", "1"}});
  fill();
  env_->advance(200s);
  fill("new");
  compact();
  EXPECT_EQ(store_->ends(at_)->log_start, Offset(0));
  EXPECT_TRUE(values().contains("b"));
}

TEST_F(CompactedStore, KeysBeyondTheMemoryAreCompactedInSeveralRuns) {
  StoreOptions small = options();
  small.compaction_memory_bytes_max = 400;  // 25 slots
  open(small);
  create();
  for (int i = 0; i < 400; ++i)
    append({{"k" + std::to_string(i % 50), std::to_string(i)},
            {"m" + std::to_string(i % 7), std::to_string(i)}});
  fill();
  for (int i = 0; i < 40; ++i) compact();
  EXPECT_GT(store_->stats().compactions, 5);
  const auto all = values();
  EXPECT_EQ(all.size(), 50u + 7u + 1u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(*all.at("k" + std::to_string(i)), std::to_string(350 + i));
  EXPECT_LT(read().size(), 80u);
}

TEST_F(CompactedStore, ReadsBeginAtTheNextRecordAfterAGap) {
  open();
  create();
  for (int i = 0; i < 40; ++i)
    append({{"a", std::to_string(i)}, {"k" + std::to_string(i / 10), "v"}});
  fill();
  compact();
  const auto all = read();
  for (std::int64_t from = 0; from < store_->ends(at_)->end.raw(); ++from) {
    auto tail = read(from);
    std::erase_if(tail, [&](const auto& one) { return one.offset < from; });
    auto wanted = all;
    std::erase_if(wanted, [&](const auto& one) { return one.offset < from; });
    ASSERT_EQ(tail, wanted) << from;
  }
  // The log start may stand in a gap.
  ASSERT_TRUE(store_->delete_records(at_, Offset(5)).has_value());
  EXPECT_EQ(store_->ends(at_)->log_start, Offset(5));
  EXPECT_EQ(read().back(), all.back());
  EXPECT_EQ(store_->read(at_, Offset(4), {}).error().code, Code::kOutOfRange);
  reopen();
  EXPECT_EQ(store_->ends(at_)->log_start, Offset(5));
  EXPECT_EQ(read().back(), all.back());
}

TEST_F(CompactedStore, ReadAllGivesWhatIsLeftAtItsPositions) {
  open();
  create();
  for (int i = 0; i < 30; ++i) append({{"a", std::to_string(i)}, {"b", "v"}});
  append({{"c", "1"}});
  fill();
  const auto before = store_->read_all(Position(0), 1 << 20);
  compact();
  const auto after = store_->read_all(Position(0), 1 << 20);
  ASSERT_TRUE(after.has_value()) << after.error().text();
  ASSERT_EQ(after->batches.size(), before->batches.size());
  std::vector<ReadRecord> found;
  for (std::size_t i = 0; i < after->batches.size(); ++i) {
    EXPECT_EQ(after->batches[i].position, before->batches[i].position);
    EXPECT_EQ(after->batches[i].base_offset, before->batches[i].base_offset);
    EXPECT_EQ(after->batches[i].record_count, before->batches[i].record_count);
    if (after->batches[i].from != at_ || after->batches[i].batch.empty()) continue;
    EXPECT_EQ(add(found, after->batches[i].batch), after->batches[i].batch.size());
  }
  EXPECT_EQ(found, read());
}

TEST_F(CompactedStore, SurvivesKillsRestartsAndALostIndex) {
  open();
  create();
  for (int i = 0; i < 200; ++i)
    append({{"a", std::to_string(i)}, {"k" + std::to_string(i % 90), std::to_string(i)}});
  fill();
  compact();
  const auto all = read();
  reopen();
  EXPECT_EQ(read(), all);
  ASSERT_TRUE(store_->close().has_value());
  EXPECT_EQ(verify_store(*env_, "/data")->problem_count, 0);
  for (const std::string& name : files()) {
    if (name.ends_with(".batches")) env_->disk().set_bytes(path_of(name), {});
  }
  const auto report = verify_store(*env_, "/data");
  ASSERT_TRUE(report.has_value());
  EXPECT_GT(report->problem_count, 0);
  for (const VerifyProblem& one : report->problems) EXPECT_TRUE(one.derived) << one.what;
  store_.reset();
  env_ = std::make_unique<SimEnv>(env_->disk().killed());
  open();
  EXPECT_EQ(read(), all);
  EXPECT_EQ(store_->find_time(at_, all[3].timestamp_ms)->value().timestamp_ms, all[3].timestamp_ms);
  ASSERT_TRUE(store_->close().has_value());
  EXPECT_EQ(verify_store(*env_, "/data")->problem_count, 0);
}

TEST_F(CompactedStore, DamageIsReportedAndThePartitionLeftAlone) {
  open();
  create();
  for (int i = 0; i < 30; ++i) append({{"a", std::to_string(i)}});
  fill();
  const std::size_t segments = segment_count();
  env_->disk().flip_bit(path_of("00000000000000000000.log"), 90);
  compact();
  EXPECT_EQ(store_->stats().compactions, 0);
  EXPECT_EQ(store_->stats().compaction_failures, 1);
  EXPECT_TRUE(store_->stats().compaction_last_failure.contains("00000000000000000000.log"))
      << store_->stats().compaction_last_failure;
  EXPECT_EQ(segment_count(), segments);
  EXPECT_TRUE(std::ranges::any_of(env_->reports(), [](const SimReport& one) {
    return one.severity == Severity::kError && one.line.starts_with("compaction_failed topic=t");
  }));
  EXPECT_EQ(store_->state(), StoreState::kOpen);
}

TEST_F(CompactedStore, ATopicDeletedUnderACompactionIsGone) {
  open();
  create();
  for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}});
  fill();
  store_->maintain();  // starts the compaction
  ASSERT_TRUE(store_->delete_topic(at_.topic).has_value());
  compact();
  ASSERT_TRUE(store_->close().has_value());
  EXPECT_TRUE(files().empty()) << testing::PrintToString(files());
}

TEST_F(CompactedStore, ATrimUnderACompactionWins) {
  for (int polls = 0; polls < 12; ++polls) {
    env_ = std::make_unique<SimEnv>();
    open();
    create();
    for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}, {"b" + std::to_string(i), "v"}});
    fill();
    const auto before = read();
    store_->maintain();
    for (int i = 0; i < polls; ++i) store_->poll();
    ASSERT_TRUE(store_->delete_records(at_, Offset(50)).has_value());
    compact();
    auto wanted = before;
    std::erase_if(wanted, [](const auto& one) {
      return one.offset < 50 || (one.key == "a" && one.offset != 118);
    });
    auto found = read();
    std::erase_if(found, [](const auto& one) { return one.offset < 50 || one.key == "filler"; });
    std::erase_if(wanted, [](const auto& one) { return one.key == "filler"; });
    EXPECT_EQ(found, wanted) << polls;
    ASSERT_TRUE(store_->close().has_value());
    EXPECT_EQ(verify_store(*env_, "/data")->problem_count, 0);
    store_.reset();
  }
}

TEST_F(CompactedStore, AnInterruptedCompactionLeavesNothingBehind) {
  open();
  create();
  for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}});
  fill();
  compact();
  const auto all = read();
  env_->disk().set_bytes(path_of("00000000000000000000.77.log"), as_bytes("half"));
  env_->disk().set_bytes(path_of("00000000000000000000.77.batches"), as_bytes("half"));
  reopen();
  EXPECT_EQ(read(), all);
  for (const std::string& name : files()) EXPECT_FALSE(name.contains(".77.")) << name;
}

TEST_F(CompactedStore, KeepsToItsRate) {
  StoreOptions slow = options();
  slow.compaction_bytes_per_second_max = 1000;
  open(slow);
  create();
  for (int i = 0; i < 60; ++i) append({{"k" + std::to_string(i), std::string(100, 'v')}});
  fill();
  const auto began = env_->now();
  compact();
  const StoreStats stats = store_->stats();
  ASSERT_EQ(stats.compactions, 1);
  const auto least =
      std::chrono::milliseconds(stats.compaction_read_bytes + stats.compaction_written_bytes);
  EXPECT_GE(env_->now() - began, least * 9 / 10);
}

TEST_F(CompactedStore, AFullDiskIsNoDamage) {
  open();
  create();
  for (int i = 0; i < 60; ++i) append({{"a", std::to_string(i)}});
  fill();
  const auto before = read();
  env_->set_capacity(env_->disk().used_pages() * 4096);
  compact();
  EXPECT_GT(store_->stats().compaction_failures, 0);
  EXPECT_EQ(read(), before);
  env_->set_capacity(std::nullopt);
  compact();
  EXPECT_EQ(store_->stats().compactions, 1);
  EXPECT_LT(read().size(), before.size());
}

}  // namespace
}  // namespace stele::log
