#include "log/index/run_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "log/index/term_filter.h"

namespace stele::log {
namespace {

// A run joins newer ones if it is at most so many times as large as the largest of them.
constexpr std::uint64_t kLikeFactor = 2;

/// Runs by their begin, the longest first.
using Candidates = std::map<Position, std::vector<RunRange>>;

bool is_gone_for_good(const Error& error) {
  return error.code == Code::kCorrupt || error.code == Code::kUnsupported;
}

struct Folder {
  Candidates candidates;
  std::vector<std::string> unfinished;
};

Result<Folder> look_into(Env& env, const std::string& path) {
  Folder folder;
  STELE_TRY(const auto entries, env.list(path));
  for (const FolderEntry& entry : entries) {
    if (const auto range = parse_run_name(entry.name)) {
      folder.candidates[range->from].push_back(*range);
    } else if (entry.name.ends_with(".terms.new")) {
      folder.unfinished.push_back(entry.name);
    }
  }
  for (auto& [from, ranges] : folder.candidates)
    std::ranges::sort(ranges, std::ranges::greater(), &RunRange::to);
  return folder;
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

Result<RunChain> open_chain(Env& env, const std::string& folder, const Uuid& store,
                            Position end_max) {
  STELE_TRY(Folder found, look_into(env, folder));
  std::vector<std::string> removed = std::move(found.unfinished);
  RunChain chain;
  Position end;
  for (auto& [from, ranges] : found.candidates) {
    for (const RunRange range : ranges) {
      if (from == end && range.to <= end_max) {
        auto run = Run::open(env, folder, range, store);
        if (run) {
          chain.push_back({.run = *std::move(run)});
          end = range.to;
          continue;
        }
        if (!is_gone_for_good(run.error())) return std::unexpected(std::move(run).error());
        env.report(Severity::kWarn, fmt::format("index_run_damaged file={} error=\"{}\"",
                                                run_name(range), run.error().text()));
      }
      removed.push_back(run_name(range));
    }
  }
  for (const std::string& name : removed) STELE_DO(env.remove(folder + "/" + name));
  // A removed run that came back would be taken for one of what is written next.
  if (!removed.empty()) STELE_DO(env.sync_folder(folder));
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

std::optional<MergePick> pick_merge(const RunChain& chain, std::int32_t merge_count) {
  const auto wanted = static_cast<std::size_t>(std::max(merge_count, 2));
  for (std::size_t end = chain.size(); end >= wanted; --end) {
    std::uint64_t largest = chain[end - 1].run->file_bytes();
    std::size_t first = end;
    while (first > 0 && end - first < wanted) {
      const Run& next = *chain[first - 1].run;
      if (next.damaged() || next.file_bytes() > largest * kLikeFactor) break;
      largest = std::max(largest, next.file_bytes());
      --first;
    }
    if (end - first == wanted) return MergePick{.first = first, .count = wanted};
  }
  return std::nullopt;
}

}  // namespace stele::log
