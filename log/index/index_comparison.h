// Compares the runs of an index with those of one just built from the log, term by term, and makes
// one run of both.
//
//   on disk  ─►┐  by (hash, kind, topic, bytes)   ┌─► differences, the first one named
//   built    ─►┴─ each posting of each term ──────┴─► (rebuild) a run: what was built, and of the
//                                                     events that the log let go of what was on
//                                                     disk
//
// The same, exactly: which terms there are; each one's positions; the event numbers that entries
// begin with; the partition of its newest event; that the filter of each run knows it. Not the
// same by right: postings of events that the log has let go of, which stay counted; event ids
// that are no longer wanted. Where the runs begin and end may differ.
//
// Memory: a few blocks a run. Thread: one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/index/filter_scan.h"
#include "log/index/position_set.h"
#include "log/index/run_join.h"

namespace stele::log {

/// The positions of the parts of one term, one after the other.
class PostingStream {
public:
  explicit PostingStream(const std::vector<RunCursor*>& parts) : parts_(parts) {}

  /// False at the end. kCorrupt, kIo.
  Result<bool> next();
  [[nodiscard]] Position position() const { return piece_.positions[at_]; }
  /// Postings before this one.
  [[nodiscard]] std::int64_t index() const { return index_; }
  /// Set where a part begins: how many events its entry says were before it, if it says so.
  [[nodiscard]] std::optional<std::int64_t> begun_base() const { return begun_base_; }

private:
  const std::vector<RunCursor*>& parts_;
  std::size_t next_part_ = 0;
  std::unique_ptr<RunPieces> pieces_;
  PostingPiece piece_;
  std::size_t at_ = 0;
  std::int64_t index_ = -1;
  std::optional<std::int64_t> begun_base_;
};

struct TermDifference {
  Term term;
  std::optional<Position> position;
  std::string what;
};

/// What the log cannot say.
struct ComparisonRules {
  PositionSet gone;          ///< events that the log let go of: postings on disk are kept
  PositionSet deleted;       ///< of deleted topics: postings on disk are left over
  Position ids_wanted_from;  ///< event ids below it may be missing
  Position disk_end;         ///< where the runs on disk end: nothing is missing behind it
  Position end{INT64_MAX};   ///< where what was built ends: nothing is too much behind it
};

struct ComparisonCounts {
  std::int64_t terms = 0, postings = 0;  ///< of either
  std::int64_t gone_postings = 0;        ///< on disk, of events that were let go of
  std::int64_t deleted_postings = 0;     ///< on disk, of deleted topics
  std::int64_t dropped_ids = 0;          ///< event ids that are not on disk, and need not be
  std::int64_t differences = 0;
};

class IndexComparison {
public:
  static constexpr std::size_t kDifferencesMax = 100;

  /// `disk` and `built`: oldest first. `rules` outlives it.
  IndexComparison(const RunChain& disk, const RunChain& built, const TermHasher& hasher,
                  const ComparisonRules& rules);

  /// Compares one term; false: there are no more. Writes it to `into`, which begins at position
  /// 0, unless that is null. kCorrupt (file and block named), kIo; of `into` kNoSpace.
  Result<bool> next(RunWriter* into);

  [[nodiscard]] const ComparisonCounts& counts() const { return counts_; }
  /// At most kDifferencesMax, in the order of the terms.
  [[nodiscard]] const std::vector<TermDifference>& differences() const { return differences_; }

private:
  struct Side {
    Side(const RunChain& chain, const TermHasher& hasher);
    Result<void> advance();
    RunJoin join;
    std::vector<FilterScan> filters;
    bool begun = false;
    bool more = true;
  };
  class Output;

  Result<void> compare(bool on_disk, bool in_built, RunWriter* into);
  Result<void> compare_postings(const TermView& term, const std::vector<RunCursor*>& disk,
                                const std::vector<RunCursor*>& built, Output& output);
  Result<void> check_disk_only(const TermView& term, Position position, Output& output);
  /// True if it is wanted.
  bool check_built_only(const TermView& term, Position position);
  void check_base(const TermView& term, const PostingStream& disk);
  void check_partition(const TermView& term, const RunEntry& disk, const RunEntry& built);
  void check_filters(const TermView& term);
  void differs(const TermView& term, std::optional<Position> position, std::string what);

  const ComparisonRules& rules_;
  Side disk_;
  Side built_;
  ComparisonCounts counts_;
  std::vector<TermDifference> differences_;
};

}  // namespace stele::log
