// A checkpoint: the store's whole state but the records, as of one journal entry. Two files,
// superblock.0 and .1, are written in turn; the newer valid one counts. The journal keeps
// everything since the older one, so losing either costs nothing but a longer replay. Bytes:
// docs/formats.md. Thread: encode() on the core, write_superblock() off it.
#pragma once

#include <string>
#include <vector>

#include "log/env/env.h"
#include "log/journal/journal_entry.h"
#include "log/partition/partition.h"

namespace stele::log {

struct StoreImage {
  std::uint64_t generation = 0;     ///< counts checkpoints; its lowest bit says which file
  JournalPlace replay_from;         ///< the first entry that is not in this image
  std::uint64_t journal_bytes = 0;  ///< the journal's size: a shorter file has been cut
  Position end;                     ///< one past the last committed position
  std::int64_t recorded_us = 0;     ///< of the last commit
  std::int32_t timeline = 0;
  std::uint64_t order_count = 0;
  std::uint64_t order_first_block = 0;
  Bytes order_tail;  ///< entries of the order log's unfinished block: they are nowhere else
  std::vector<PartitionImage> partitions;
};

[[nodiscard]] Bytes encode_superblock(const StoreImage& image, const Uuid& store);
/// kCorrupt.
[[nodiscard]] Result<StoreImage> decode_superblock(ByteView bytes, const Uuid& store);

[[nodiscard]] std::string superblock_path(const std::string& folder, std::uint64_t generation);
/// Durable on return, the folder's entry included.
Result<void> write_superblock(Env& env, const std::string& folder, std::uint64_t generation,
                              ByteView bytes);

/// Makes the superblock that was read durable, before anything relies on it: after kill -9 it may
/// stand in a cache alone, and the next checkpoint overwrites the other one. `bytes` are those
/// read.
Result<void> confirm_superblock(Env& env, const std::string& folder, std::uint64_t generation,
                                ByteView bytes);

struct SuperblockPair {
  StoreImage newest;
  Bytes newest_bytes;              ///< as they stand in its file
  JournalPlace older_replay_from;  ///< of the other one, if it is valid; else that of the newest
  std::string damage;              ///< what is wrong with the other one, if anything
};
/// The newest valid one. kCorrupt if neither is; the detail says why.
Result<SuperblockPair> read_superblocks(Env& env, const std::string& folder, const Uuid& store);

}  // namespace stele::log
