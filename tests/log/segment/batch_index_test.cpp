// `.batches` against a vector of entries: searches, restarts, and blocks damaged and rebuilt.
#include "log/segment/batch_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

constexpr const char* kPath = "/d/index.batches";

class BatchIndexTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_TRUE(env_.make_folder("/d").has_value()); }

  std::unique_ptr<BatchIndex> make(std::uint64_t seed = 77) {
    return std::make_unique<BatchIndex>(
        files_, kPath, seed, Offset(1000),
        [this](std::optional<BatchEntry> before,
               std::uint32_t count) -> Result<std::vector<BatchEntry>> {
          ++rebuilt_;
          auto from = model_.begin();
          if (before) from = std::ranges::find(model_, *before) + 1;
          return std::vector<BatchEntry>(from, from + count);
        });
  }
  BatchEntry next_entry() {
    BatchEntry entry{.base_offset = Offset(1000), .offset_count = 1};
    if (!model_.empty()) {
      entry.base_offset = model_.back().next_offset();
      entry.file_at = model_.back().file_at + model_.back().batch_bytes;
    }
    entry.offset_count = static_cast<std::uint32_t>(1 + random_.below(4));
    entry.batch_bytes = static_cast<std::uint32_t>(70 + random_.below(300));
    entry.position = Position(entry.base_offset.raw() * 3);
    entry.min_timestamp_ms = static_cast<std::int64_t>(random_.below(100'000));
    entry.max_timestamp_ms = entry.min_timestamp_ms + 5;
    model_.push_back(entry);
    return entry;
  }
  void expect_equal(const BatchIndex& index) {
    ASSERT_EQ(index.count(), model_.size());
    for (int i = 0; i < 60 && !model_.empty(); ++i) {
      const std::uint64_t at = random_.below(model_.size());
      const auto entry = index.entry(at);
      ASSERT_TRUE(entry.has_value()) << entry.error().text();
      EXPECT_EQ(*entry, model_[at]);
      const Offset inside = model_[at].base_offset.next(
          static_cast<std::int64_t>(random_.below(model_[at].offset_count)));
      EXPECT_EQ(*index.find_offset(inside), model_[at]);
      const std::int64_t time = model_[at].max_timestamp_ms;
      const auto first = std::ranges::find_if(
          model_, [&](const BatchEntry& one) { return one.max_timestamp_ms >= time; });
      EXPECT_EQ(**index.find_time(time, model_.size()), *first);
    }
  }

  SimEnv env_;
  FileCache files_{env_, 8};
  SimRandom random_{std::getenv("STELE_SEED") == nullptr
                        ? 21
                        : std::strtoull(std::getenv("STELE_SEED"), nullptr, 10)};
  std::vector<BatchEntry> model_;
  int rebuilt_ = 0;
};

TEST_F(BatchIndexTest, AnswersLikeAVectorOverRestarts) {
  for (int life = 0; life < 30; ++life) {
    auto index = make();
    index->restore(model_.size());
    ASSERT_TRUE(index->resume().has_value());
    for (std::uint64_t more = random_.below(60); more > 0; --more) index->append(next_entry());
    index->write_tail();
    expect_equal(*index);
  }
  EXPECT_EQ(rebuilt_, 0);
}

TEST_F(BatchIndexTest, DamagedBlocksAreRebuiltEqual) {
  auto index = make();
  ASSERT_TRUE(index->resume().has_value());
  for (int i = 0; i < 500; ++i) index->append(next_entry());
  index->write_tail();
  const Bytes good = env_.disk().bytes(kPath);
  for (int i = 0; i < 300; ++i) {
    Bytes bad = good;
    const std::size_t at = random_.below(bad.size());
    if (i % 3 == 0) bad[at] ^= std::byte{1};
    if (i % 3 == 1)
      std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(at / 4096 * 4096), 4096, std::byte{0});
    if (i % 3 == 2) bad.resize(at);
    env_.disk().set_bytes(kPath, bad);
    FileCache files(env_, 8);
    auto again = make();
    again->restore(model_.size());
    expect_equal(*again);
    for (std::uint64_t block = 0; block < good.size() / 4096; ++block)
      ASSERT_TRUE(again->block(block).has_value());
    ASSERT_TRUE(env_.disk().bytes(kPath) == good) << "damage " << i;
  }
  EXPECT_GT(rebuilt_, 200);
}

TEST_F(BatchIndexTest, TheIndexOfAnotherSegmentIsNotTakenForThisOne) {
  auto index = make();
  ASSERT_TRUE(index->resume().has_value());
  for (int i = 0; i < 100; ++i) index->append(next_entry());
  index->write_tail();
  auto other = make(78);
  other->restore(model_.size());
  EXPECT_EQ(other->raw_block(0).error().code, Code::kCorrupt);
  expect_equal(*other);
  EXPECT_GT(rebuilt_, 0);
}

}  // namespace
}  // namespace stele::log
