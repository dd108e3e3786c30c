// The order log: the store's one total order, an entry of 64 bytes a committed batch. Primary data,
// flushed before a checkpoint relies on it. Reading everything in order is a scan of it.
//
//   0 position i64 | 8 recorded µs i64 | 16 topic id | 32 partition i32 | 36 record count u32 | 40
//   base offset i64 48 batch bytes u32 | 52 batch crc u32 | 56 segment byte u64
//
// In blocks of 63 entries, in files `order/<20-digit first block>.order` of 4,096 blocks (258,048
// batches). Threads: one appends (the core), any number read.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "log/base/ordinal.h"
#include "log/base/partition_id.h"
#include "log/segment/block_log.h"

namespace stele::log {

inline constexpr std::uint32_t kOrderEntryBytes = 64;
inline constexpr std::uint64_t kOrderBlocksPerFile = 4096;

struct OrderEntry {
  Position position;
  std::int64_t recorded_us = 0;
  TopicPartition from;
  std::uint32_t record_count = 0;
  Offset base_offset;
  std::uint32_t batch_bytes = 0;
  std::uint32_t batch_crc = 0;
  std::uint64_t file_at = 0;

  friend bool operator==(const OrderEntry&, const OrderEntry&) = default;
};

class OrderLog {
public:
  OrderLog(FileCache& files, std::string folder, const Uuid& store);

  // --- the core ---

  /// Begins with `count` entries of which `first_block` blocks are gone; `tail` holds those of the
  /// unfinished block.
  void restore(std::uint64_t count, std::uint64_t first_block, ByteView tail);
  Result<void> reserve(std::uint64_t entry_count) { return blocks_.reserve(entry_count); }
  Result<void> append(const OrderEntry& entry);
  [[nodiscard]] ByteView tail() const { return blocks_.tail(); }
  /// Files written since the last call, for the checkpoint to sync.
  [[nodiscard]] std::set<std::string> take_dirty() { return std::exchange(dirty_, {}); }
  /// Forgets the oldest file; the caller removes it. Nullopt if it is the one being written.
  std::optional<std::string> drop_oldest_file();

  // --- anybody ---

  [[nodiscard]] std::uint64_t count() const { return blocks_.count(); }
  [[nodiscard]] std::uint64_t first_block() const {
    return first_block_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t block_count() const { return blocks_.block_count(); }
  [[nodiscard]] std::uint32_t entries_per_block() const { return blocks_.entries_per_block(); }
  [[nodiscard]] std::string path_of(std::uint64_t block) const { return blocks_.path_of(block); }
  /// The entries of a block. kCorrupt names file and place; kOutOfRange if it is gone or not there
  /// yet.
  Result<std::vector<OrderEntry>> block(std::uint64_t index) const;
  /// The block whose entries hold `position`; the first one if it is older than what is kept.
  Result<std::uint64_t> find(Position position) const;
  /// The entry of the batch that holds `position`. kOutOfRange: older than what is kept, or at the
  /// end.
  Result<OrderEntry> entry_at(Position position) const;
  /// The first position in [from, below) of one of the topics; of any, if there is none named.
  Result<std::optional<Position>> first_of_topics(const std::vector<Uuid>& topics, Position from,
                                                  Position below) const;
  /// The position of the first batch recorded at or after `recorded_us`; nullopt if there is none.
  Result<std::optional<Position>> find_recorded(std::int64_t recorded_us) const;

private:
  struct FoundBlock {
    std::uint64_t index = 0;
    Block block;
    std::int64_t first = 0;  ///< position of its first record
    std::int64_t next = 0;   ///< one past its last
  };
  Result<FoundBlock> seek(Position position) const;
  Result<FoundBlock> read_found(std::uint64_t index) const;

  BlockLog blocks_;
  std::atomic<std::uint64_t> first_block_ = 0;
  std::set<std::string> dirty_;
};

}  // namespace stele::log
