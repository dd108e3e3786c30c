#include "log/index/run_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "log/index/term_filter.h"

namespace stele::log {
namespace {

// Runs are merged if none is more than so many times as large as the others are on average.
constexpr std::uint64_t kLikeFactor = 2;
// While there is time, an older run joins if it is at most so many times as large as all newer
// ones: else it is read, which costs less than half of writing it.
constexpr std::uint64_t kSettleFactor = 4;

/// Runs by their begin, the longest first.
using Candidates = std::map<Position, std::vector<RunRange>>;

bool is_gone_for_good(const Error& error) {
  return error.code == Code::kCorrupt || error.code == Code::kUnsupported;
}

struct Folder {
  Candidates candidates;
  std::vector<std::string> unfinished;
  bool has_scratch = false;
};

Result<Folder> look_into(Env& env, const std::string& path) {
  Folder folder;
  STELE_TRY(const auto entries, env.list(path));
  for (const FolderEntry& entry : entries) {
    if (const auto range = parse_run_name(entry.name)) {
      folder.candidates[range->from].push_back(*range);
    } else if (entry.name.ends_with(".terms.new")) {
      folder.unfinished.push_back(entry.name);
    } else if (entry.is_folder && entry.name == kScratchFolder) {
      folder.has_scratch = true;
    }
  }
  for (auto& [from, ranges] : folder.candidates)
    std::ranges::sort(ranges, std::ranges::greater(), &RunRange::to);
  return folder;
}

Result<void> remove_scratch(Env& env, const std::string& folder) {
  const std::string scratch = fmt::format("{}/{}", folder, kScratchFolder);
  STELE_TRY(const auto entries, env.list(scratch));
  for (const FolderEntry& entry : entries)
    STELE_DO(env.remove(fmt::format("{}/{}", scratch, entry.name)));
  return env.remove(scratch);
}

}  // namespace

Result<bool> ChainedRun::may_hold(std::uint64_t hash) const {
  if (filter == nullptr) return run->may_hold(hash);
  const std::uint64_t lines = run->footer().filter_lines;
  return lines > 0 && filter_line_may_hold(
                          filter->data() + filter_line_of(hash, lines) * kFilterLineBytes, hash);
}

bool ChainedRun::may_hold_cached(std::uint64_t hash) const {
  if (filter == nullptr) return run->may_hold_cached(hash);
  const std::uint64_t lines = run->footer().filter_lines;
  return lines > 0 && filter_line_may_hold(
                          filter->data() + filter_line_of(hash, lines) * kFilterLineBytes, hash);
}

Result<ChainedRun> load_filter(RunPtr run) {
  if (run->filter_bytes() > kFilterMemoryBytesMax) return ChainedRun{.run = std::move(run)};
  STELE_TRY(Bytes lines, run->read_filter());
  return ChainedRun{.run = std::move(run),
                    .filter = std::make_shared<const Bytes>(std::move(lines))};
}

void bound_filters(RunChain& chain) {
  std::uint64_t bytes = 0;
  for (auto one = chain.rbegin(); one != chain.rend(); ++one) {
    if (one->filter == nullptr) continue;
    if (bytes + one->filter->size() > kFilterMemoryBytesMax) {
      one->filter = nullptr;
    } else {
      bytes += one->filter->size();
    }
  }
}

Result<FoundChain> find_chain(Env& env, const std::string& folder, const Uuid& store,
                              Position end_max) {
  STELE_TRY(Folder seen, look_into(env, folder));
  FoundChain found{.unfinished = std::move(seen.unfinished), .has_scratch = seen.has_scratch};
  for (auto& [from, ranges] : seen.candidates) {
    for (const RunRange range : ranges) {
      if (from == found.end() && range.to <= end_max) {
        auto run = Run::open(env, folder, range, store);
        if (run) {
          found.chain.push_back({.run = *std::move(run)});
          continue;
        }
        if (!is_gone_for_good(run.error())) return std::unexpected(std::move(run).error());
        found.damaged.push_back({.range = range, .error = std::move(run).error()});
      }
      found.others.push_back(range);
    }
  }
  return found;
}

Result<void> remove_others(Env& env, const std::string& folder, const FoundChain& found) {
  if (found.has_scratch) STELE_DO(remove_scratch(env, folder));
  if (found.others.empty() && found.unfinished.empty()) return {};
  for (const std::string& name : found.unfinished)
    STELE_DO(env.remove(fmt::format("{}/{}", folder, name)));
  for (const RunRange range : found.others)
    STELE_DO(env.remove(fmt::format("{}/{}", folder, run_name(range))));
  // A removed run that came back would be taken for one of what is written next.
  return env.sync_folder(folder);
}

Result<RunChain> open_chain(Env& env, const std::string& folder, const Uuid& store,
                            Position end_max) {
  STELE_TRY(FoundChain found, find_chain(env, folder, store, end_max));
  for (const FoundChain::Damaged& one : found.damaged) {
    env.report(Severity::kWarn, fmt::format("index_run_damaged file={} error=\"{}\"",
                                            run_name(one.range), one.error.text()));
  }
  STELE_DO(remove_others(env, folder, found));
  RunChain chain = std::move(found.chain);
  std::uint64_t filter_bytes = 0;
  for (auto one = chain.rbegin(); one != chain.rend(); ++one) {
    filter_bytes += one->run->filter_bytes();
    if (filter_bytes > kFilterMemoryBytesMax) break;
    auto loaded = load_filter(one->run);
    if (loaded) {
      *one = *std::move(loaded);
    } else if (!is_gone_for_good(loaded.error())) {
      return std::unexpected(std::move(loaded).error());
    }
  }
  return chain;
}

std::optional<MergePick> pick_settling(const RunChain& chain) {
  const auto knows_all = [](const ChainedRun& one) { return one.run->footer().unknown_bases == 0; };
  const auto found = std::ranges::find_if_not(chain, knows_all);
  const bool damaged =
      std::ranges::any_of(chain, [](const ChainedRun& one) { return one.run->damaged(); });
  if (found == chain.end() || damaged) return std::nullopt;
  auto first = static_cast<std::size_t>(found - chain.begin());
  std::uint64_t bytes = 0;
  for (std::size_t i = first; i < chain.size(); ++i) bytes += chain[i].run->file_bytes();
  for (; first > 0 && chain[first - 1].run->file_bytes() <= bytes * kSettleFactor; --first)
    bytes += chain[first - 1].run->file_bytes();
  return MergePick{.first = first, .count = chain.size() - first};
}

std::optional<MergePick> pick_merge(const RunChain& chain, std::int32_t merge_count) {
  const auto wanted = static_cast<std::size_t>(std::max(merge_count, 2));
  const bool too_many = chain.size() > kRunsMax;
  std::optional<MergePick> pick;
  std::uint64_t least = UINT64_MAX;
  for (std::size_t first = 0; first + wanted <= chain.size(); ++first) {
    const auto window = std::span(chain).subspan(first, wanted);
    std::uint64_t total = 0;
    std::uint64_t largest = 0;
    bool damaged = false;
    for (const ChainedRun& one : window) {
      total += one.run->file_bytes();
      largest = std::max(largest, one.run->file_bytes());
      damaged |= one.run->damaged();
    }
    const bool alike = largest * (wanted - 1) <= (total - largest) * kLikeFactor;
    if (damaged || total >= least || (!alike && !too_many)) continue;
    least = total;
    pick = MergePick{.first = first, .count = wanted};
  }
  return pick;
}

}  // namespace stele::log
