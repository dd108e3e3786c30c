// A growing table of fixed-size entries in checksummed 4 KiB blocks: the `.batches` of a segment
// and the order log.
//
//   block: [ 64 B header: magic, entry size, count, checksum, block index | count entries | zeros ]
//
// Entries gather in memory (the tail); a block is written once, when it is full, or at seal(). So a
// block on disk never changes, but for the last one of a sealed file and for what write_tail()
// saves ahead. Checksums are seeded with the table's own seed and the block's index: a block of
// another table, or of another place, is not taken for this one.
//
// Threads: one appends (the core); any number read. count() is published after the entry is in
// place.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "log/base/aligned_buffer.h"
#include "log/segment/file_cache.h"

namespace stele::log {

inline constexpr std::size_t kBlockHeaderBytes = 64;

/// One block in memory, checked.
class Block {
public:
  Block() = default;
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] const std::byte* entry(std::uint32_t index) const {
    return bytes_.data() + kBlockHeaderBytes + index * entry_bytes_;
  }

private:
  friend class BlockLog;
  std::array<std::byte, kBlockBytes> bytes_;
  std::uint32_t count_ = 0;
  std::size_t entry_bytes_ = 0;
};

struct BlockLogSpec {
  std::string path;  ///< the file, or with blocks_per_file the folder of `<20-digit first
                     ///< block><suffix>` files
  std::string suffix;
  std::size_t entry_bytes = 0;
  std::uint64_t seed = 0;
  std::uint64_t blocks_per_file = 0;  ///< 0: everything in one file
};

class BlockLog {
public:
  BlockLog(FileCache& files, BlockLogSpec spec);

  [[nodiscard]] std::uint32_t entries_per_block() const { return entries_per_block_; }
  [[nodiscard]] std::uint64_t count() const { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t block_count() const {
    return (count() + entries_per_block_ - 1) / entries_per_block_;
  }

  // --- the one who appends ---

  /// Begins with `count` entries, the last `tail.size() / entry_bytes` of which are given (those of
  /// the unfinished block).
  void restore(std::uint64_t count, ByteView tail);
  /// Begins with `count` entries, all on disk; restore() must come before append() unless the last
  /// block is full.
  void restore_written(std::uint64_t count) { count_.store(count, std::memory_order_release); }
  /// Writes a block when it is full. kNoSpace, kIo: the entry is in, but its block is in memory
  /// alone, until the next append; read() finds it damaged from then on.
  Result<void> append(ByteView entry);
  /// Takes disk space for so many entries more, so that append() will not want for it. kNoSpace,
  /// kOverloaded, kIo.
  Result<void> reserve(std::uint64_t entry_count);
  /// The entries of the last block, if it was not written yet.
  [[nodiscard]] ByteView tail() const;
  /// Writes the unfinished block, as it is now; it stays the tail.
  Result<void> write_tail();

  // --- anybody ---

  /// Block `index` < block_count(). kCorrupt names file and place; kIo.
  Result<Block> read(std::uint64_t index) const;
  /// The same, but never from memory.
  Result<Block> read_disk(std::uint64_t index) const;

  /// A rebuilt block, put in place of the damaged one if the file can be written.
  Block repair(std::uint64_t index, ByteView entries);

  /// The file that holds block `index`.
  [[nodiscard]] std::string path_of(std::uint64_t index) const;
  [[nodiscard]] const BlockLogSpec& spec() const { return spec_; }

private:
  struct Tail {
    std::uint64_t index = 0;
    std::atomic<std::uint32_t> count = 0;
    alignas(8) std::array<std::byte, kBlockBytes> bytes{};
  };
  [[nodiscard]] std::uint64_t place_of(std::uint64_t index) const;
  void keep_open(const std::string& path, std::shared_ptr<File> file);
  [[nodiscard]] Result<std::shared_ptr<File>> open_for_writing(std::uint64_t index) const;
  Result<void> write(std::uint64_t index, std::span<std::byte, kBlockBytes> bytes,
                     std::uint32_t count) const;

  FileCache& files_;
  BlockLogSpec spec_;
  std::uint32_t entries_per_block_;
  std::atomic<std::uint64_t> count_ = 0;
  std::uint64_t reserved_blocks_ = 0;  ///< blocks below this index have disk space
  using ReservedFile = std::pair<std::string, std::shared_ptr<File>>;
  std::vector<ReservedFile> reserved_files_;  ///< kept open for them
  std::atomic<std::shared_ptr<Tail>> tail_;
};

}  // namespace stele::log
