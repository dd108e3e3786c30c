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
// A batch of which all stays is not touched. Otherwise records are copied as they are, unless the
// horizon is new (deltas of timestamps then count from it), and packed with the batch's own codec.
// Thread: its owner's. Reuses its buffers: what filter() gives is valid until the next call.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "log/compaction/key_map.h"
#include "log/format/compressor.h"
#include "log/format/decompressor.h"
#include "log/format/record_batch.h"

namespace stele::log {

/// Base offset of the last batch of each live producer, by producer id.
using LastBatches = std::unordered_map<std::int64_t, Offset>;

struct FilterRules {
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
};

struct FilteredBatch {
  bool untouched = false;              ///< it stays as it is
  ByteView bytes;                      ///< else what it has become; empty: it goes
  std::int64_t min_timestamp_ms = -1;  ///< of `bytes`; -1 without records
  std::int64_t max_timestamp_ms = -1;
  std::int64_t removed_records = 0;
};

class BatchFilter {
public:
  /// `map` outlives the filter.
  BatchFilter(const KeyMap& map, LastBatches last_batches, const FilterRules& rules)
      : map_(map), last_batches_(std::move(last_batches)), rules_(rules) {}

  /// `batch` is whole and its checksum right. kCorrupt: its records are malformed all the same.
  [[nodiscard]] Result<FilteredBatch> filter(const BatchHeader& header, ByteView batch);

private:
  struct Record {
    ByteView bytes;
    Hash128 key;
    std::int64_t timestamp_ms = 0;
    std::int32_t offset_delta = 0;
    bool has_key = false;
    bool tombstone = false;
    bool stays = false;
  };

  Result<void> read_records(const BatchHeader& header, ByteView batch);
  void judge_records(const BatchHeader& header, bool drop_tombstones);
  [[nodiscard]] bool is_discardable(const BatchHeader& control);
  [[nodiscard]] bool is_last_of_producer(const BatchHeader& header) const;
  [[nodiscard]] std::int64_t new_horizon() const;
  Result<FilteredBatch> filter_control(const BatchHeader& header, ByteView batch);
  Result<FilteredBatch> remove_all(const BatchHeader& header);
  Result<FilteredBatch> rewrite(const BatchHeader& header, std::optional<std::int64_t> horizon);
  void append_record(const Record& record, std::int64_t base_timestamp_ms);
  Result<void> pack(Codec codec);
  void write_header(const BatchHeader& header);

  const KeyMap& map_;
  LastBatches last_batches_;
  FilterRules rules_;
  std::unordered_set<std::int64_t> with_data_;  ///< producers whose transaction has data so far
  Decompressor decompressor_;
  Compressor compressor_;
  std::vector<Record> records_;
  std::int64_t staying_ = 0;
  bool tombstones_ = false;  ///< among those that stay
  Bytes out_;
};

}  // namespace stele::log
