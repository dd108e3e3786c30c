#include "projections/state/snapshot_folder.h"

#include <algorithm>

#include "projections/state/snapshot_format.h"
#include "projections/state/state_folder.h"

namespace stele::projections {

std::string SnapshotFolder::path_of(std::uint64_t event_count) const {
  return path_in(path_, snapshot_name(event_count));
}

Result<std::vector<std::uint64_t>> SnapshotFolder::list() const {
  STELE_TRY(const std::vector<FolderEntry> entries, env_.list(path_));
  std::vector<std::uint64_t> counts;
  for (const FolderEntry& entry : entries) {
    const auto count = entry.is_folder ? std::nullopt : snapshot_event_count(entry.name);
    if (count.has_value()) counts.push_back(*count);
  }
  std::ranges::sort(counts, std::ranges::greater{});
  return counts;
}

void SnapshotFolder::remove_old(std::uint64_t newest, std::uint32_t keep) {
  const auto counts = list();
  if (!counts) return;
  std::uint32_t kept = 1;
  for (const std::uint64_t count : *counts) {
    if (count == newest) continue;
    const bool unusable =
        begun_anew_ || std::ranges::find(passed_over_, count) != passed_over_.end();
    if (!unusable && kept < keep) {
      ++kept;
      continue;
    }
    // The next call tries again.
    if (!env_.remove(path_of(count))) return;
  }
  passed_over_.clear();
  begun_anew_ = false;
}

}  // namespace stele::projections
