// Compaction against a map of the last value of each key, over random appends, tombstones, trims,
// configurations, compactions, restarts and kills, time being simulated. Nothing that compaction
// keeps changes offset or content, and nothing that it must keep goes.
// STELE_SEED and STELE_COUNT (seeds) replay and widen it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/log/store/compacted_store.h"
#include "tests/support/sim_random.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kDeleteRetentionMs = 50'000;
constexpr auto kStep = 5s;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class CompactionModel : public CompactedStore {
protected:
  static StoreOptions model_options(SimRandom& random) {
    StoreOptions with = options();
    with.compaction_memory_bytes_max = random.chance(40) ? 300 : 1 << 20;
    return with;
  }

  void live(std::uint64_t seed) {
    SimRandom random(seed);
    env_ = std::make_unique<SimEnv>(SimDisk(), SimOptions{.seed = seed});
    records_.clear();
    options_ = model_options(random);
    open(options_);
    create({{"delete.retention.ms", std::to_string(kDeleteRetentionMs)},
            {"min.cleanable.dirty.ratio", random.chance(50) ? "0" : "0.4"}});
    for (int i = 0; i < 220; ++i) {
      act(random);
      if (i % 20 == 19) check();
      if (HasFatalFailure()) return;
    }
    for (int i = 0; i < 4; ++i) compact();
    check();
  }

  void act(SimRandom& random) {
    const std::uint64_t what = random.below(100);
    if (what < 70) return write(random);
    if (what < 84) return compact();
    if (what < 92) return env_->advance(kStep * static_cast<std::int64_t>(1 + random.below(6)));
    if (what < 95) {
      const auto end = store_->ends(at_)->end.raw();
      const auto start = store_->ends(at_)->log_start.raw();
      const Offset to(start + static_cast<std::int64_t>(
                                  random.below(static_cast<std::uint64_t>(end - start + 1))));
      ASSERT_TRUE(store_->delete_records(at_, to).has_value());
      return;
    }
    // A kill anywhere in a compaction, or a clean stop.
    store_->maintain();
    for (std::uint64_t polls = random.below(12); polls > 0; --polls) store_->poll();
    if (random.chance(40)) ASSERT_TRUE(store_->close().has_value());
    store_.reset();
    const auto later = env_->now();
    env_ = std::make_unique<SimEnv>(env_->disk().killed(), SimOptions{.seed = random.draw()});
    env_->advance(later);
    open(options_);
  }

  void write(SimRandom& random) {
    static constexpr Codec kCodecs[] = {Codec::kNone, Codec::kNone, Codec::kLz4, Codec::kZstd};
    BatchOptions how{.codec = kCodecs[random.below(4)]};
    Pairs pairs;
    for (std::uint64_t count = 1 + random.below(5); count > 0; --count) {
      std::string key = "k" + std::to_string(random.below(random.chance(30) ? 60 : 8));
      std::optional<std::string> value(std::to_string(records_.size() + pairs.size()));
      value->resize(20 + random.below(120), 'v');
      if (random.chance(15)) value.reset();
      if (random.chance(3)) key.clear();
      pairs.emplace_back(std::move(key), std::move(value));
    }
    const std::int64_t time = now_ms();
    ASSERT_EQ(append(pairs, how, time), static_cast<std::int64_t>(records_.size()));
    for (const auto& [key, value] : pairs) {
      ReadRecord& one = records_.emplace_back();
      one.offset = static_cast<std::int64_t>(records_.size()) - 1;
      if (!key.empty()) one.key = key;
      one.value = value;
      one.timestamp_ms = time;
    }
  }

  void check() {
    const auto ends = store_->ends(at_);
    ASSERT_EQ(ends->end.raw(), static_cast<std::int64_t>(records_.size()));
    std::map<std::string, std::int64_t> last;
    for (const ReadRecord& one : records_) {
      if (one.key) last[*one.key] = one.offset;
    }
    std::map<std::string, std::int64_t> found;  // the last of each key
    for (const ReadRecord& one : read()) {
      ASSERT_EQ(one, records_[static_cast<std::size_t>(one.offset)]);
      if (one.key) found[*one.key] = one.offset;
      ++read_;
    }
    for (const auto& [key, offset] : last) {
      const ReadRecord& one = records_[static_cast<std::size_t>(offset)];
      if (offset < ends->log_start.raw()) continue;
      const auto there = found.find(key);
      if (!one.value && now_ms() - one.timestamp_ms >= kDeleteRetentionMs && there == found.end())
        continue;  // deleted, tombstone and all
      ASSERT_TRUE(there != found.end() && there->second == offset)
          << key << " at " << offset << (one.value ? "" : " (tombstone)");
    }
    ASSERT_EQ(store_->stats().compaction_failures, 0) << store_->stats().compaction_last_failure;
    runs_ += store_->stats().compactions > 0 ? 1 : 0;
  }

  StoreOptions options_;
  std::vector<ReadRecord> records_;  ///< all that was appended
  std::int64_t runs_ = 0;
  std::int64_t read_ = 0;
};

TEST_F(CompactionModel, KeepsTheLastValueOfEveryKey) {
  const std::uint64_t first = from_environment("STELE_SEED", 1);
  const std::uint64_t count = from_environment("STELE_COUNT", 40);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("STELE_SEED=" + std::to_string(seed));
    live(seed);
    ASSERT_FALSE(HasFailure());
    store_.reset();
  }
  EXPECT_GT(runs_, static_cast<std::int64_t>(count));
  std::cout << "compaction_model seeds=" << count << " records_checked=" << read_ << "\n";
}

}  // namespace
}  // namespace stele::log
