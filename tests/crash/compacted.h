// Judges what is left of a compacted partition by what was appended to it: nothing is changed,
// everything that a later record of its key does not replace is there, and no deleted value comes
// back.
// Thread: one.
#pragma once

#include "tests/crash/oracle.h"

namespace stele::crash {

struct FoundRecord {
  Offset offset;
  std::string key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
  friend bool operator==(const FoundRecord&, const FoundRecord&) = default;
};

struct FoundBatch {
  Offset base_offset;
  Offset next_offset;
  std::vector<FoundRecord> records;
  Bytes bytes;
};

/// Everything from `from` on, as a reader gets it.
[[nodiscard]] Result<std::vector<FoundBatch>> read_compacted(const log::Store& store,
                                                             const TopicPartition& id, Offset from);

/// `tombstones_may_go`: delete.retention.ms is so short that some may have been removed.
[[nodiscard]] Result<void> judge_compacted(const std::vector<FoundBatch>& found,
                                           const ExpectedPartition& expected, Offset log_start,
                                           bool tombstones_may_go);
/// `tail`, read from `from` on, is the end of `all`.
[[nodiscard]] Result<void> judge_tail(const std::vector<FoundBatch>& tail,
                                      const std::vector<FoundBatch>& all, Offset from);
/// `answer` is the first record of `all` that is at least so late.
[[nodiscard]] Result<void> judge_time(const std::optional<log::TimedOffset>& answer,
                                      const std::vector<FoundBatch>& all, std::int64_t timestamp_ms,
                                      Offset log_start);
/// On a damaged disk: the last record of each key is there or refused as kCorrupt, and what is read
/// is right. Returns how many were refused.
[[nodiscard]] Result<std::size_t> judge_damaged_compacted(const log::Store& store,
                                                          const TopicPartition& id,
                                                          const log::PartitionEnds& ends,
                                                          const ExpectedPartition& expected);

}  // namespace stele::crash
