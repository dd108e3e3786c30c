// The runs of an index, oldest first, without a gap from position 0: which files they are at open,
// which filters are in memory, which runs are merged next.
//
// Thread: value types; a chain that was published never changes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// The run with its filter, if one as large as that is ever held. kCorrupt, kIo.
Result<ChainedRun> load_filter(RunPtr run);
/// Drops filters, the oldest runs' first, that are over kFilterMemoryBytesMax.
void bound_filters(RunChain& chain);

/// Beside the runs: where an index is built that is to be compared with them (log/store/
/// index_verify.h). Whatever stands there when an index is opened was left behind.
inline constexpr std::string_view kScratchFolder = "scratch";

/// What a folder holds. Changes nothing.
struct FoundChain {
  struct Damaged {
    RunRange range;
    Error error;
  };
  RunChain chain;                       ///< without filters
  std::vector<Damaged> damaged;         ///< runs that the chain would have had
  std::vector<RunRange> others;         ///< all runs that are not in the chain, damaged ones too
  std::vector<std::string> unfinished;  ///< names
  bool has_scratch = false;             ///< kScratchFolder is there
  [[nodiscard]] Position end() const {
    return chain.empty() ? Position(0) : chain.back().run->range().to;
  }
};
/// The longest chain of whole runs from position 0 to at most `end_max`; of two runs that begin at
/// the same position the longer one. kIo, kOverloaded, kNotFound.
Result<FoundChain> find_chain(Env& env, const std::string& folder, const Uuid& store,
                              Position end_max);
/// Removes everything that is not in the chain, durably.
Result<void> remove_others(Env& env, const std::string& folder, const FoundChain& found);

/// find_chain(); what is not in it is removed, durably; damaged runs are reported. kIo, kNoSpace,
/// kOverloaded.
Result<RunChain> open_chain(Env& env, const std::string& folder, const Uuid& store,
                            Position end_max);

/// So many runs at most: beyond it neighbours are merged whatever their sizes, and appends wait.
inline constexpr std::size_t kRunsMax = 64;

/// Which `merge_count` neighbours to merge: of like size, those with the fewest bytes.
struct MergePick {
  std::size_t first = 0;
  std::size_t count = 0;
};
[[nodiscard]] std::optional<MergePick> pick_merge(const RunChain& chain, std::int32_t merge_count);
/// Which of the newest runs to make one with all bases known, reading the older ones beside them:
/// all from the first that does not know some, and such before it as are not much larger. Nullopt:
/// every base is known.
[[nodiscard]] std::optional<MergePick> pick_settling(const RunChain& chain);

}  // namespace stele::log
