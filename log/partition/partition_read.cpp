// The readers' half of Partition: everything here runs on any thread and checks what it gives out.
#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/base/planted.h"
#include "log/format/decompressor.h"
#include "log/format/records.h"
#include "log/partition/partition.h"

namespace stele::log {
namespace {

constexpr std::size_t kRecordsBytesMax = 64 << 20;

// The segment that holds `offset`: the last one that begins at or below it. Null if there is none.
const Segment* segment_at(const Partition::SegmentList& list, Offset offset) {
  const auto after =
      std::ranges::upper_bound(list, offset, {}, [](const auto& one) { return one->base(); });
  return after == list.begin() ? nullptr : std::prev(after)->get();
}

Error damaged(const TopicPartition& id, Offset offset, const std::string& path, std::uint64_t at) {
  return {Code::kCorrupt, fmt::format("partition {}: batch at offset {} ({} byte {}) is damaged",
                                      id.text(), offset.raw(), path, at)};
}

// A batch's crc does not cover what the broker stamps. The base offset is known; the epoch is the
// store's timeline, which is 0 as long as no suffix of a store can be given up.
bool stamped_right(const BatchHeader& header, Offset expected) {
  return header.base_offset == expected && header.leader_epoch == 0;
}

// The whole batch that should stand in front of `bytes`: nullopt if it goes on beyond them.
Result<std::optional<BatchHeader>> whole_batch(ByteView bytes, Offset expected, Error damage) {
  if (bytes.size() < kBatchHeaderBytes) return std::nullopt;
  const auto header = parse_batch_header(bytes);
  if (!header || !stamped_right(*header, expected)) return std::unexpected(std::move(damage));
  const auto size = static_cast<std::size_t>(header->batch_bytes);
  if (size > bytes.size()) return std::nullopt;
  if (!planted(Plant::kNoChecksumOnRead) && !batch_crc_matches(bytes.first(size)))
    return std::unexpected(std::move(damage));
  return *header;
}

Result<ByteView> records_of(const BatchHeader& header, ByteView batch, Decompressor& decompressor) {
  return decompressor.decompress(static_cast<Codec>(header.codec_id()),
                                 batch.subspan(kBatchHeaderBytes), kRecordsBytesMax);
}

}  // namespace

// A file that vanished under a reader is no damage if the records were let go of meanwhile.
Error Partition::explained(Error error, Offset from) const {
  if (removed_.load(std::memory_order_acquire))
    return {Code::kNotFound, "the topic was deleted meanwhile"};
  if (from < log_start()) {
    return {Code::kOutOfRange, fmt::format("offset {} was removed meanwhile, the log starts at {}",
                                           from.raw(), log_start().raw())};
  }
  return error;
}

Result<PartitionRead> Partition::read(Offset from, ByteSpan into) const {
  auto result = read_segment(from, into);
  if (!result) return std::unexpected(explained(std::move(result).error(), from));
  return result;
}

Result<PartitionRead> Partition::read_segment(Offset from, ByteSpan into) const {
  const Offset end = this->end();
  if (from < log_start() || from > end) {
    return fail(Code::kOutOfRange, "offset {} is outside {} to {}", from.raw(), log_start().raw(),
                end.raw());
  }
  PartitionRead result{.next = from};
  if (from == end) return result;
  const auto list = segments_.load();
  const Segment* segment = segment_at(*list, from);
  if (segment == nullptr || segment->index().count() == 0) {
    return fail(Code::kOutOfRange, "offset {} was removed meanwhile", from.raw());
  }
  STELE_TRY(const BatchEntry entry, segment->index().find_offset(from));
  STELE_TRY(const std::size_t got, segment->read(into, entry.file_at));
  Offset expected = entry.base_offset;
  while (expected < end) {
    const std::uint64_t at = entry.file_at + result.bytes;
    const auto header = whole_batch(into.subspan(result.bytes, got - result.bytes), expected,
                                    damaged(id_, expected, segment->path(), at));
    // What stands in front of damage is good and is given out; the next read tells of the damage.
    if (!header && result.bytes == 0) return std::unexpected(header.error());
    if (!header || !*header) break;
    result.bytes += static_cast<std::size_t>((*header)->batch_bytes);
    expected = (*header)->next_offset();
    result.next = expected;
  }
  if (result.bytes == 0) {
    // There was room for all of it: its own length must be wrong.
    if (into.size() >= entry.batch_bytes)
      return std::unexpected(damaged(id_, entry.base_offset, segment->path(), entry.file_at));
    result.needed = entry.batch_bytes;
  }
  return result;
}

Result<void> Partition::read_batch(Offset base_offset, std::uint64_t at, std::uint32_t crc,
                                   ByteSpan into) const {
  auto result = read_batch_at(base_offset, at, crc, into);
  if (!result) return std::unexpected(explained(std::move(result).error(), base_offset));
  return result;
}

Result<void> Partition::read_batch_at(Offset base_offset, std::uint64_t at, std::uint32_t crc,
                                      ByteSpan into) const {
  const auto list = segments_.load();
  const Segment* segment = segment_at(*list, base_offset);
  if (segment == nullptr)
    return fail(Code::kOutOfRange, "offset {} is below the log start", base_offset.raw());
  STELE_TRY(const std::size_t got, segment->read(into, at));
  const auto header = parse_batch_header(into.first(got));
  if (got < into.size() || !header || !stamped_right(*header, base_offset) || header->crc != crc ||
      static_cast<std::size_t>(header->batch_bytes) != into.size() || !batch_crc_matches(into)) {
    return std::unexpected(damaged(id_, base_offset, segment->path(), at));
  }
  return {};
}

Result<std::optional<TimedRecord>> Partition::find_in_batch(const Segment& segment,
                                                            const BatchEntry& entry,
                                                            std::int64_t timestamp_ms) const {
  Bytes batch(entry.batch_bytes);
  STELE_TRY(const std::size_t got, segment.read(batch, entry.file_at));
  STELE_TRY(const auto header,
            whole_batch(ByteView(batch).first(got), entry.base_offset,
                        damaged(id_, entry.base_offset, segment.path(), entry.file_at)));
  if (!header)
    return std::unexpected(damaged(id_, entry.base_offset, segment.path(), entry.file_at));
  Decompressor decompressor;
  STELE_TRY(const ByteView records, records_of(*header, batch, decompressor));
  RecordReader reader(*header, records);
  while (reader.next()) {
    const Offset offset = header->base_offset.next(reader.record().offset_delta);
    if (reader.record().timestamp_ms >= timestamp_ms && offset >= log_start()) {
      return TimedRecord{offset, reader.record().timestamp_ms};
    }
  }
  STELE_DO(reader.finish());
  return std::nullopt;
}

Result<std::optional<TimedRecord>> Partition::find_time(std::int64_t timestamp_ms) const {
  const Offset end = this->end();
  for (const auto& segment : *segments_.load()) {
    if (segment->max_timestamp_ms() < timestamp_ms) continue;
    const std::uint64_t count = segment->index().count();
    for (std::uint64_t first = 0; first < count; first += segment->index().entries_per_block()) {
      STELE_TRY(const auto entries,
                segment->index().block(first / segment->index().entries_per_block()));
      for (const BatchEntry& entry : entries) {
        if (entry.max_timestamp_ms < timestamp_ms || entry.next_offset() <= log_start()) continue;
        if (entry.base_offset >= end) return std::nullopt;
        STELE_TRY(const auto found, find_in_batch(*segment, entry, timestamp_ms));
        if (found) return found;
      }
    }
  }
  return std::nullopt;
}

Result<std::optional<TimedRecord>> Partition::find_latest_time() const {
  std::int64_t latest = -1;
  for (const auto& segment : *segments_.load())
    latest = std::max(latest, segment->max_timestamp_ms());
  if (latest < 0 || end() == log_start()) return std::nullopt;
  return find_time(latest);
}

// The entry of a batch whose place the order log knows, its times read from its records. Of a
// damaged batch (its segment may be gone altogether: let go of, later in the journal that is being
// replayed) the times are unknown: any search meets it, and the damage with it.
Result<BatchEntry> Partition::rebuild_entry(const File* file, const OrderEntry& ordered) const {
  BatchEntry entry{.base_offset = ordered.base_offset,
                   .record_count = ordered.record_count,
                   .file_at = static_cast<std::uint32_t>(ordered.file_at),
                   .batch_bytes = ordered.batch_bytes,
                   .position = ordered.position,
                   .recorded_us = ordered.recorded_us,
                   .min_timestamp_ms = INT64_MIN,
                   .max_timestamp_ms = INT64_MAX};
  if (file == nullptr) return entry;
  Bytes batch(ordered.batch_bytes);
  STELE_TRY(const std::size_t got, file->read(batch, ordered.file_at));
  const auto header = whole_batch(ByteView(batch).first(got), ordered.base_offset, {});
  if (!header || !*header || (*header)->base_offset != ordered.base_offset ||
      (*header)->crc != ordered.batch_crc)
    return entry;
  Decompressor decompressor;
  STELE_TRY(const ByteView records, records_of(**header, batch, decompressor));
  std::int64_t least = INT64_MAX;
  std::int64_t greatest = INT64_MIN;
  RecordReader reader(**header, records);
  while (reader.next()) {
    least = std::min(least, reader.record().timestamp_ms);
    greatest = std::max(greatest, reader.record().timestamp_ms);
  }
  STELE_DO(reader.finish());
  entry.min_timestamp_ms = least;
  entry.max_timestamp_ms = greatest;
  return entry;
}

// Derived data made anew: batches from the segment itself, positions and recorded times from the
// order log.
Result<std::vector<BatchEntry>> Partition::rebuild(Offset segment_base,
                                                   const std::string& segment_path,
                                                   std::optional<BatchEntry> before,
                                                   std::uint32_t count) const {
  const auto opened = files_.open(segment_path);
  if (!opened && opened.error().code != Code::kNotFound) return std::unexpected(opened.error());
  const File* file = opened ? opened->get() : nullptr;
  std::uint64_t at = before ? std::uint64_t{before->file_at} + before->batch_bytes : 0;
  Offset expected = before ? before->next_offset() : segment_base;
  std::uint64_t block = order_.first_block();
  if (before) {
    STELE_TRY(block, order_.find(before->position));
  }
  std::vector<BatchEntry> entries;
  for (; entries.size() < count && block < order_.block_count(); ++block) {
    STELE_TRY(const auto ordered, order_.block(block));
    for (const OrderEntry& one : ordered) {
      if (one.from != id_ || one.base_offset != expected || one.file_at != at ||
          entries.size() == count)
        continue;
      STELE_TRY(const BatchEntry entry, rebuild_entry(file, one));
      entries.push_back(entry);
      at += one.batch_bytes;
      expected = entry.next_offset();
    }
  }
  if (entries.size() < count) {
    return fail(Code::kCorrupt, "{}: the order log knows {} of {} batches from offset {}",
                segment_path, entries.size(), count, expected.raw());
  }
  return entries;
}

}  // namespace stele::log
