// A run as it is read: one immutable file. In memory: its topics and, of every entry block, half a
// hash (8 B for 4 KiB), so that a term is found with one block read.
//
// Whoever holds it keeps the file open; its name may be gone meanwhile.
// Invariant: nothing is given that was not checked; a damaged block is kCorrupt, and damaged() says
// so from then on.
// Thread: any.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "log/env/env.h"
#include "log/index/posting_pieces.h"
#include "log/index/run_format.h"

namespace stele::log {

class Run;
using RunPtr = std::shared_ptr<const Run>;

/// An entry with the block it stands in.
struct FoundEntry {
  std::unique_ptr<RunBlock> block;
  RunEntry entry;
};

/// Where an entry block begins.
struct RunFence {
  std::uint32_t hash = 0;  ///< upper half of its first entry's
  std::uint32_t block = 0;
};

class Run {
public:
  /// kCorrupt, kUnsupported: not a whole run of this store; kNotFound, kOverloaded, kIo.
  static Result<RunPtr> open(Env& env, const std::string& folder, RunRange range,
                             const Uuid& store);

  [[nodiscard]] RunRange range() const { return footer_.range; }
  [[nodiscard]] const RunFooter& footer() const { return footer_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t file_bytes() const { return (footer_.footer_at() + 1) * kBlockBytes; }
  [[nodiscard]] std::uint64_t filter_bytes() const {
    return footer_.filter_lines * kFilterLineBytes;
  }
  [[nodiscard]] bool damaged() const { return damaged_.load(std::memory_order_relaxed); }

  /// Nullopt: it is not here. `block_reads` counts. kCorrupt, kIo.
  [[nodiscard]] Result<std::optional<FoundEntry>> find(
      const TermView& term, std::atomic<std::int64_t>& block_reads) const;
  /// The filter's answer, read from the file. kCorrupt, kIo.
  [[nodiscard]] Result<bool> may_hold(std::uint64_t hash) const;
  /// The same without the disk; true if that cannot be told.
  [[nodiscard]] bool may_hold_cached(std::uint64_t hash) const;
  /// All lines of the filter. kCorrupt, kIo.
  [[nodiscard]] Result<Bytes> read_filter() const;
  /// One block of the filter, with kFilterLinesPerBlock lines. kCorrupt, kIo.
  Result<void> read_filter_block(std::uint64_t index, RunBlock& into) const;

  [[nodiscard]] const std::vector<RunFence>& fences() const { return fences_; }
  [[nodiscard]] const std::vector<Uuid>& topics() const { return topics_; }
  /// kCorrupt, kIo.
  Result<void> read(RunBlockKind kind, std::uint64_t index, RunBlock& into) const;
  /// The error for contents that make no sense in block `index`.
  [[nodiscard]] std::unexpected<Error> malformed(std::uint64_t index) const;

private:
  Run() = default;
  Result<void> load(const Uuid& store, RunRange range);
  Result<void> load_topics();
  Result<void> load_fences();
  [[nodiscard]] std::optional<std::uint32_t> topic_number(const TermView& term) const;
  Result<bool> find_in(std::uint32_t index, const TermView& term, std::uint32_t topic,
                       FoundEntry& found) const;

  std::string path_;
  std::unique_ptr<File> file_;
  RunFooter footer_;
  std::uint64_t seed_ = 0;
  std::vector<Uuid> topics_;
  std::vector<std::pair<Uuid, std::uint32_t>> topic_numbers_;  // sorted
  std::vector<RunFence> fences_;
  mutable std::atomic<bool> damaged_ = false;
};

/// The postings of an entry.
class RunPieces final : public PostingPieces {
public:
  RunPieces(RunPtr run, FoundEntry found) : run_(std::move(run)), found_(std::move(found)) {}

  [[nodiscard]] std::int64_t count() const override { return found_.entry.count; }
  [[nodiscard]] Result<PostingPiece> by_index(std::int64_t index) const override;
  [[nodiscard]] Result<PostingPiece> by_position(Position position) const override;

private:
  struct Part {
    std::uint64_t block = 0;
    ListPart part;
  };
  [[nodiscard]] Result<PostingPiece> whole() const;
  [[nodiscard]] Result<PostingPiece> decode(const Part& part) const;
  Result<Part> read_part(std::uint64_t number) const;
  template <class IsBehind>
  Result<PostingPiece> search(IsBehind is_behind) const;

  RunPtr run_;
  FoundEntry found_;
  mutable RunBlock block_;  // the part read last
};

}  // namespace stele::log
