// Walks several runs at once, in the order of their terms: what merges and listings do.
//
// Memory: a block a run. Thread: one.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "log/index/run.h"
#include "log/index/run_writer.h"

namespace stele::log {

/// The entries of one run, one after the other.
class RunCursor {
public:
  /// `number`: which one of a join's.
  RunCursor(RunPtr run, std::size_t number, const TermHasher& hasher)
      : run_(std::move(run)), number_(number), hasher_(hasher) {}

  /// False at the end. kCorrupt (wrong order too), kIo.
  Result<bool> next();
  [[nodiscard]] const RunEntry& entry() const { return reader_->entry(); }
  [[nodiscard]] std::size_t number() const { return number_; }
  /// Good until next().
  [[nodiscard]] const TermView& term() const { return term_; }
  /// The postings, to be copied to `writer`; ends early if `stop` is set. kCorrupt, kIo, kNoSpace.
  Result<void> copy_postings(RunWriter& writer, const std::atomic<bool>& stop) const;
  /// The same, to be read; good until next().
  [[nodiscard]] std::unique_ptr<RunPieces> pieces() const;

private:
  RunPtr run_;
  std::size_t number_;
  TermHasher hasher_;
  RunBlock block_;
  std::optional<RunEntryReader> reader_;
  std::size_t next_fence_ = 0;
  TermView term_;
  Bytes last_bytes_;  // of the entry before, whose block may be gone
};

class RunJoin {
public:
  /// `runs`: oldest first.
  RunJoin(const std::vector<RunPtr>& runs, const TermHasher& hasher);

  /// On to the next term; false at the end. kCorrupt, kIo.
  Result<bool> next();
  [[nodiscard]] const TermView& term() const { return parts_.front()->term(); }
  /// The runs that hold it, oldest first; never empty.
  [[nodiscard]] const std::vector<RunCursor*>& parts() const { return parts_; }
  /// Whether run `index` is one of them.
  [[nodiscard]] bool holds(std::size_t index) const {
    return std::ranges::find(parts_, index, &RunCursor::number) != parts_.end();
  }

private:
  std::vector<std::unique_ptr<RunCursor>> cursors_;
  std::vector<RunCursor*> heap_;   // the rest, the least term in front
  std::vector<RunCursor*> parts_;  // to be moved on
};

}  // namespace stele::log
