// One journal entry = one commit group. Owner of the bytes; docs/formats.md shows them.
//
//   [ header 128 B | directory: part_count x 96 B | body: the batches, one after the other | zeros
//   to 4 KiB ]
//
// The header's checksum covers header and directory and is seeded with store, lap, sequence and
// place, so that neither an entry of the previous lap nor one written to a wrong place is taken for
// this one. Each batch of the body has its own crc, which the directory repeats. `predecessor`
// chains the entries: there is no hole in what recovery accepts.
#pragma once

#include <cstdint>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/base/partition_id.h"

namespace stele::log {

inline constexpr std::uint32_t kJournalMagic = 0x314a5453;  // "STJ1"
inline constexpr std::size_t kEntryHeaderBytes = 128;
inline constexpr std::size_t kEntryPartBytes = 96;

enum class PartKind : std::uint16_t {
  kBatch = 1,  ///< a record batch, its bytes in the body
  kTrim = 2,   ///< the partition's log start moves up to base_offset
  kSwap = 3,   ///< one segment that compaction wrote takes the place of several
};

struct JournalPart {
  PartKind kind = PartKind::kBatch;
  TopicPartition partition;
  Offset base_offset;
  Offset segment_base;  ///< of the segment the batch stands in; equal to base_offset: the segment
                        ///< begins with it
  std::uint64_t file_at = 0;  ///< byte in that segment
  Position position;          ///< of the first record
  std::uint32_t record_count = 0;
  std::uint32_t batch_bytes = 0;
  std::uint32_t batch_crc = 0;
  std::uint32_t body_at = 0;  ///< byte in the entry's body
  std::int64_t min_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  std::int64_t created_us = 0;  ///< kSwap only; what its other fields mean: sequencer.h
};

/// Where an entry stands, and what it must say to be the one that belongs there.
struct JournalPlace {
  std::uint64_t lap = 0;
  std::uint64_t at = 0;           ///< byte in the file, a multiple of 4,096
  std::uint64_t sequence = 0;     ///< counts entries, never repeats
  std::uint64_t predecessor = 0;  ///< checksum of the entry before
  friend bool operator==(const JournalPlace&, const JournalPlace&) = default;
};

struct EntryHeader {
  JournalPlace place;
  std::uint64_t checksum = 0;
  std::uint64_t durable_before =
      0;  ///< entries with a smaller sequence were durable when this one was written
  std::int64_t recorded_us = 0;
  Position first_position;
  std::int32_t timeline = 0;
  std::uint32_t part_count = 0;
  std::uint64_t body_bytes = 0;

  [[nodiscard]] std::uint64_t body_start() const {
    return kEntryHeaderBytes + std::uint64_t{part_count} * kEntryPartBytes;
  }
  /// Whole 4 KiB blocks.
  [[nodiscard]] std::uint64_t entry_bytes() const;
};

struct JournalEntry {
  EntryHeader header;
  std::vector<JournalPart> parts;
};

/// Bytes that an entry of so many parts and body bytes takes in the journal.
[[nodiscard]] std::uint64_t entry_bytes(std::size_t part_count, std::uint64_t body_bytes);

/// Writes header and directory to the front of `entry` (at least body_start() bytes) and returns
/// the checksum, which the next entry names as its predecessor. header.checksum is not looked at.
std::uint64_t encode_entry(ByteSpan entry, const Uuid& store, const EntryHeader& header,
                           std::span<const JournalPart> parts);

/// The header at the front of a block, its fields in range but its checksum not yet looked at.
/// kInvalid: no entry of this store begins here.
[[nodiscard]] Result<EntryHeader> peek_entry_header(ByteView block, const Uuid& store);

/// Header and directory, the checksum being right for the place that the header itself claims, `at`
/// being the place it was read from. `front` holds at least body_start() bytes. kCorrupt otherwise.
[[nodiscard]] Result<JournalEntry> decode_entry(ByteView front, const Uuid& store,
                                                std::uint64_t at);

/// True if the body's bytes are the batch that the directory describes.
[[nodiscard]] bool part_is_whole(const JournalPart& part, ByteView body);

}  // namespace stele::log
