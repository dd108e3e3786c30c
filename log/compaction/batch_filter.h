// Compaction's rules, for one batch after the other in ascending order of offsets: which records
// stay, and what the batch then looks like. They are Kafka's (Cleaner, KIP-280 aside):
//
//   - of each key the last record stays; records behind the map's end all do
//   - a record without a key goes
//   - a tombstone (null value) stays for delete.retention.ms after the first compaction that meets
//     it: that one writes the time of its end, the delete horizon (KIP-534), in place of the
//     batch's base timestamp, and sets attribute bit 6
//   - a control batch stays; when no data of its transaction is left it gets a horizon, too
//   - the last batch of a live producer stays at least as an empty header
//   - what stays keeps its offset: a batch its base offset and last offset delta
//
// A batch of which all stays is not touched.
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "log/compaction/batch_rewriter.h"
#include "log/compaction/key_map.h"

namespace stele::log {

/// Base offset of the last batch of each live producer, by producer id.
using LastBatches = std::unordered_map<std::int64_t, Offset>;

struct FilterRules {
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
};

class BatchFilter final : public RecordFilter {
public:
  /// `map` outlives the filter.
  BatchFilter(const KeyMap& map, LastBatches last_batches, const FilterRules& rules)
      : map_(map), last_batches_(std::move(last_batches)), rules_(rules) {}

  [[nodiscard]] Result<FilteredBatch> filter(const BatchHeader& header, ByteView batch,
                                             Position first) override;

private:
  Result<void> read_records(const BatchHeader& header, ByteView batch);
  void judge_records(const BatchHeader& header, bool drop_tombstones);
  [[nodiscard]] bool is_discardable(const BatchHeader& control);
  [[nodiscard]] bool is_last_of_producer(const BatchHeader& header) const;
  [[nodiscard]] std::int64_t new_horizon() const;
  Result<FilteredBatch> filter_control(const BatchHeader& header, ByteView batch);

  const KeyMap& map_;
  LastBatches last_batches_;
  FilterRules rules_;
  std::unordered_set<std::int64_t> with_data_;  ///< producers whose transaction has data so far
  BatchRewriter rewriter_;
  std::vector<Hash128> hashes_;  ///< of the records' keys
  std::int64_t staying_ = 0;
  bool tombstones_ = false;  ///< among those that stay
};

}  // namespace stele::log
