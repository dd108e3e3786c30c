#include "log/journal/journal_entry.h"

#include <algorithm>

#include "log/base/aligned_buffer.h"
#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "log/format/record_batch.h"

namespace stele::log {
namespace {

constexpr std::size_t kChecksummedFrom = 16;
constexpr std::uint32_t kPartCountMax = 1 << 20;
constexpr std::uint64_t kBodyBytesMax = std::uint64_t{1} << 31;

std::uint64_t seed_of(const Uuid& store, const JournalPlace& place) {
  std::uint64_t seed = mix_seed(store.high(), store.low());
  seed = mix_seed(seed, place.lap);
  seed = mix_seed(seed, place.sequence);
  return mix_seed(seed, place.at);
}

void encode_part(std::byte* to, const JournalPart& part) {
  store_le(to, static_cast<std::uint16_t>(part.kind));
  store_le(to + 2, std::uint16_t{0});
  store_le(to + 4, part.partition.partition);
  std::ranges::copy(part.partition.topic.bytes, to + 8);
  store_le(to + 24, part.base_offset.raw());
  store_le(to + 32, part.segment_base.raw());
  store_le(to + 40, part.file_at);
  store_le(to + 48, part.position.raw());
  store_le(to + 56, part.record_count);
  store_le(to + 60, part.batch_bytes);
  store_le(to + 64, part.batch_crc);
  store_le(to + 68, part.body_at);
  store_le(to + 72, part.min_timestamp_ms);
  store_le(to + 80, part.max_timestamp_ms);
  store_le(to + 88, part.created_us);
}

JournalPart decode_part(const std::byte* from) {
  JournalPart part;
  part.kind = static_cast<PartKind>(load_le<std::uint16_t>(from));
  part.partition = {Uuid::load(from + 8), load_le<std::int32_t>(from + 4)};
  part.base_offset = Offset(load_le<std::int64_t>(from + 24));
  part.segment_base = Offset(load_le<std::int64_t>(from + 32));
  part.file_at = load_le<std::uint64_t>(from + 40);
  part.position = Position(load_le<std::int64_t>(from + 48));
  part.record_count = load_le<std::uint32_t>(from + 56);
  part.batch_bytes = load_le<std::uint32_t>(from + 60);
  part.batch_crc = load_le<std::uint32_t>(from + 64);
  part.body_at = load_le<std::uint32_t>(from + 68);
  part.min_timestamp_ms = load_le<std::int64_t>(from + 72);
  part.max_timestamp_ms = load_le<std::int64_t>(from + 80);
  part.created_us = load_le<std::int64_t>(from + 88);
  return part;
}

bool known(PartKind kind) {
  return kind == PartKind::kBatch || kind == PartKind::kTrim || kind == PartKind::kSwap;
}

}  // namespace

std::uint64_t entry_bytes(std::size_t part_count, std::uint64_t body_bytes) {
  return round_up_to_block(kEntryHeaderBytes + part_count * kEntryPartBytes + body_bytes);
}

std::uint64_t EntryHeader::entry_bytes() const {
  return log::entry_bytes(part_count, body_bytes);
}

std::uint64_t encode_entry(ByteSpan entry, const Uuid& store, const EntryHeader& header,
                           std::span<const JournalPart> parts) {
  STELE_CHECK(parts.size() == header.part_count && parts.size() <= kPartCountMax);
  STELE_CHECK(entry.size() >= header.body_start() && header.body_bytes <= kBodyBytesMax);
  STELE_CHECK(header.place.at % kBlockBytes == 0);
  std::byte* to = entry.data();
  std::fill_n(to, kEntryHeaderBytes, std::byte{0});
  store_le(to, kJournalMagic);
  store_le(to + 4, static_cast<std::uint16_t>(kEntryHeaderBytes));
  std::ranges::copy(store.bytes, to + 16);
  store_le(to + 32, header.place.lap);
  store_le(to + 40, header.place.sequence);
  store_le(to + 48, header.place.at);
  store_le(to + 56, header.place.predecessor);
  store_le(to + 64, header.durable_before);
  store_le(to + 72, header.recorded_us);
  store_le(to + 80, header.first_position.raw());
  store_le(to + 88, header.part_count);
  store_le(to + 92, header.timeline);
  store_le(to + 96, header.body_bytes);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    encode_part(to + kEntryHeaderBytes + i * kEntryPartBytes, parts[i]);
  }
  const ByteView covered(to + kChecksummedFrom, header.body_start() - kChecksummedFrom);
  const std::uint64_t sum = checksum(covered, seed_of(store, header.place));
  store_le(to + 8, sum);
  return sum;
}

Result<EntryHeader> peek_entry_header(ByteView block, const Uuid& store) {
  STELE_CHECK(block.size() >= kEntryHeaderBytes);
  const std::byte* from = block.data();
  EntryHeader header;
  if (load_le<std::uint32_t>(from) != kJournalMagic || Uuid::load(from + 16) != store ||
      load_le<std::uint16_t>(from + 4) != kEntryHeaderBytes) {
    return fail(Code::kInvalid, "no journal entry of this store begins here");
  }
  header.checksum = load_le<std::uint64_t>(from + 8);
  header.place.lap = load_le<std::uint64_t>(from + 32);
  header.place.sequence = load_le<std::uint64_t>(from + 40);
  header.place.at = load_le<std::uint64_t>(from + 48);
  header.place.predecessor = load_le<std::uint64_t>(from + 56);
  header.durable_before = load_le<std::uint64_t>(from + 64);
  header.recorded_us = load_le<std::int64_t>(from + 72);
  header.first_position = Position(load_le<std::int64_t>(from + 80));
  header.part_count = load_le<std::uint32_t>(from + 88);
  header.timeline = load_le<std::int32_t>(from + 92);
  header.body_bytes = load_le<std::uint64_t>(from + 96);
  if (header.part_count > kPartCountMax || header.body_bytes > kBodyBytesMax) {
    return fail(Code::kInvalid, "journal entry header out of range");
  }
  return header;
}

Result<JournalEntry> decode_entry(ByteView front, const Uuid& store, std::uint64_t at) {
  STELE_TRY(const EntryHeader header, peek_entry_header(front, store));
  STELE_CHECK(front.size() >= header.body_start());
  const ByteView covered = front.subspan(kChecksummedFrom, header.body_start() - kChecksummedFrom);
  if (header.place.at != at || checksum(covered, seed_of(store, header.place)) != header.checksum) {
    return fail(Code::kCorrupt, "journal entry at byte {} fails its checksum", at);
  }
  JournalEntry entry{header, {}};
  entry.parts.reserve(header.part_count);
  for (std::uint32_t i = 0; i < header.part_count; ++i) {
    entry.parts.push_back(decode_part(front.data() + kEntryHeaderBytes + i * kEntryPartBytes));
    const JournalPart& part = entry.parts.back();
    if (!known(part.kind) || std::uint64_t{part.body_at} + part.batch_bytes > header.body_bytes) {
      return fail(Code::kCorrupt, "journal entry at byte {}: part {} is out of range", at, i);
    }
  }
  return entry;
}

bool part_is_whole(const JournalPart& part, ByteView body) {
  if (part.kind != PartKind::kBatch) return true;
  if (std::uint64_t{part.body_at} + part.batch_bytes > body.size()) return false;
  const ByteView batch = body.subspan(part.body_at, part.batch_bytes);
  const auto header = parse_batch_header(batch);
  return header && header->base_offset == part.base_offset && header->crc == part.batch_crc &&
         static_cast<std::uint32_t>(header->batch_bytes) == part.batch_bytes &&
         batch_crc_matches(batch);
}

}  // namespace stele::log
