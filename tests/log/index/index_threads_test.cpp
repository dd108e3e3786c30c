// One writer with cuts and merges beside it, and readers on other threads: what a reader sees is
// whole, and grows.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "log/env/posix_env.h"
#include "log/index/term_index.h"
#include "tests/log/env/temp_folder.h"

namespace stele::log {
namespace {

constexpr int kStreams = 500;
constexpr int kBatches = 6000;
const Uuid kTopic = Uuid::from_random(1, 2);

std::string key_of(int stream) {
  return "stream-" + std::to_string(stream);
}

class Readers {
public:
  explicit Readers(const TermIndex& index) : index_(index) {
    for (int i = 0; i < 3; ++i) threads_.emplace_back([this, i] { read(i); });
  }
  void join() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  [[nodiscard]] int reads() const { return reads_; }
  [[nodiscard]] int faults() const { return faults_; }

private:
  void read(int stream) {
    std::vector<std::int64_t> seen(kStreams, 0);
    while (!stop_) {
      stream = (stream + 7) % kStreams;
      check(index_.hasher().stream(kTopic, as_bytes(key_of(stream))),
            seen[static_cast<std::size_t>(stream)]);
      if (++reads_ % 500 == 0) check_listing();
    }
  }
  // Counts never shrink; numbers and positions ascend without a gap.
  void check(const Term& term, std::int64_t& seen) {
    const auto head = index_.head(term.view());
    auto reader = index_.postings(term.view());
    if (!head || !reader) return fault();
    const std::int64_t count = *head ? (*head)->count : 0;
    if (count < seen || (*reader)->count() < count) return fault();
    seen = (*reader)->count();
    const auto all = (*reader)->forward(Position(0), 100'000);
    if (!all || std::ssize(*all) != seen) return fault();
    for (std::size_t i = 0; i < all->size(); ++i) {
      if ((*all)[i].number != static_cast<std::int64_t>(i)) return fault();
      if (i > 0 && (*all)[i].position <= (*all)[i - 1].position) return fault();
    }
    const auto last = (*reader)->backward(Position(INT64_MAX), 1);
    if (seen > 0 && (!last || last->size() != 1 || last->back() != all->back())) return fault();
    if (seen > 0 && index_.certainly_none_from(term.view(), all->back().position)) return fault();
  }
  void check_listing() {
    int listed = 0;
    const auto done =
        index_.for_each(TermKind::kStream, kTopic, [&](const TermView&, const TermHead& head) {
          if (head.count <= 0) fault();
          return ++listed > 0;
        });
    if (!done || listed > kStreams) fault();
    if (index_.stats().last_failure != "") fault();
  }
  void fault() { ++faults_; }

  const TermIndex& index_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> reads_ = 0;
  std::atomic<int> faults_ = 0;
  std::vector<std::thread> threads_;
};

TEST(IndexThreads, ReadersBesideTheWriterSeeWholeListsThatGrow) {
  const TempFolder folder;
  const auto env = std::move(*make_posix_env());
  auto index = std::move(*TermIndex::open(
      *env, folder.path() + "/index", Uuid::from_random(3, 4),
      {.tail_bytes_max = 20 << 10, .cache_bytes_max = 16 << 10, .merge_count = 3}));
  Readers readers(*index);
  Position end;
  std::uint64_t draw = 1;
  for (int i = 0; i < kBatches; ++i) {
    BatchTerms terms(index->hasher(), kTopic);
    for (int record = 0; record < 8; ++record) {
      draw = draw * 6364136223846793005u + 1442695040888963407u;
      terms.add(record, TermKind::kStream,
                as_bytes(key_of(static_cast<int>((draw >> 33) % kStreams))));
    }
    index->add(terms, end, 0);
    end = end.next(8);
    index->advance(end);
    index->upkeep(end, {});
    env->poll();
    while (index->overloaded()) {
      index->upkeep(end, {});
      env->wait(std::chrono::milliseconds(1));
    }
  }
  while (readers.reads() < 1000) std::this_thread::yield();
  readers.join();
  EXPECT_EQ(readers.faults(), 0);
  index->stop();
  while (index->running()) env->wait(std::chrono::milliseconds(1));
  EXPECT_GT(index->stats().cuts, 3);
  EXPECT_EQ(index->stats().last_failure, "");
  ASSERT_TRUE(index->flush(end).has_value());
  std::int64_t events = 0;
  ASSERT_TRUE(index
                  ->for_each(TermKind::kStream, kTopic,
                             [&](const TermView&, const TermHead& head) {
                               events += head.count;
                               return true;
                             })
                  .has_value());
  EXPECT_EQ(events, kBatches * 8);
}

}  // namespace
}  // namespace stele::log
