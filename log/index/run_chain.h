// The runs of an index, oldest first, without a gap from position 0: which files they are at open,
// which filters are in memory, which runs are merged next.
//
// Thread: value types; a chain that was published never changes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "log/index/run.h"

namespace stele::log {

/// A run and, if it is in memory, its filter.
struct ChainedRun {
  RunPtr run;
  std::shared_ptr<const Bytes> filter = nullptr;

  /// False: the run does not hold the hash. kCorrupt, kIo.
  [[nodiscard]] Result<bool> may_hold(std::uint64_t hash) const;
  /// The same without the disk; true if that cannot be told.
  [[nodiscard]] bool may_hold_cached(std::uint64_t hash) const;
};
using RunChain = std::vector<ChainedRun>;

/// Filters of so many bytes are held in memory, the newest runs' first: 20 million terms, so that a
/// term is known to be new without a system call. Those of larger runs are read from the file.
inline constexpr std::uint64_t kFilterMemoryBytesMax = 24 << 20;

/// The run with its filter, if one as large as that is ever held. kCorrupt, kIo.
Result<ChainedRun> load_filter(RunPtr run);
/// Drops filters, the oldest runs' first, that are over kFilterMemoryBytesMax.
void bound_filters(RunChain& chain);

/// The longest chain of whole runs from position 0 to at most `end_max`; of two runs that begin at
/// the same position the longer one. All other runs and unfinished files are removed, durably:
/// damaged ones are reported. kIo, kNoSpace, kOverloaded.
Result<RunChain> open_chain(Env& env, const std::string& folder, const Uuid& store,
                            Position end_max);

/// Which `merge_count` neighbours to merge: of like size, the newest such.
struct MergePick {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] std::optional<MergePick> pick_merge(const RunChain& chain, std::int32_t merge_count);

}  // namespace stele::log
