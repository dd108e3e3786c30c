// One partition's sealed segments written anew without the events that their streams let go of.
//
//   prepare()      finds out which segments hold such events
//   next_group()   each of these by itself
//
// Segments without such events are left alone; a producer's last batch stays at least as an empty
// header. Threads: as RewriteRun.
#pragma once

#include <functional>
#include <vector>

#include "log/compaction/batch_filter.h"
#include "log/compaction/rewrite_run.h"

namespace stele::log {

/// What streams let go of. Thread: whoever runs the run.
class LetGoEvents {
public:
  LetGoEvents() = default;
  LetGoEvents(const LetGoEvents&) = delete;
  LetGoEvents& operator=(const LetGoEvents&) = delete;
  virtual ~LetGoEvents() = default;
  /// Before the first question: looks up what it needs. kCorrupt, kIo.
  virtual Result<void> find() = 0;
  /// Whether the event with this key at this position goes.
  [[nodiscard]] virtual bool holds(ByteView key, Position position) const = 0;
  /// No event at or behind it goes.
  [[nodiscard]] virtual Position end() const = 0;
};

class ScavengeFilter final : public RecordFilter {
public:
  ScavengeFilter(const LetGoEvents& let_go, LastBatches last_batches)
      : let_go_(let_go), last_batches_(std::move(last_batches)) {}

  [[nodiscard]] Result<FilteredBatch> filter(const BatchHeader& header, ByteView batch,
                                             Position first) override;

private:
  const LetGoEvents& let_go_;
  LastBatches last_batches_;
  BatchRewriter rewriter_;
};

class ScavengeRun final : public RewriteRun {
public:
  ScavengeRun(FileCache& files, RewriteInput input, std::shared_ptr<LetGoEvents> let_go,
              LastBatches last_batches, CompactionCounts& counts)
      : RewriteRun(files, std::move(input), counts),
        let_go_(std::move(let_go)),
        filter_(*let_go_, std::move(last_batches)) {}

  Result<void> prepare() override;
  [[nodiscard]] std::optional<CompactionGroup> next_group() override;

private:
  [[nodiscard]] RecordFilter& filter() override { return filter_; }
  /// Scavenge is no compaction: what that has to look at stays as it was.
  [[nodiscard]] Offset dirty_from(const CompactionGroup& group) const override;
  [[nodiscard]] Result<bool> holds_any(const Segment& segment);

  std::shared_ptr<LetGoEvents> let_go_;
  ScavengeFilter filter_;
  std::vector<std::size_t> wanted_;  ///< segments to write anew
  std::size_t next_ = 0;             ///< in wanted_
};

}  // namespace stele::log
