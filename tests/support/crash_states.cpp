#include "tests/support/crash_states.h"

#include <algorithm>
#include <set>

#include "log/base/check.h"
#include "tests/support/sim_random.h"

namespace stele {
namespace {

using Sectors = CrashChooser::Sectors;

Sectors whole(std::size_t version) {
  Sectors sectors;
  sectors.fill(static_cast<std::uint8_t>(version));
  return sectors;
}

// Keeps nothing and notes what it is asked.
class Survey final : public CrashChooser {
public:
  bool keep(std::size_t /*index*/, const FolderChange& change) override {
    moments.insert(change.op);
    return false;
  }
  std::size_t size(std::size_t /*index*/, std::span<const SizeVersion> sizes) override {
    for (const SizeVersion& version : sizes) moments.insert(version.op);
    return 0;
  }
  Sectors sectors(std::size_t /*index*/, std::span<const PageVersion> versions) override {
    for (const PageVersion& version : versions) moments.insert(version.op);
    newest.push_back(versions.back().op);
    return whole(0);
  }

  std::set<std::uint64_t> moments;
  std::vector<std::uint64_t> newest;  // by page
};

// Each kind: keep all, or all but number `odd`, or none but number `odd`.
struct Rule {
  static constexpr std::size_t kNone = ~std::size_t{0};
  bool keep = true;
  std::size_t odd = kNone;
  [[nodiscard]] bool operator()(std::size_t index) const { return (index == odd) != keep; }
};

class ByRule final : public CrashChooser {
public:
  bool keep(std::size_t index, const FolderChange& /*change*/) override { return entries(index); }
  std::size_t size(std::size_t index, std::span<const SizeVersion> sizes) override {
    return size_rule(index) ? sizes.size() : 0;
  }
  Sectors sectors(std::size_t index, std::span<const PageVersion> versions) override {
    return whole(pages(index) ? versions.size() : 0);
  }

  Rule entries;
  Rule size_rule;
  Rule pages;
};

// All is there but one half of the newest write.
class Torn final : public CrashChooser {
public:
  Torn(const std::vector<std::size_t>& pages, std::size_t boundary, bool keep_head)
      : pages_(pages), boundary_(boundary), keep_head_(keep_head) {}

  bool keep(std::size_t /*index*/, const FolderChange& /*change*/) override { return true; }
  std::size_t size(std::size_t /*index*/, std::span<const SizeVersion> sizes) override {
    return sizes.size();
  }
  Sectors sectors(std::size_t index, std::span<const PageVersion> versions) override {
    Sectors picks = whole(versions.size());
    auto found = std::ranges::find(pages_, index);
    if (found == pages_.end()) return picks;
    auto first = static_cast<std::size_t>(found - pages_.begin()) * kSectorsPerPage;
    for (std::size_t sector = 0; sector < kSectorsPerPage; ++sector) {
      bool is_head = first + sector < boundary_;
      if (is_head != keep_head_) --picks[sector];
    }
    return picks;
  }

private:
  const std::vector<std::size_t>& pages_;
  std::size_t boundary_;
  bool keep_head_;
};

class Drawn final : public CrashChooser {
public:
  Drawn(std::uint64_t seed, const std::vector<std::uint64_t>& moments) : random_(seed) {
    constexpr std::array<unsigned, 4> kKeepPercent{100, 90, 10, 50};
    std::size_t kind = random_.below(kKeepPercent.size());
    keep_percent_ = kKeepPercent[kind];
    if (kind == 0 && !moments.empty()) last_op_ = moments[random_.below(moments.size())];
    torn_percent_ = random_.below(3) == 0 ? 30 : 0;
  }

  bool keep(std::size_t /*index*/, const FolderChange& change) override {
    return change.op <= last_op_ && random_.chance(keep_percent_);
  }
  std::size_t size(std::size_t /*index*/, std::span<const SizeVersion> sizes) override {
    return pick(sizes);
  }
  Sectors sectors(std::size_t /*index*/, std::span<const PageVersion> versions) override {
    Sectors picks = whole(pick(versions));
    if (!random_.chance(torn_percent_)) return picks;
    bool scattered = random_.chance(50);
    std::size_t boundary = random_.below(kSectorsPerPage);
    std::size_t other = random_.below(versions.size() + 1);
    for (std::size_t sector = 0; sector < kSectorsPerPage; ++sector) {
      if (scattered) other = random_.below(versions.size() + 1);
      if (scattered || sector >= boundary) picks[sector] = static_cast<std::uint8_t>(other);
    }
    return picks;
  }

private:
  template <class Version>
  std::size_t pick(std::span<const Version> versions) {
    auto later = std::ranges::find_if(
        versions, [this](const Version& version) { return version.op > last_op_; });
    auto newest = static_cast<std::size_t>(later - versions.begin());
    if (newest == 0 || random_.chance(keep_percent_)) return newest;
    return random_.below(newest);
  }

  SimRandom random_;
  unsigned keep_percent_;
  unsigned torn_percent_ = 0;
  std::uint64_t last_op_ = ~std::uint64_t{0};
};

}  // namespace

CrashStates::CrashStates(const SimDisk& disk) : disk_(disk), counts_(disk.unsynced()) {
  Survey survey;
  (void)disk.crash_state(survey);
  moments_.assign(survey.moments.begin(), survey.moments.end());
  if (survey.newest.empty()) return;
  std::uint64_t last = std::ranges::max(survey.newest);
  for (std::size_t page = 0; page < survey.newest.size(); ++page) {
    if (survey.newest[page] == last) last_write_pages_.push_back(page);
  }
}

std::size_t CrashStates::canonical_count() const {
  std::size_t alone = counts_.entries + counts_.sizes + counts_.pages;
  std::size_t boundaries =
      last_write_pages_.empty() ? 0 : last_write_pages_.size() * kSectorsPerPage - 1;
  return 2 + 2 * alone + 2 * boundaries;
}

SimDisk CrashStates::canonical(std::size_t index) const {
  STELE_CHECK(index < canonical_count());
  std::size_t alone = 2 * (counts_.entries + counts_.sizes + counts_.pages);
  if (index >= 2 + alone) return torn(index - 2 - alone);
  if (index >= 2) return one_alone(index - 2);
  ByRule all_or_nothing;
  for (Rule* rule : {&all_or_nothing.entries, &all_or_nothing.size_rule, &all_or_nothing.pages}) {
    rule->keep = index == 1;
  }
  return disk_.crash_state(all_or_nothing);
}

SimDisk CrashStates::one_alone(std::size_t index) const {
  Rule rule{.keep = index % 2 == 0, .odd = index / 2};
  ByRule chooser;
  if (rule.odd < counts_.entries) {
    chooser.entries = rule;
    return disk_.crash_state(chooser);
  }
  rule.odd -= counts_.entries;
  if (rule.odd < counts_.sizes) {
    chooser.size_rule = rule;
    return disk_.crash_state(chooser);
  }
  rule.odd -= counts_.sizes;
  chooser.pages = rule;
  return disk_.crash_state(chooser);
}

SimDisk CrashStates::torn(std::size_t index) const {
  Torn chooser(last_write_pages_, index / 2 + 1, index % 2 == 0);
  return disk_.crash_state(chooser);
}

SimDisk CrashStates::random(std::uint64_t seed) const {
  Drawn chooser(seed, moments_);
  return disk_.crash_state(chooser);
}

std::size_t CrashStates::each(std::size_t count, std::uint64_t seed, const Visit& visit) const {
  std::set<ImageHash> seen;
  auto offer = [&](const SimDisk& state, std::string_view kind, std::uint64_t number) {
    if (!seen.insert(state.image_hash()).second) return false;
    visit(state, std::string(kind) + " " + std::to_string(number));
    return true;
  };
  for (std::size_t i = 0; i < canonical_count() && seen.size() < count; ++i) {
    offer(canonical(i), "canonical", i);
  }
  constexpr int kRepeatsMax = 200;  // as many repeats in a row: the disk has hardly any more
  for (int repeats = 0; seen.size() < count && repeats < kRepeatsMax; ++seed) {
    repeats = offer(random(seed), "random", seed) ? 0 : repeats + 1;
  }
  return seen.size();
}

}  // namespace stele
