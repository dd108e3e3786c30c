// The index of a store: for each term the positions of its events, in order. Derived data: lost or
// damaged, it is rebuilt from the log.
//
//   add() ─► tail (memory, ≤ tail_bytes_max) ──cut──► run [from, to) ──merge──► larger runs
//            newest positions                        immutable files, sorted by hash, filters
//
// A run covers a range of positions; the runs follow each other from position 0 without a gap, and
// the tail covers what comes behind them. Runs of like size that follow each other are merged into
// one (size-tiered), so that their number grows with the logarithm of the store. Heads are nothing
// of their own: a term's newest entry is its head. A term's n-th position is its event number n;
// for a stream that is the version.
//
// Invariants: what add() was told counts at once for head(), which the sequencer asks; readers
// bound what they ask for by the durable end, so that nothing undurable is shown. A run file's name
// says its range: <from>-<to>.terms. No file is changed after it has its name. Threads: add(),
// upkeep() and the sequencer's head() belong to whoever runs the core; head(), postings(), stats()
// to anybody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/env/env.h"
#include "log/index/term.h"

namespace stele::log {

struct TermIndexOptions {
  std::uint64_t tail_bytes_max = 40
                                 << 20;  ///< the tail is cut into a run beyond this; there are two
  std::uint64_t cache_bytes_max = 32 << 20;     ///< heads of hot terms
  std::uint64_t hash_mask = ~std::uint64_t{0};  ///< tests only: forces hash collisions
  std::int32_t merge_count = 8;                 ///< runs of like size that are merged into one
  /// The log ends here: runs that reach beyond it (of a log restored from a backup) are removed.
  Position end_max{INT64_MAX};
};

/// The newest event of a term.
struct TermHead {
  std::int64_t count = 0;  ///< events it ever had; of a stream: last version + 1
  Position last;
  std::int32_t partition = 0;  ///< where its last event went
  friend bool operator==(const TermHead&, const TermHead&) = default;
};

struct Posting {
  Position position;
  std::int64_t number = 0;  ///< which event of the term, from 0; of a stream: its version
  friend bool operator==(const Posting&, const Posting&) = default;
};

/// The positions of one term as they were when it was made. Pins the runs it reads.
class PostingReader {
public:
  PostingReader() = default;
  PostingReader(const PostingReader&) = delete;
  PostingReader& operator=(const PostingReader&) = delete;
  virtual ~PostingReader() = default;

  /// Events of the term, all that were added when the reader was made.
  [[nodiscard]] virtual std::int64_t count() const = 0;
  /// At most `max` postings at or behind `from`, oldest first; fewer only at the end. kCorrupt,
  /// kIo.
  virtual Result<std::vector<Posting>> forward(Position from, std::size_t max) = 0;
  /// At most `max` postings before `below`, newest first.
  virtual Result<std::vector<Posting>> backward(Position below, std::size_t max) = 0;
  /// The event number `number`; nullopt if there is none.
  virtual Result<std::optional<Posting>> at_number(std::int64_t number) = 0;
};

struct TermIndexStats {
  std::int64_t run_count = 0, merges = 0, cuts = 0;
  std::uint64_t run_bytes = 0, tail_bytes = 0, cache_bytes = 0;
  std::int64_t tail_terms = 0;
  std::int64_t block_reads = 0;  ///< blocks that head() had to read from run files
  /// Terms in runs that do not know how many events were before them: their heads cost a block for
  /// each run that has them. None are left once the index was quiet for a while.
  std::int64_t unsettled_terms = 0;
  Position indexed_to;       ///< where the runs end
  std::string last_failure;  ///< of a cut or merge; empty: none
};

class TermIndex {
public:
  /// Opens what is in `folder` (made if it is not there): the longest unbroken chain of whole runs
  /// from position 0; files beyond a gap or superseded by a merge are removed. indexed_to() tells
  /// from where the caller adds again. kIo, kNoSpace; a damaged run is reported, removed, and ends
  /// the chain.
  static Result<std::unique_ptr<TermIndex>> open(Env& env, std::string folder, const Uuid& store,
                                                 TermIndexOptions options);
  virtual ~TermIndex() = default;

  [[nodiscard]] virtual const TermHasher& hasher() const = 0;

  // --- the core ---

  /// The runs end here: the first position that the tail holds or will hold.
  [[nodiscard]] virtual Position indexed_to() const = 0;
  /// The batch's record i stands at `first` + i, in partition `partition`. Positions never
  /// decrease.
  virtual void add(const BatchTerms& terms, Position first, std::int32_t partition) = 0;
  /// All positions below `end` have been told of (batches without terms too).
  virtual void advance(Position end) = 0;
  /// Cuts the tail and merges runs if it is time, off the core (Env::offload_background).
  /// `durable`: only positions below it go into a run. `ids_wanted_from`: event ids below that
  /// position are dropped by merges. Cheap when nothing is due. While nothing is added, the newest
  /// runs are settled: made one in which every term knows what was before it.
  virtual void upkeep(Position durable, Position ids_wanted_from) = 0;
  /// Cuts the tail whatever its size, waiting for it (clean stop, tests). kIo, kNoSpace.
  virtual Result<void> flush(Position durable) = 0;
  /// True while the tail is over four times tail_bytes_max because cuts fail or lag: appends to
  /// indexed topics are to be refused with kOverloaded.
  [[nodiscard]] virtual bool overloaded() const = 0;
  /// True while a tail is being cut and the next one is full already, or while runs are merged and
  /// there are too many: nothing should be added until upkeep() finds that done. False if it
  /// failed: then overloaded() comes.
  [[nodiscard]] virtual bool lagging() const = 0;
  [[nodiscard]] virtual bool running() const = 0;
  virtual void stop() = 0;

  // --- anybody ---

  /// Nullopt: the term has no event. At most one block read a run whose filter knows the term; none
  /// if the term is in the tail with a known count, in the cache, or new. kCorrupt, kIo.
  [[nodiscard]] virtual Result<std::optional<TermHead>> head(const TermView& term) const = 0;
  /// Quick and without disk: the term certainly has no event at or behind `from`.
  [[nodiscard]] virtual bool certainly_none_from(const TermView& term, Position from) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<PostingReader>> postings(
      const TermView& term) const = 0;
  /// Calls `each` for the terms of a kind (streams: of one topic), in no order, with their heads;
  /// stops when it answers false. For listings: reads all runs.
  virtual Result<void> for_each(
      TermKind kind, const Uuid& topic,
      const std::function<bool(const TermView&, const TermHead&)>& each) const = 0;
  [[nodiscard]] virtual TermIndexStats stats() const = 0;
};

}  // namespace stele::log
