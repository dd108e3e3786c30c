// Joins the stretches of one term (runs, a frozen tail, the tail) into one list with event numbers.
//
//   run [0, 900)      run [900, 1200)      tail [1200, …)
//   base 0, 7 events  base 7, 2 events     base unknown: 9, of those before
//
// A stretch is looked up when it is needed, from the newest to the oldest, and none older than the
// first one that knows its base and is not read.
// Thread: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "log/index/posting_pieces.h"
#include "log/index/term_index.h"

namespace stele::log {

/// A term's part in one stretch of positions.
struct PostingStretch {
  std::optional<std::int64_t> base;  ///< events before it, if it knows
  bool keeps_all = true;  ///< false: older events may have been dropped, bases need not add up
  std::unique_ptr<PostingPieces> pieces;
};

/// Finds the term in a stretch that the index has; nullopt: it is not there. kCorrupt, kIo.
struct StretchSource {
  Position end;  ///< the stretch lies before it
  std::function<Result<std::optional<PostingStretch>>()> find;
};

class StretchedPostings final : public PostingReader {
public:
  /// `sources`: newest first. Reads until the number of every event is known.
  static Result<std::unique_ptr<PostingReader>> open(std::vector<StretchSource> sources);

  [[nodiscard]] std::int64_t count() const override { return count_; }
  Result<std::vector<Posting>> forward(Position from, std::size_t max) override;
  Result<std::vector<Posting>> backward(Position below, std::size_t max) override;
  Result<std::optional<Posting>> at_number(std::int64_t number) override;

private:
  struct Part {
    std::int64_t base = 0;
    std::unique_ptr<PostingPieces> pieces;
    [[nodiscard]] std::int64_t end_number() const { return base + pieces->count(); }
  };
  /// Looks up one source more; false: there is none left that could hold the term.
  Result<bool> load_older();
  /// Loads what lies at or behind `from`.
  Result<void> load_from(Position from);

  std::vector<StretchSource> sources_;
  std::size_t next_source_ = 0;
  std::vector<Part> parts_;  // newest first
  std::int64_t count_ = 0;
};

}  // namespace stele::log
