// The index against a map: random adds, cuts, merges and restarts, with good hashes and with hashes
// that collide. STELE_SEED replays, STELE_COUNT widens.
#include <iostream>

#include "tests/log/index/index_model.h"

namespace stele::log {
namespace {

struct Shape {
  const char* name;
  std::uint64_t hash_mask;
  std::uint64_t tail_bytes_max;
  std::uint64_t cache_bytes_max;
  std::uint64_t streams;
  int steps;
};

constexpr Shape kShapes[] = {
    {"LargeTail", ~0ull, 1 << 20, 1 << 20, 400, 300},
    {"SmallTails", ~0ull, 16 << 10, 1 << 16, 400, 900},
    {"NoCache", ~0ull, 16 << 10, 0, 200, 500},
    {"SixteenHashes", 0xf, 16 << 10, 1 << 14, 100, 300},
    {"SixteenUpperHalves", 0xfull << 60, 16 << 10, 1 << 14, 200, 300},
    {"OneHash", 0, 16 << 10, 1 << 14, 60, 400},
    {"LongLists", ~0ull, 96 << 10, 1 << 14, 4, 4000},
};

class IndexModelTest : public testing::TestWithParam<Shape> {
protected:
  void open() {
    index_.reset();
    auto opened = TermIndex::open(env_, kIndexFolder, test_store(), options_);
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    index_ = *std::move(opened);
    model_.replay(*index_, index_->indexed_to());
  }
  void step() {
    const std::uint64_t what = random_.below(100);
    if (what < 70) {
      const Position before = model_.end();
      model_.add(random_.below(3), random_records(random_, GetParam().streams),
                 static_cast<std::int32_t>(random_.below(8)));
      model_.replay(*index_, before);
    } else if (what < 85) {
      // Now and then it was quiet long enough for settling, too.
      if (random_.chance(20)) env_.advance(std::chrono::hours(1));
      index_->upkeep(random_.chance(70) ? model_.end() : index_->indexed_to(), {});
      env_.poll();
    } else if (what < 97) {
      expect_some();
    } else if (what < 98) {
      ASSERT_TRUE(index_->flush(model_.end()).has_value());
      EXPECT_FALSE(index_->running());
    } else {
      restart();
    }
  }
  void restart() {
    index_->stop();
    while (index_->running()) env_.wait(std::chrono::milliseconds(1));
    if (random_.chance(50)) {
      ASSERT_TRUE(index_->flush(model_.end()).has_value());
      EXPECT_EQ(index_->indexed_to(), model_.end());
    }
    open();
  }
  void expect_some() {
    const auto& terms = model_.terms();
    if (terms.empty()) return;
    for (int i = 0; i < 5; ++i) {
      auto at = terms.begin();
      std::advance(at, static_cast<std::ptrdiff_t>(random_.below(terms.size())));
      model_.expect_term(*index_, at->first);
    }
    model_.expect_term(*index_,
                       {TermKind::kStream, 1, "never seen " + std::to_string(random_.draw())});
  }

  SimEnv env_;
  SimRandom random_{seed_or(1)};
  TermIndexOptions options_;
  std::unique_ptr<TermIndex> index_;
  IndexModel model_;
};

TEST_P(IndexModelTest, AnswersLikeAMap) {
  const Shape& shape = GetParam();
  options_ = {.tail_bytes_max = shape.tail_bytes_max,
              .cache_bytes_max = shape.cache_bytes_max,
              .hash_mask = shape.hash_mask,
              .merge_count = 3};
  ASSERT_NO_FATAL_FAILURE(open());
  std::int64_t merges = 0;
  for (int i = 0; i < shape.steps; ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    merges = std::max(merges, index_->stats().merges);
    step();
    if (HasFailure()) return;
  }
  model_.expect_all(*index_);
  model_.expect_listings(*index_);
  settle(env_, *index_, model_.end());
  model_.expect_all(*index_);
  EXPECT_EQ(index_->stats().last_failure, "");
  if (shape.tail_bytes_max < (64 << 10)) EXPECT_GT(merges, 0);
  ASSERT_NO_FATAL_FAILURE(restart());
  model_.expect_all(*index_);
  model_.expect_listings(*index_);
}

INSTANTIATE_TEST_SUITE_P(Shapes, IndexModelTest, testing::ValuesIn(kShapes),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace stele::log
