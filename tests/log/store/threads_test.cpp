// The store under real threads, on a real disk: callers take turns at running the core.
// ThreadSanitizer's subject.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "log/env/posix_env.h"
#include "log/store/store.h"
#include "tests/log/env/temp_folder.h"

namespace stele::log {
namespace {

constexpr int kThreads = 6;
constexpr int kAppends = 60;

class StoreThreads : public testing::TestWithParam<FlushEngine> {
protected:
  StoreThreads() : folder_("/tmp") {
    env_ =
        *make_posix_env({.flush = GetParam(), .direct = true, .reporter = [](Severity, auto) {}});
    store_ = *Store::open(folder_.file("store"), *env_);
    topic_ = (*store_->create_topic({.name = "orders", .partition_count = 3}))->id;
  }
  TempFolder folder_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<Store> store_;
  Uuid topic_;
};

TEST_P(StoreThreads, BlockingAppendsOfManyThreadsAreEachAnsweredOnce) {
  std::vector<std::vector<std::int64_t>> positions(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kAppends; ++i) {
        const std::string key = "k" + std::to_string(i);
        const auto appended = store_->append("orders", Event{.key = key, .value = "v"});
        if (appended) positions[static_cast<std::size_t>(t)].push_back(appended->position.raw());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& mine : positions) {
    EXPECT_EQ(mine.size(), static_cast<std::size_t>(kAppends));
    EXPECT_TRUE(std::ranges::is_sorted(mine));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kAppends));
  EXPECT_EQ(*all.rbegin(), store_->end().raw() - 1);
}

TEST_P(StoreThreads, ReadersBesideWritersSeeDenseOffsetsAndNothingElse) {
  std::atomic<bool> done = false;
  std::atomic<std::int64_t> seen = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      Bytes buffer(16 << 10);
      Offset at;
      while (!done.load() || at < store_->ends({topic_, 0})->end) {
        if (!store_->wait_for({topic_, 0}, at, std::chrono::milliseconds(5))) continue;
        const auto read = store_->read({topic_, 0}, at, buffer);
        ASSERT_TRUE(read.has_value()) << read.error().text();
        ASSERT_GT(read->next, at);
        seen += distance(at, read->next);
        at = read->next;
      }
    });
  }
  for (int i = 0; i < 4 * kAppends; ++i) {
    ASSERT_TRUE(store_->append("orders", Event{.value = "v", .partition = 0}).has_value());
    if (i % 16 == 0) store_->maintain();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(seen.load(), 2 * 4 * kAppends);
}

TEST_P(StoreThreads, TopicsComeAndGoBesideAppendsAndAClose) {
  std::thread topics([&] {
    for (int i = 0; i < 10; ++i) {
      const auto made = store_->create_topic({.name = "t" + std::to_string(i)});
      ASSERT_TRUE(made.has_value()) << made.error().text();
      ASSERT_TRUE(store_->delete_topic((*made)->id).has_value());
    }
  });
  std::atomic<int> answered = 0;
  for (int i = 0; i < kAppends; ++i) {
    if (store_->append("orders", Event{.value = "v"})) ++answered;
    static_cast<void>(store_->stats());
  }
  topics.join();
  EXPECT_EQ(answered.load(), kAppends);
  EXPECT_TRUE(store_->close().has_value());
  EXPECT_EQ(store_->append("orders", Event{.value = "v"}).error().code, Code::kClosed);
}

// Readers go over the partition again and again while its segments are replaced under them.
TEST_P(StoreThreads, CompactionRunsBesideAppendsAndReads) {
  store_.reset();
  store_ = *Store::open(folder_.file("store"), *env_,
                        {.compaction_interval = std::chrono::nanoseconds(0)});
  const TopicPartition at{
      (*store_->create_topic({.name = "compacted",
                              .settings = {{"cleanup.policy", "compact"},
                                           {"segment.bytes", "2048"},
                                           {"min.cleanable.dirty.ratio", "0"}}}))
          ->id,
      0};
  std::atomic<bool> done = false;
  std::atomic<int> sweeps = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      Bytes buffer(16 << 10);
      while (!done.load()) {
        const Offset end = store_->ends(at)->end;
        for (Offset from; from < end;) {
          const auto read = store_->read(at, from, buffer);
          ASSERT_TRUE(read.has_value()) << read.error().text();
          ASSERT_GT(read->next, from);
          from = read->next;
        }
        const auto all = store_->read_all(Position(0), 64 << 10);
        ASSERT_TRUE(all.has_value()) << all.error().text();
        ++sweeps;
      }
    });
  }
  const std::string value(100, 'v');
  for (int i = 0; i < 30 * kAppends || (sweeps < 10 && i < 1000 * kAppends); ++i) {
    const std::string key = "k" + std::to_string(i % 7);
    ASSERT_TRUE(store_->append("compacted", Event{.key = key, .value = value}).has_value());
    if (i % 8 == 0) store_->maintain();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(store_->stats().compactions, 0);
  EXPECT_EQ(store_->stats().compaction_failures, 0) << store_->stats().compaction_last_failure;
  EXPECT_TRUE(store_->close().has_value());
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreThreads,
                         testing::Values(FlushEngine::kInline, FlushEngine::kThread,
                                         FlushEngine::kUring));

}  // namespace
}  // namespace stele::log
