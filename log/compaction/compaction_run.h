// One compaction of one partition:
//
//   prepare()        reads the dirty segments: the last offset of each key, as far as memory goes
//   next_group()     neighbours that fit into one segment together, from the log's first one on
//   write(group)     their records that stay, in one new segment
//
//   [ clean: compacted before ][ dirty                       ][ too young ][ active ]
//   ^ first segment            ^ dirty_from      ^ map's end  ^ end
//
// Everything up to the map's end is rewritten, as Kafka does: a key that stands in the dirty part
// may have older records anywhere before it. Groups are written and swapped in ascending order, so
// that whatever a run that ends early leaves is a log that a shorter run might have left: when a
// tombstone goes, all that it deletes has gone before it.
//
// Threads: as RewriteRun.
#pragma once

#include <memory>
#include <optional>

#include "log/compaction/batch_filter.h"
#include "log/compaction/rewrite_run.h"

namespace stele::log {

struct CompactionPlan {
  RewriteInput input;  ///< segments from the first one on
  Offset dirty_from;   ///< below it, all is clean
  LastBatches last_batches;
  FilterRules rules;
  std::uint64_t segment_bytes_max = 0;
  std::uint64_t memory_bytes_max = 0;
};

class CompactionRun final : public RewriteRun {
public:
  CompactionRun(FileCache& files, CompactionPlan plan, CompactionCounts& counts);

  Result<void> prepare() override;
  [[nodiscard]] std::optional<CompactionGroup> next_group() override;
  /// Whether the map has all dirty keys: else there is more to do at once.
  [[nodiscard]] bool whole() const { return map_.end() == input().end; }

private:
  [[nodiscard]] RecordFilter& filter() override { return filter_; }
  [[nodiscard]] Offset dirty_from(const CompactionGroup& group) const override;
  [[nodiscard]] std::size_t first_dirty() const;
  Result<bool> map_batch(const BatchHeader& header, ByteView batch);

  Offset dirty_from_;
  std::uint64_t segment_bytes_max_;
  KeyMap map_;
  BatchFilter filter_;
  Decompressor decompressor_;
  std::vector<std::pair<Hash128, Offset>> keys_;  ///< of one batch
  std::size_t next_segment_ = 0;                  ///< where the next group begins
};

}  // namespace stele::log
