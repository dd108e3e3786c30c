// Where the events of a read may be: positions in the read's direction, from the index.
//
//   stream, tag, type   the postings of a term
//   all of some tags    intersection, the rarest first, leaping from candidate to candidate
//   one of some types   union, each position once
//   everything          every position
//
// A candidate is read and checked before it is given out. The work of a page is bounded: when its
// budget is used up, seek() answers how far it has come.
// Thread: its owner's.
#pragma once

#include <memory>
#include <vector>

#include "log/index/term_index.h"

namespace stele::log {

/// Postings that a page may still look at.
class WorkBudget {
public:
  explicit WorkBudget(std::int64_t postings) : left_(postings) {}
  void take(std::int64_t postings) { left_ -= postings; }
  [[nodiscard]] bool used_up() const { return left_ <= 0; }

private:
  std::int64_t left_;
};

struct Sought {
  enum class Kind : std::uint8_t { kFound, kNone, kPaused };
  Kind kind = Kind::kNone;
  Position position;  ///< kFound; kPaused: nothing stands between the place asked for and this
  std::int64_t number = -1;  ///< of the posting, where the source is a single term
};

class CandidateSource {
public:
  CandidateSource() = default;
  CandidateSource(const CandidateSource&) = delete;
  CandidateSource& operator=(const CandidateSource&) = delete;
  virtual ~CandidateSource() = default;

  /// Forward: the first at or behind `place`; backward: the last at or before it. Places asked for
  /// move in the direction. kCorrupt, kIo.
  virtual Result<Sought> seek(Position place) = 0;
  /// At most so many candidates: the order of an intersection.
  [[nodiscard]] virtual std::int64_t count() const = 0;
};

using CandidateSourcePtr = std::unique_ptr<CandidateSource>;

struct SourceOptions {
  bool forward = true;
  std::size_t first_chunk = 16;  ///< postings read at first; more and more, if many are wanted
};

/// `budget` outlives the sources.
[[nodiscard]] CandidateSourcePtr postings_source(std::shared_ptr<PostingReader> postings,
                                                 const SourceOptions& options, WorkBudget& budget);
[[nodiscard]] CandidateSourcePtr intersection_source(std::vector<CandidateSourcePtr> sources,
                                                     WorkBudget& budget);
[[nodiscard]] CandidateSourcePtr union_source(std::vector<CandidateSourcePtr> sources,
                                              bool forward);
[[nodiscard]] CandidateSourcePtr everything_source();

}  // namespace stele::log
