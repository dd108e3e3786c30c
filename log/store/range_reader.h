// Reads a range of the store's total order. Partitions take turns in it, but what stands in one
// segment stands there one batch after the other: each such run is one read of its file.
//
//   order log    a0 b0 a1 a2 b1 …
//   segments     a: [a0][a1][a2]   b: [b0][b1]      two reads
//
// Thread: its owner's; made for one range.
#pragma once

#include <unordered_map>

#include "log/partition/partition.h"
#include "log/store/store.h"
#include "log/store/topic_table.h"

namespace stele::log {

/// What a read in order asks for.
struct OrderedRange {
  Position from;
  Position end;  ///< behind `from`
  std::size_t bytes_max;
  const Uuid* topic = nullptr;  ///< null: of all
};

class RangeReader {
public:
  /// What is given outlives it.
  RangeReader(const OrderLog& order, const TopicTable& table, const OrderedRange& range)
      : order_(order), table_(table), range_(range) {}

  /// Nullopt: compaction has replaced one of the files meanwhile: read again. What stands in front
  /// of damage is given out; the next read tells of the damage. kCorrupt (place named), kIo.
  Result<std::optional<OrderedRead>> read();

private:
  /// Batches that follow each other in a segment.
  struct Run {
    PartitionPtr partition;
    std::shared_ptr<const Segment> segment;
    std::uint64_t file_at = 0;
    std::size_t bytes = 0;
    Offset next_offset;  ///< behind its last batch, as it was appended
    std::size_t at = 0;  ///< in the buffer
    bool is_whole = false;
  };
  static constexpr std::size_t kNoRun = SIZE_MAX;
  struct Found {
    std::size_t run = kNoRun;  ///< kNoRun: nothing of the batch is left
    std::size_t at = 0;        ///< in the run
    std::uint32_t batch_bytes = 0;
    std::optional<std::uint32_t> crc;
  };
  struct Source {
    PartitionPtr partition;  ///< null: its topic is gone
    Offset log_start;
    std::size_t run = kNoRun;  ///< its last one
  };

  Result<void> find();
  Result<bool> take(const OrderEntry& entry);
  Result<void> add(const OrderEntry& entry);
  Result<Found> find_place(const OrderEntry& entry);
  [[nodiscard]] Source& source_of(const TopicPartition& partition);
  void read_runs(ByteSpan buffer);
  Result<ByteView> checked(const OrderedBatch& batch, const Found& found, ByteSpan buffer) const;

  const OrderLog& order_;
  const TopicTable& table_;
  OrderedRange range_;
  OrderedRead result_;
  std::vector<Found> found_;  ///< of each of result_'s batches
  std::vector<Run> runs_;
  std::unordered_map<TopicPartition, Source> sources_;
  const TopicPartition* last_from_ = nullptr;
  Source* last_source_ = nullptr;
  std::size_t counted_bytes_ = 0;
};

}  // namespace stele::log
