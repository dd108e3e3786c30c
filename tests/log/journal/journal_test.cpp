// The journal as a ring, against a plain list of what was written and not yet released.
#include "log/journal/journal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <iostream>

#include "tests/support/sim_env.h"

namespace stele::log {
namespace {

const Uuid kStore = Uuid::from_random(1, 2);
constexpr std::uint64_t kBytes = 64 << 10;

struct Written {
  JournalPlace place;
  std::uint64_t bytes = 0;
  std::int64_t position = 0;
};

class JournalTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_TRUE(env_.make_folder("/d").has_value());
    ASSERT_TRUE(Journal::create(env_, "/d/journal", kBytes).has_value());
    open();
    start_ = {.lap = 1, .at = 0, .sequence = 1, .predecessor = 0};
    journal_->start(start_, start_);
  }
  void open() {
    auto opened = Journal::open(env_, "/d/journal", kStore);
    ASSERT_TRUE(opened.has_value());
    journal_ = std::move(*opened);
  }
  // Writes an entry without parts; false if it does not fit.
  bool write(std::uint64_t body_bytes) {
    const std::uint64_t bytes = entry_bytes(0, body_bytes);
    if (!journal_->fits(bytes)) return false;
    EntryHeader header;
    header.place = journal_->place(bytes);
    header.first_position = Position(next_position_++);
    header.body_bytes = body_bytes;
    entry_.resize(bytes);
    std::ranges::fill(entry_.span(), std::byte{7});
    const std::uint64_t sum = encode_entry(entry_.span(), kStore, header, {});
    bool done = false;
    journal_->write(entry_.view(), header.place, [&](const Result<void>& result) {
      EXPECT_TRUE(result.has_value());
      done = true;
    });
    while (!done) env_.wait(std::chrono::milliseconds(1));
    journal_->advance(header.place, bytes, sum);
    written_.push_back({header.place, bytes, header.first_position.raw()});
    return true;
  }
  Result<JournalEnd> scan(const JournalPlace& from, std::vector<std::int64_t>& positions) {
    return journal_->scan(from, [&](const ScannedEntry& entry) -> Result<void> {
      positions.push_back(entry.entry.header.first_position.raw());
      return {};
    });
  }
  // Everything since the tail is found again, and nothing else.
  void expect_all_found() {
    std::vector<std::int64_t> found;
    const JournalPlace from = written_.empty() ? journal_->head() : written_.front().place;
    const auto end = scan(from, found);
    ASSERT_TRUE(end.has_value()) << end.error().text();
    std::vector<std::int64_t> expected;
    for (const Written& one : written_) expected.push_back(one.position);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(end->next.sequence, journal_->head().sequence);
    EXPECT_FALSE(end->torn);
  }

  SimEnv env_;
  std::unique_ptr<Journal> journal_;
  JournalPlace start_;
  AlignedBuffer entry_;
  std::deque<Written> written_;
  std::int64_t next_position_ = 0;
};

TEST_F(JournalTest, IsARingOfWhatWasNotReleased) {
  const char* given = std::getenv("STELE_SEED");
  const std::uint64_t seed = given == nullptr ? 5 : std::strtoull(given, nullptr, 10);
  std::cout << "STELE_SEED=" << seed << "\n";
  SimRandom random(seed);
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t body = random.chance(20) ? random.below(16'000) : random.below(4000);
    if (!write(body)) {
      ++refused;
      ASSERT_FALSE(written_.empty()) << "an empty ring has no room";
      const std::size_t keep = random.below(written_.size());
      while (written_.size() > keep) written_.pop_front();
      journal_->release(written_.empty() ? journal_->head() : written_.front().place);
    }
    ASSERT_LE(journal_->used_bytes(), kBytes);
    if (i % 40 == 0) expect_all_found();
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(journal_->head().lap, 100u);
  EXPECT_GT(refused, 100);
}

TEST_F(JournalTest, DamageBelowTheDurableMarkIsNoTornTail) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write(100));
  env_.disk().flip_bit("/d/journal", 4096 + 50);
  std::vector<std::int64_t> found;
  const auto end = scan(start_, found);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, Code::kCorrupt);
}

TEST_F(JournalTest, TheLastTwoEntriesSwappedAreDamageNotAnEnd) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(write(100));
  Bytes bytes = env_.disk().bytes("/d/journal");
  std::swap_ranges(bytes.begin() + 2 * 4096, bytes.begin() + 3 * 4096, bytes.begin() + 3 * 4096);
  env_.disk().set_bytes("/d/journal", bytes);
  std::vector<std::int64_t> found;
  const auto end = scan(start_, found);
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, Code::kCorrupt);
}

TEST_F(JournalTest, DamageAboveTheDurableMarkIsATornTail) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write(100));
  env_.disk().flip_bit("/d/journal", 2 * 4096 + 75);
  std::vector<std::int64_t> found;
  const auto end = scan(start_, found);
  ASSERT_TRUE(end.has_value()) << end.error().text();
  EXPECT_EQ(found.size(), 2u);
  ASSERT_TRUE(end->torn);
  EXPECT_EQ(end->torn_place.at, 2u * 4096);
  ASSERT_TRUE(journal_->erase_torn(*end).has_value());
  found.clear();
  EXPECT_FALSE(scan(start_, found)->torn);
}

TEST_F(JournalTest, AnEntryOfAnEarlierLapIsNotTakenForTheNextOne) {
  while (journal_->head().lap < 3) {
    if (write(100)) continue;
    written_.clear();
    journal_->release(journal_->head());
  }
  ASSERT_TRUE(write(100));
  std::vector<std::int64_t> found;
  const auto end = scan(written_.back().place, found);
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(found, std::vector<std::int64_t>{written_.back().position});
}

TEST_F(JournalTest, AnEntryOfAnotherStoreIsNotTakenForOurs) {
  ASSERT_TRUE(write(100));
  auto other = Journal::open(env_, "/d/journal", Uuid::from_random(3, 4));
  int visited = 0;
  const auto end = (*other)->scan(start_, [&](const ScannedEntry&) -> Result<void> {
    ++visited;
    return {};
  });
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(visited, 0);
}

TEST_F(JournalTest, WhatWasConfirmedSurvivesPowerLossAfterAKill) {
  ASSERT_TRUE(write(100));
  // A write that only a cache has: submitted, never completed.
  EntryHeader header;
  header.place = journal_->place(4096);
  header.first_position = Position(99);
  entry_.resize(4096);
  std::ranges::fill(entry_.span(), std::byte{0});
  (void)encode_entry(entry_.span(), kStore, header, {});
  journal_->write(entry_.view(), header.place, [](const Result<void>&) {});
  for (const bool confirmed : {false, true}) {
    SimEnv env(env_.disk().killed());
    auto journal = Journal::open(env, "/d/journal", kStore);
    const auto end =
        (*journal)->scan(start_, [](const ScannedEntry&) -> Result<void> { return {}; });
    ASSERT_EQ(end->entry_count, 2u);
    if (confirmed) ASSERT_TRUE((*journal)->confirm(*end).has_value());
    journal->reset();
    class Nothing final : public CrashChooser {
      bool keep(std::size_t, const FolderChange&) override { return true; }
      std::size_t size(std::size_t, std::span<const SizeVersion>) override { return 0; }
      Sectors sectors(std::size_t, std::span<const PageVersion>) override { return {}; }
    } nothing;
    SimEnv after(env.disk().crash_state(nothing));
    auto again = Journal::open(after, "/d/journal", kStore);
    const auto left =
        (*again)->scan(start_, [](const ScannedEntry&) -> Result<void> { return {}; });
    EXPECT_EQ(left->entry_count, confirmed ? 2u : 1u);
  }
}

TEST_F(JournalTest, GrowsWhileHeadAndTailAreInOneLap) {
  ASSERT_TRUE(write(100));
  ASSERT_TRUE(journal_->can_grow());
  bool grown = false;
  journal_->grow(2 * kBytes, [&](const Result<void>& result) { grown = result.has_value(); });
  EXPECT_FALSE(journal_->can_grow());
  while (!grown) env_.wait(std::chrono::milliseconds(1));
  EXPECT_EQ(journal_->capacity_bytes(), 2 * kBytes);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(write(3000));
  const JournalPlace head = journal_->head();
  open();
  journal_->start(head, start_);
  expect_all_found();
}

}  // namespace
}  // namespace stele::log
