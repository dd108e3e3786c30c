// Asks a run's filter for hashes in ascending order: each of its blocks is read once.
//
// Memory: one block. Thread: one.
#pragma once

#include <optional>

#include "log/index/run_chain.h"
#include "log/index/term_filter.h"

namespace stele::log {

class FilterScan {
public:
  explicit FilterScan(ChainedRun run) : run_(std::move(run)) {}

  /// True if it may, or if that cannot be read.
  [[nodiscard]] bool may_hold(std::uint64_t hash) {
    const std::uint64_t lines = run_.run->footer().filter_lines;
    if (lines == 0) return false;
    if (run_.filter != nullptr) return run_.may_hold_cached(hash);
    const std::uint64_t line = filter_line_of(hash, lines);
    const std::uint64_t index = line / kFilterLinesPerBlock;
    if (index != index_) {
      index_ = index;
      readable_ = run_.run->read_filter_block(index, block_).has_value();
    }
    return !readable_ ||
           filter_line_may_hold(
               block_.payload().data() + line % kFilterLinesPerBlock * kFilterLineBytes, hash);
  }
  /// False if a block that was asked for could not be read.
  [[nodiscard]] bool readable() const { return !index_ || readable_; }

private:
  ChainedRun run_;
  RunBlock block_;
  std::optional<std::uint64_t> index_;
  bool readable_ = false;
};

}  // namespace stele::log
