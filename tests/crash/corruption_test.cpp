// Every byte class of every file kind is damaged: a bit flipped, a page zeroed, swapped or put back
// to an older version, the file cut short or gone. The store either refuses to open (kCorrupt or
// kUnsupported, naming a file) or opens, and every read gives the right bytes or kCorrupt: never
// wrong ones. What was acknowledged and is still whole on the disk is never deleted from it.
//
// STELE_COUNT: damages in all; STELE_SEED.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "tests/crash/oracle.h"
#include "tests/crash/workloads.h"

namespace stele::crash {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Totals {
  std::uint64_t damages = 0;
  std::uint64_t refused = 0;  ///< the store did not open
  std::uint64_t partly = 0;   ///< it opened, some reads answer kCorrupt
  std::uint64_t whole = 0;    ///< it opened, and everything is read right
};

// How a store was left; its files and what they hold.
struct Left {
  const char* name;
  bool clean;              ///< by close(): else with the journal full of what no checkpoint holds
  bool compacted = false;  ///< topic a, twice

  [[nodiscard]] log::TopicSettings settings() const {
    if (!compacted) return {{"segment.bytes", "1500"}};
    return {{"segment.bytes", "1500"},
            {"cleanup.policy", "compact"},
            {"min.cleanable.dirty.ratio", "0"}};
  }
  [[nodiscard]] log::StoreOptions options() const {
    log::StoreOptions with = small_options();
    if (compacted) with.compaction_interval = std::chrono::nanoseconds(0);
    return with;
  }
};

class Corruption : public testing::TestWithParam<Left> {
protected:
  void SetUp() override {
    seed_ = from_environment("STELE_SEED", 1);
    SimEnv env({}, {.seed = seed_});
    Driver driver(env, history_, GetParam().options());
    ASSERT_TRUE(driver.open().has_value());
    if (GetParam().compacted) driver.keys(9);
    const std::size_t a = driver.create("a", 2, GetParam().settings());
    const std::size_t b = driver.create("b");
    for (int i = 0; i < 14; ++i) fill(driver, a, b, i);
    driver.trim({a, 0}, Offset(4));
    if (GetParam().compacted) driver.compact(80);
    driver.reopen();
    older_ = env.disk().killed();
    driver.drop(driver.create("gone"));
    for (int i = 14; i < 31; ++i) fill(driver, a, b, i);
    if (GetParam().compacted) driver.compact(80);
    ASSERT_EQ(driver.store().stats().compactions > 0, GetParam().compacted);
    driver.maintain(std::chrono::milliseconds(20));  // the idle mark: all before it is attested
    if (GetParam().clean) driver.close();
    driver.settle();
    driver.kill();
    ASSERT_EQ(driver.broken(), "");
    disk_ = env.disk().killed();
    disk_.set_bytes("/data/quarantine/journal-lap1-entry3.bin", as_bytes("kept for people"));
    paths_ = disk_.files();
    {
      SimEnv again(disk_, {.seed = seed_});
      Driver undamaged(again, history_);
      ASSERT_TRUE(undamaged.open().has_value());
      ASSERT_EQ(undamaged.store().stats().recovered_entries == 0, GetParam().clean);
      const auto judged = judge_damaged(undamaged.store(), history_);
      ASSERT_TRUE(judged.has_value() && *judged == 0);
    }
    std::erase_if(paths_, [](const std::string& path) { return path.ends_with("/LOCK"); });
  }

  static void fill(Driver& driver, std::size_t a, std::size_t b, int i) {
    driver.append_all({{a, i % 2}, {b, 0}}, 1, 150);
    if (i % 3 == 0) driver.produce(4, {a, 1});
    if (i % 7 == 0) driver.append({b, 0}, 20, 60);
  }

  void check(const SimDisk& damaged, const std::string& path, const std::string& what) {
    ++totals_.damages;
    SimEnv env(damaged, {.seed = seed_ + 7});
    History history = history_;
    Driver driver(env, history);
    if (const auto opened = driver.open(); !opened) {
      ++totals_.refused;
      const Code code = opened.error().code;
      const bool said = code == Code::kCorrupt || code == Code::kUnsupported ||
                        code == Code::kNotFound || code == Code::kInvalid;
      ASSERT_TRUE(said && opened.error().detail.contains("/data"))
          << path << " " << what << ": " << opened.error().text();
      driver.kill();
      check_untouched(damaged, env.disk(), path, what, true);
      return;
    }
    const auto judged = judge_damaged(driver.store(), history);
    ASSERT_TRUE(judged.has_value()) << path << " " << what << ": " << judged.error().text();
    *judged == 0 ? ++totals_.whole : ++totals_.partly;
    driver.kill();
    check_untouched(damaged, env.disk(), path, what, false);
  }

  // Segments that were whole are as they were, byte for byte; after a refusal every file is.
  void check_untouched(const SimDisk& before, const SimDisk& after, const std::string& damaged,
                       const std::string& what, bool all) {
    for (const std::string& path : paths_) {
      if (path == damaged || !before.exists(path)) continue;
      const bool primary =
          path.ends_with(".log") || path.ends_with(".order") || path.contains("quarantine");
      if (!primary && !all) continue;
      ASSERT_TRUE(after.exists(path)) << path << " is gone after " << damaged << " " << what;
      if (before.inode(*before.find(path)).live().pages ==
          after.inode(*after.find(path)).live().pages)
        continue;
      const Bytes was = before.bytes(path);
      const Bytes is = after.bytes(path);
      const bool kept =
          is.size() >= was.size() && std::ranges::equal(was, ByteView(is).first(was.size()));
      ASSERT_TRUE(kept) << path << " is changed after " << damaged << " " << what;
    }
  }

  // Bits: every byte of headers and small files, a dense sample of the rest.
  void flip_bits(const std::string& path, std::uint64_t budget) {
    const std::uint64_t size = disk_.bytes(path).size();
    if (size == 0) return;
    SimRandom random(seed_ * 31 + size);
    const std::uint64_t step = std::max<std::uint64_t>(1, size / budget);
    for (std::uint64_t at = 0; at < size; at += step) {
      const std::uint64_t place = std::min(size - 1, at + random.below(step));
      SimDisk damaged = disk_;
      const auto bit = static_cast<unsigned>(random.below(8));
      damaged.flip_bit(path, place, bit);
      check(damaged, path, "bit " + std::to_string(bit) + " of byte " + std::to_string(place));
      if (HasFatalFailure()) return;
    }
  }

  void damage_pages(const std::string& path) {
    const Bytes bytes = disk_.bytes(path);
    const Bytes old = older_.exists(path) ? older_.bytes(path) : Bytes();
    for (std::size_t at = 0; at < bytes.size(); at += kPageBytes) {
      const std::size_t step = std::min(kPageBytes, bytes.size() - at);
      const std::string place = " page at " + std::to_string(at);
      const auto change = [&](const char* what, auto edit) {
        Bytes copy = bytes;
        edit(copy);
        if (copy == bytes) return;
        SimDisk damaged = disk_;
        damaged.set_bytes(path, copy);
        check(damaged, path, what + place);
      };
      const auto from = static_cast<std::ptrdiff_t>(at);
      change("zeroed", [&](Bytes& copy) { std::fill_n(copy.begin() + from, step, std::byte{0}); });
      change("swapped", [&](Bytes& copy) {
        const std::size_t other = at >= kPageBytes ? at - kPageBytes : at + kPageBytes;
        if (other + step > copy.size() || step < kPageBytes) return;
        std::swap_ranges(copy.begin() + from,
                         copy.begin() + from + static_cast<std::ptrdiff_t>(step),
                         copy.begin() + static_cast<std::ptrdiff_t>(other));
      });
      change("older", [&](Bytes& copy) {
        if (at + step <= old.size()) std::copy_n(old.begin() + from, step, copy.begin() + from);
      });
      if (HasFatalFailure()) return;
    }
  }

  void cut(const std::string& path) {
    const Bytes bytes = disk_.bytes(path);
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 400);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      SimDisk damaged = disk_;
      damaged.set_bytes(path, ByteView(bytes).first(size));
      check(damaged, path, "cut to " + std::to_string(size));
      if (HasFatalFailure()) return;
    }
    SimDisk gone = disk_;
    ASSERT_TRUE(gone.remove(path, gone.newest_op() + 1).has_value());
    const std::string folder = path.substr(0, path.rfind('/'));
    ASSERT_TRUE(gone.sync_folder(folder).has_value());
    check(gone, path, "gone");
  }

  std::uint64_t seed_ = 1;
  SimDisk disk_;
  SimDisk older_;
  History history_;
  std::vector<std::string> paths_;
  Totals totals_;
};

TEST_P(Corruption, EverythingIsNoticedAndNothingWrongServed) {
  const std::uint64_t budget =
      from_environment("STELE_COUNT", 100'000) / 4 / std::max<std::size_t>(1, paths_.size());
  std::uint64_t spare = 0;  // what small files leave of their share
  std::ranges::sort(paths_, {}, [&](const std::string& path) { return disk_.bytes(path).size(); });
  for (const std::string& path : paths_) {
    const std::uint64_t before = totals_.damages;
    damage_pages(path);
    cut(path);
    const std::uint64_t size = disk_.bytes(path).size();
    std::uint64_t left = budget + spare - std::min(budget + spare, totals_.damages - before);
    for (; left > 0 && size > 0; ++seed_) {
      flip_bits(path, left);
      if (HasFatalFailure()) return;
      const std::uint64_t made = totals_.damages - before;
      left = budget + spare - std::min(budget + spare, made);
      if (size * 8 < made) break;
    }
    if (HasFatalFailure()) return;
    spare = left;
  }
  std::cout << "corruption left=" << GetParam().name << " files=" << paths_.size()
            << " damages=" << totals_.damages << " refused=" << totals_.refused
            << " partly=" << totals_.partly << " whole=" << totals_.whole << "\n";
}

INSTANTIATE_TEST_SUITE_P(Stores, Corruption,
                         testing::Values(Left{"Closed", true}, Left{"Running", false},
                                         Left{"Compacted", true, true},
                                         Left{"CompactedRunning", false, true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace stele::crash
