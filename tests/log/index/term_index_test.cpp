// What the index promises in words: what counts when, what costs a block read, what is dropped,
// what is removed at open.
#include "tests/log/index/index_model.h"

namespace stele::log {
namespace {

class TermIndexTest : public testing::Test {
protected:
  void SetUp() override { open(); }
  void open(TermIndexOptions options = {}) {
    index_.reset();
    auto opened = TermIndex::open(env_, kIndexFolder, test_store(), options);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    index_ = *std::move(opened);
  }
  // One record of one stream, at the end.
  void add(const std::string& key, TermKind kind = TermKind::kStream) {
    BatchTerms terms(index_->hasher(), test_topic(0));
    terms.add(0, kind, as_bytes(key));
    index_->add(terms, end_, 5);
    end_ = end_.next();
    index_->advance(end_);
  }
  void cut() { ASSERT_TRUE(index_->flush(end_).has_value()); }
  // For as long as it takes until everything is settled.
  void be_quiet() {
    index_->upkeep(end_, {});
    env_.advance(std::chrono::hours(1));
    settle(env_, *index_, end_);
  }
  Term stream(const std::string& key) const {
    return index_->hasher().stream(test_topic(0), as_bytes(key));
  }
  std::int64_t count(const std::string& key) const {
    const auto head = index_->head(stream(key).view());
    return head.has_value() && head->has_value() ? (*head)->count : 0;
  }
  std::int64_t reads_of(const std::string& key) const {
    const std::int64_t before = index_->stats().block_reads;
    static_cast<void>(count(key));
    return index_->stats().block_reads - before;
  }

  SimEnv env_;
  std::unique_ptr<TermIndex> index_;
  Position end_;
};

TEST_F(TermIndexTest, WhatWasAddedCountsAtOnce) {
  EXPECT_EQ(*index_->head(stream("a").view()), std::nullopt);
  add("a");
  add("b");
  add("a");
  EXPECT_EQ(**index_->head(stream("a").view()),
            (TermHead{.count = 2, .last = Position(2), .partition = 5}));
  EXPECT_EQ(index_->indexed_to(), Position(0));
}

TEST_F(TermIndexTest, ATermThatARecordNamesTwiceCountsOnce) {
  BatchTerms terms(index_->hasher(), test_topic(0));
  terms.add(0, TermKind::kTag, as_bytes("t"));
  terms.add(0, TermKind::kTag, as_bytes("t"));
  index_->add(terms, end_, 0);
  EXPECT_EQ((**index_->head(index_->hasher().tag("t").view())).count, 1);
}

TEST_F(TermIndexTest, OnlyWhatIsDurableGoesIntoARun) {
  open({.tail_bytes_max = 1000});
  while (!index_->overloaded()) add("stream " + std::to_string(end_.raw()));
  for (int i = 0; i < 10; ++i) {
    index_->upkeep(end_.next(-1), {});
    env_.wait(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(index_->running());
  EXPECT_EQ(index_->indexed_to(), Position(0));
  ASSERT_TRUE(index_->flush(end_.next(-1)).has_value());
  EXPECT_EQ(index_->indexed_to(), Position(0));
  settle(env_, *index_, end_);
  EXPECT_EQ(index_->indexed_to(), end_);
  EXPECT_FALSE(index_->overloaded());
}

TEST_F(TermIndexTest, ReadersSeeTheIndexAsItWas) {
  for (int i = 0; i < 50; ++i) add("a");
  auto reader = *index_->postings(stream("a").view());
  add("a");
  cut();
  add("a");
  EXPECT_EQ(reader->count(), 50);
  EXPECT_EQ(reader->forward(Position(0), 100)->size(), 50u);
  EXPECT_EQ(*reader->at_number(50), std::nullopt);
  EXPECT_EQ((*index_->postings(stream("a").view()))->count(), 52);
}

TEST_F(TermIndexTest, ReadersOutliveMergesAndTheIndex) {
  open({.merge_count = 2});
  for (int run = 0; run < 2; ++run) {
    for (int i = 0; i < 5000; ++i) add("a");
    cut();
  }
  auto reader = *index_->postings(stream("a").view());
  settle(env_, *index_, end_);
  EXPECT_EQ(index_->stats().merges, 1);
  EXPECT_EQ(env_.list(kIndexFolder)->size(), 1u);
  index_.reset();
  EXPECT_EQ(reader->forward(Position(0), 20'000)->size(), 10'000u);
}

TEST_F(TermIndexTest, AHotOrNewStreamReadsNoBlockAndAColdOneOne) {
  for (int i = 0; i < 3; ++i) {
    for (const char* key : {"hot", "cold", "lukewarm"}) add(key);
    EXPECT_EQ(count("hot"), i + 1);  // what its writer expects
    cut();
  }
  EXPECT_EQ(reads_of("hot"), 0);
  EXPECT_EQ(reads_of("new"), 0);
  open();
  EXPECT_EQ(reads_of("hot"), 1);
  EXPECT_EQ(reads_of("hot"), 0);
  add("hot");
  EXPECT_EQ(reads_of("hot"), 0);
  cut();
  EXPECT_EQ(reads_of("hot"), 0);
  open();
  EXPECT_EQ(reads_of("hot"), 1) << "the newest run knows how many there were before";
  EXPECT_EQ(count("hot"), 4);
}

TEST_F(TermIndexTest, PlainAppendsReadNothingAndAMergeCountsThem) {
  open({.merge_count = 4});
  for (int i = 0; i < 4; ++i) {
    add("a");
    add("only in run " + std::to_string(i));
    cut();
  }
  EXPECT_EQ(index_->stats().block_reads, 0);
  EXPECT_EQ(reads_of("a"), 4) << "no run but the oldest knows";
  EXPECT_EQ(reads_of("only in run 3"), 1) << "the filters knew that it was new";
  settle(env_, *index_, end_);
  EXPECT_EQ(index_->stats().run_count, 1);
  open();
  EXPECT_EQ(reads_of("a"), 1);
  EXPECT_EQ(count("a"), 4);
}

TEST_F(TermIndexTest, EventIdsThatNobodyWantsAreDroppedByMerges) {
  open({.merge_count = 2});
  add("old", TermKind::kEventId);
  add("s");
  cut();
  const Position wanted_from = end_;
  add("young", TermKind::kEventId);
  add("s");
  cut();
  settle(env_, *index_, end_, wanted_from);
  ASSERT_EQ(index_->stats().merges, 1);
  const auto id = [&](const char* text) { return index_->hasher().event_id(test_topic(0), text); };
  EXPECT_EQ(*index_->head(id("old").view()), std::nullopt);
  EXPECT_EQ((**index_->head(id("young").view())).last, wanted_from);
  EXPECT_EQ(count("s"), 2);
  EXPECT_EQ((*index_->postings(id("old").view()))->count(), 0);
}

TEST_F(TermIndexTest, StretchesWithoutTermsAreCoveredToo) {
  index_->advance(Position(10'000));
  ASSERT_TRUE(index_->flush(Position(10'000)).has_value());
  open();
  EXPECT_EQ(index_->indexed_to(), Position(10'000));
  EXPECT_EQ(count("a"), 0);
  index_->advance(Position(10'000 + (5 << 20)));  // few terms, many positions
  settle(env_, *index_, Position(10'000 + (5 << 20)));
  EXPECT_EQ(index_->indexed_to(), Position(10'000 + (5 << 20)));
}

TEST_F(TermIndexTest, RunsBeyondTheLogsEndAreRemoved) {
  add("a");
  cut();
  add("a");
  cut();
  open({.end_max = Position(1)});
  EXPECT_EQ(index_->indexed_to(), Position(1));
  EXPECT_EQ(env_.list(kIndexFolder)->size(), 1u);
  EXPECT_EQ(count("a"), 1);
}

TEST_F(TermIndexTest, AListingStopsWhenItIsToldTo) {
  for (int i = 0; i < 10; ++i) add("stream " + std::to_string(i));
  cut();
  for (int i = 0; i < 10; ++i) add("stream " + std::to_string(i + 5));
  int seen = 0;
  ASSERT_TRUE(index_
                  ->for_each(TermKind::kStream, test_topic(0),
                             [&](const TermView&, const TermHead&) { return ++seen < 7; })
                  .has_value());
  EXPECT_EQ(seen, 7);
}

TEST_F(TermIndexTest, AMergeThatIsStoppedLeavesItsInputs) {
  open({.tail_bytes_max = 4000, .merge_count = 2});
  for (int i = 0; i < 2; ++i) {
    for (int n = 0; n < 300; ++n) add("stream " + std::to_string(n));
    cut();
  }
  index_->upkeep(end_, {});
  EXPECT_TRUE(index_->running());
  index_->stop();
  while (index_->running()) env_.wait(std::chrono::milliseconds(1));
  index_->upkeep(end_, {});
  EXPECT_FALSE(index_->running());
  open();
  EXPECT_EQ(index_->stats().run_count, 2);
  EXPECT_EQ(env_.list(kIndexFolder)->size(), 2u);
  EXPECT_EQ(count("stream 7"), 2);
}

TEST_F(TermIndexTest, CertainlyNoneIsToldWithoutTheDisk) {
  add("a");
  cut();
  const Position behind = end_;
  add("b");
  const std::uint64_t calls = env_.call_count();
  EXPECT_TRUE(index_->certainly_none_from(stream("a").view(), behind));
  EXPECT_TRUE(index_->certainly_none_from(stream("never").view(), Position(0)));
  EXPECT_FALSE(index_->certainly_none_from(stream("b").view(), behind));
  EXPECT_FALSE(index_->certainly_none_from(stream("a").view(), Position(0)));
  EXPECT_EQ(env_.call_count(), calls);
}

TEST_F(TermIndexTest, OnceItWasQuietAColdHeadCostsOneBlock) {
  open({.cache_bytes_max = 0, .merge_count = 100});
  for (int run = 0; run < 5; ++run) {
    for (int n = 0; n < 300; ++n) add("stream " + std::to_string(n));
    for (int n = 0; n < 200 * run; ++n) add("more " + std::to_string(n));
    cut();
  }
  EXPECT_EQ(index_->stats().run_count, 5);
  EXPECT_GT(index_->stats().unsettled_terms, 0);
  EXPECT_EQ(reads_of("stream 7"), 5);
  be_quiet();
  EXPECT_EQ(index_->stats().unsettled_terms, 0);
  EXPECT_EQ(index_->stats().last_failure, "");
  for (int n = 0; n < 300; ++n) {
    EXPECT_EQ(reads_of("stream " + std::to_string(n)), 1);
    EXPECT_EQ(count("stream " + std::to_string(n)), 5);
  }
  EXPECT_EQ(reads_of("never seen"), 0);
}

TEST_F(TermIndexTest, ALargeOldRunIsReadButNotWrittenWhenTheNewestIsSettled) {
  open({.cache_bytes_max = 0, .merge_count = 100});
  for (int n = 0; n < 20'000; ++n) add("stream " + std::to_string(n));
  cut();
  for (int run = 0; run < 2; ++run) {
    for (int n = 0; n < 100; ++n) add("stream " + std::to_string(n * 7));
    cut();
  }
  const auto oldest = env_.list(kIndexFolder)->front().name;
  be_quiet();
  EXPECT_EQ(index_->stats().unsettled_terms, 0);
  EXPECT_EQ(index_->stats().run_count, 2);
  EXPECT_EQ(env_.list(kIndexFolder)->front().name, oldest);
  EXPECT_EQ(env_.list(kIndexFolder)->size(), 2u);
  EXPECT_EQ(reads_of("stream 14"), 1);
  EXPECT_EQ(count("stream 14"), 3);
  // One run alone, which keeps its name.
  add("stream 14");
  cut();
  be_quiet();
  EXPECT_EQ(index_->stats().unsettled_terms, 0);
  EXPECT_EQ(count("stream 14"), 4);
  const TermIndexStats before = index_->stats();
  open({.cache_bytes_max = 0, .merge_count = 100});
  EXPECT_EQ(index_->indexed_to(), end_);
  EXPECT_EQ(index_->stats().run_count, before.run_count);
  EXPECT_EQ(count("stream 14"), 4);
}

TEST_F(TermIndexTest, NothingIsSettledWhileEventsCome) {
  open({.merge_count = 100});
  for (int run = 0; run < 3; ++run) {
    add("a");
    cut();
  }
  for (int i = 0; i < 20; ++i) {
    env_.advance(std::chrono::milliseconds(900));
    add("b");
    index_->upkeep(end_, {});
    EXPECT_FALSE(index_->running());
  }
}

TEST_F(TermIndexTest, ItLagsWhileTwoTailsAreFullAndNotWhenCutsFail) {
  open({.tail_bytes_max = 16 << 10, .merge_count = 100});
  int n = 0;
  const auto fill = [&](std::uint64_t bytes) {
    while (index_->stats().tail_bytes < bytes) add("stream " + std::to_string(++n));
  };
  fill(17 << 10);
  EXPECT_FALSE(index_->lagging());
  index_->upkeep(end_, {});
  EXPECT_TRUE(index_->running());
  EXPECT_FALSE(index_->lagging());
  fill(36 << 10);
  EXPECT_TRUE(index_->lagging());
  while (index_->lagging()) env_.wait(std::chrono::milliseconds(1));
  EXPECT_EQ(index_->stats().cuts, 1);
  settle(env_, *index_, end_);
  env_.inject({.op = SimOp::kWrite, .effect = SimEffect::kNoSpace, .sticky = true, .path = {}});
  fill(17 << 10);
  settle(env_, *index_, end_);
  fill(40 << 10);
  EXPECT_FALSE(index_->lagging());
  EXPECT_FALSE(index_->overloaded());
  fill(80 << 10);
  EXPECT_FALSE(index_->lagging());
  EXPECT_TRUE(index_->overloaded());
}

// A merged run is not merged again with the small ones that wait beside it.
TEST_F(TermIndexTest, ABacklogOfRunsIsMergedOnceATier) {
  open({.merge_count = 4});
  for (int run = 0; run < 12; ++run) {
    for (int n = 0; n < 300; ++n) add("stream " + std::to_string(n));
    cut();
  }
  EXPECT_EQ(index_->stats().run_count, 12);
  settle(env_, *index_, end_);
  EXPECT_EQ(index_->stats().merges, 3);
  EXPECT_EQ(index_->stats().run_count, 3);
  EXPECT_EQ(env_.list(kIndexFolder)->size(), 3u);
}

}  // namespace
}  // namespace stele::log
