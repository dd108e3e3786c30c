// The bytes of a snapshot: docs/formats.md, "Snapshots: .snap".
//
//   [ header 64 ][ block | … of each fold, one after the other ][ directory ][ footer 32 ]
//   block: [ stored bytes u32, raw bytes u32, checksum u64 ][ stored ]
//   raw:   [ key length, state length (varints), key, state ] | …   by (hash, key)
//
// Nothing in it tells when or where it was made: the same states are the same bytes. Checksums are
// seeded by shapes, event count and place: a block of another snapshot or place is never taken for
// the one looked for. Thread: any; pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "projections/state/state_store.h"

namespace stele::projections {

inline constexpr std::uint32_t kSnapshotVersion = 1;
inline constexpr std::size_t kSnapshotHeaderBytes = 64;
inline constexpr std::size_t kSnapshotFooterBytes = 32;
inline constexpr std::size_t kBlockHeaderBytes = 16;
/// A block is cut behind the entry that reaches it, so that the largest state fits.
inline constexpr std::size_t kBlockRawBytes = std::size_t{64} << 10;

/// What a snapshot says of a fold.
struct SnapshotFold {
  struct Block {
    std::uint64_t first_hash = 0;  ///< of its first key; keys of one hash stand in one block
    std::uint64_t place = 0;       ///< byte in the file
  };
  std::string name;
  std::uint32_t version = 0;
  std::string shape;  ///< StateType::shape
  std::uint64_t key_count = 0;
  std::vector<Block> blocks;
};

struct SnapshotDirectory {
  std::vector<SnapshotFold> folds;
  Mark mark;
};

struct SnapshotHeader {
  std::uint64_t event_count = 0;
  std::uint64_t shapes = 0;  ///< shapes_of() the folds
  /// What checksums of blocks, directory and footer begin with.
  [[nodiscard]] std::uint64_t seed() const;
};

struct SnapshotFooter {
  std::uint64_t directory_place = 0;
  std::uint64_t directory_bytes = 0;
  std::uint64_t directory_checksum = 0;
};

/// Of the folds' names, versions and shapes.
[[nodiscard]] std::uint64_t shapes_of(const std::vector<SnapshotFold>& folds);
/// "00000000000000001042.snap".
[[nodiscard]] std::string snapshot_name(std::uint64_t event_count);
/// nullopt: a file of another name.
[[nodiscard]] std::optional<std::uint64_t> snapshot_event_count(std::string_view name);

[[nodiscard]] std::array<std::byte, kSnapshotHeaderBytes> encode_header(
    const SnapshotHeader& header);
/// kCorrupt; kUnsupported: another version, or features that this build does not know.
[[nodiscard]] Result<SnapshotHeader> decode_header(ByteView bytes);

[[nodiscard]] std::array<std::byte, kSnapshotFooterBytes> encode_footer(
    const SnapshotFooter& footer, const SnapshotHeader& header);
/// kCorrupt.
[[nodiscard]] Result<SnapshotFooter> decode_footer(ByteView bytes, const SnapshotHeader& header);

[[nodiscard]] Bytes encode_directory(const SnapshotDirectory& directory);
/// kCorrupt: also if blocks don't follow each other up to `place`, where the directory stands.
[[nodiscard]] Result<SnapshotDirectory> decode_directory(ByteView bytes, std::uint64_t place);
[[nodiscard]] std::uint64_t directory_checksum(ByteView bytes, std::uint64_t place,
                                               const SnapshotHeader& header);

/// What belongs at byte 8 of a block; `block` is all of it.
[[nodiscard]] std::uint64_t block_checksum(ByteView block, std::uint64_t place,
                                           const SnapshotHeader& header);
/// Appends the block that stands at `place`: compressed, if that is shorter.
void encode_block(ByteView raw, std::uint64_t place, const SnapshotHeader& header, Bytes& to);
/// `bytes` is all of the block at `place`. kCorrupt.
[[nodiscard]] Result<void> decode_block(ByteView bytes, std::uint64_t place,
                                        const SnapshotHeader& header, Bytes& raw);

}  // namespace stele::projections
