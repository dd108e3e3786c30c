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

// The segment that holds `offset`: the last one that begins at or below it; else the first one.
Partition::SegmentList::const_iterator segment_at(const Partition::SegmentList& list,
                                                  Offset offset) {
  const auto after =
      std::ranges::upper_bound(list, offset, {}, [](const auto& one) { return one->base(); });
  return after == list.begin() ? after : std::prev(after);
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

// Least and greatest time of its records; -1 if it has none.
Result<void> set_times(BatchEntry& entry, const BatchHeader& header, ByteView batch) {
  Decompressor decompressor;
  STELE_TRY(const ByteView records, records_of(header, batch, decompressor));
  entry.min_timestamp_ms = header.record_count == 0 ? -1 : INT64_MAX;
  entry.max_timestamp_ms = header.record_count == 0 ? -1 : INT64_MIN;
  RecordReader reader(header, records);
  while (reader.next()) {
    entry.min_timestamp_ms = std::min(entry.min_timestamp_ms, reader.record().timestamp_ms);
    entry.max_timestamp_ms = std::max(entry.max_timestamp_ms, reader.record().timestamp_ms);
  }
  return reader.finish();
}

// The whole batch at `at` of a file that says itself how long its batches are. kCorrupt if none is.
Result<BatchHeader> read_whole_batch(const File& file, std::uint64_t at, Bytes& batch) {
  batch.resize(kBatchHeaderBytes);
  STELE_TRY(std::size_t got, file.read(batch, at));
  const auto header = parse_batch_header(ByteView(batch).first(got));
  if (!header) return fail(Code::kCorrupt, "no batch stands at byte {}", at);
  STELE_TRY(const std::uint64_t size, file.size());
  if (static_cast<std::uint64_t>(header->batch_bytes) > size - at)
    return fail(Code::kCorrupt, "the batch at byte {} is cut off", at);
  batch.resize(static_cast<std::size_t>(header->batch_bytes));
  STELE_TRY(got, file.read(batch, at));
  if (got < batch.size() || !batch_crc_matches(batch))
    return fail(Code::kCorrupt, "the batch at byte {} is damaged", at);
  return *header;
}

}  // namespace

Result<BatchHeader> check_stored_batch(const TopicPartition& partition, const Segment& segment,
                                       const BatchEntry& entry, ByteView bytes) {
  Error damage = damaged(partition, entry.base_offset, segment.path(), entry.file_at);
  STELE_TRY(const auto header, whole_batch(bytes, entry.base_offset, damage));
  if (!header || static_cast<std::size_t>(header->batch_bytes) != bytes.size() ||
      header->next_offset() != entry.next_offset())
    return std::unexpected(std::move(damage));
  return *header;
}

bool is_batch_at(Offset base_offset, std::optional<std::uint32_t> crc, ByteView bytes) {
  const auto header = parse_batch_header(bytes);
  return header && stamped_right(*header, base_offset) &&
         static_cast<std::size_t>(header->batch_bytes) == bytes.size() &&
         header->crc == crc.value_or(header->crc) && batch_crc_matches(bytes);
}

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
  while (true) {
    // In this order: the list is at least as new as the end, and no newer than the log start.
    const Offset end = this->end();
    const auto list = segments_.load();
    auto result = read_list(*list, end, from, into);
    // What was replaced under the reader is looked for where it is now.
    if (!result && segments_.load() != list) continue;
    if (!result) return std::unexpected(explained(std::move(result).error(), from));
    return result;
  }
}

Result<PartitionRead> Partition::read_list(const SegmentList& list, Offset end, Offset from,
                                           ByteSpan into) const {
  if (from < log_start() || from > end) {
    return fail(Code::kOutOfRange, "offset {} is outside {} to {}", from.raw(), log_start().raw(),
                end.raw());
  }
  if (from == end) return PartitionRead{.next = from};
  for (auto at = segment_at(list, from); at != list.end(); ++at) {
    const Segment& segment = **at;
    // All between is gone, and the end was another one when the reader looked.
    if (segment.base() >= end) return PartitionRead{.next = end};
    if (segment.index().count() == 0) break;
    if (!segment.compacted()) return read_dense(segment, end, std::max(from, segment.base()), into);
    STELE_TRY(const std::uint64_t ordinal, segment.index().find_at_or_after(from));
    if (ordinal < segment.index().count()) return read_compacted(segment, ordinal, into);
  }
  return fail(Code::kOutOfRange, "offset {} was removed meanwhile", from.raw());
}

Result<PartitionRead> Partition::read_dense(const Segment& segment, Offset end, Offset from,
                                            ByteSpan into) const {
  PartitionRead result{.next = from};
  STELE_TRY(const BatchEntry entry, segment.index().find_offset(from));
  STELE_TRY(const std::size_t got, segment.read(into, entry.file_at));
  Offset expected = entry.base_offset;
  while (expected < end) {
    const std::uint64_t at = entry.file_at + result.bytes;
    const auto header = whole_batch(into.subspan(result.bytes, got - result.bytes), expected,
                                    damaged(id_, expected, segment.path(), at));
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
      return std::unexpected(damaged(id_, entry.base_offset, segment.path(), entry.file_at));
    result.needed = entry.batch_bytes;
  }
  return result;
}

// Batches do not follow from one another: what should stand where is in the index alone.
Result<PartitionRead> Partition::read_compacted(const Segment& segment, std::uint64_t ordinal,
                                                ByteSpan into) const {
  const BatchIndex& index = segment.index();
  PartitionRead result;
  std::size_t got = 0;
  for (bool more = true; more && ordinal < index.count();) {
    const auto entries = index.block(ordinal / index.entries_per_block());
    if (!entries && result.bytes == 0) return std::unexpected(entries.error());
    if (!entries) break;
    for (std::size_t i = ordinal % index.entries_per_block(); more && i < entries->size();
         ++i, ++ordinal) {
      const BatchEntry& entry = (*entries)[i];
      if (result.bytes == 0) {
        result.next = entry.base_offset;
        result.needed = entry.batch_bytes;
        STELE_TRY(got, segment.read(into, entry.file_at));
      }
      more = entry.batch_bytes <= got - result.bytes;
      if (!more) break;
      const auto header =
          check_stored_batch(id_, segment, entry, into.subspan(result.bytes, entry.batch_bytes));
      if (!header && result.bytes > 0) return result;
      if (!header) return std::unexpected(header.error());
      result.bytes += entry.batch_bytes;
      result.next = entry.next_offset();
      result.needed = 0;
    }
  }
  return result;
}

Result<std::optional<StoredBatch>> Partition::find_batch(const OrderEntry& ordered) const {
  while (true) {
    const auto list = segments_.load();
    const auto at = segment_at(*list, ordered.base_offset);
    if (removed() || at == list->end() || (*at)->base() > ordered.base_offset) return std::nullopt;
    if (!(*at)->compacted()) {
      return StoredBatch{*at, ordered.base_offset, ordered.file_at, ordered.batch_bytes,
                         ordered.batch_crc};
    }
    const auto ordinal = (*at)->index().find_at_or_after(ordered.base_offset);
    if (!ordinal && segments_.load() != list) continue;
    if (!ordinal) return std::unexpected(explained(ordinal.error(), ordered.base_offset));
    if (*ordinal == (*at)->index().count()) return std::nullopt;
    const auto entry = (*at)->index().entry(*ordinal);
    if (!entry && segments_.load() != list) continue;
    if (!entry) return std::unexpected(explained(entry.error(), ordered.base_offset));
    if (entry->base_offset != ordered.base_offset) return std::nullopt;
    return StoredBatch{*at, entry->base_offset, entry->file_at, entry->batch_bytes, std::nullopt};
  }
}

Result<void> Partition::read_batch(const StoredBatch& batch, ByteSpan into) const {
  STELE_CHECK(into.size() == batch.batch_bytes);
  const auto got = batch.segment->read(into, batch.file_at);
  if (got && *got == into.size() && is_batch_at(batch.base_offset, batch.crc, into)) return {};
  const auto list = segments_.load();
  const bool listed =
      std::ranges::any_of(*list, [&](const auto& one) { return one.get() == batch.segment.get(); });
  if (!listed && batch.base_offset >= log_start())
    return fail(Code::kNotFound, "the batch at offset {} was replaced meanwhile",
                batch.base_offset.raw());
  const Error error =
      got ? damaged(id_, batch.base_offset, batch.segment->path(), batch.file_at) : got.error();
  return std::unexpected(explained(error, batch.base_offset));
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
  while (true) {
    const Offset end = this->end();
    const auto list = segments_.load();
    auto found = find_time_in(*list, end, timestamp_ms);
    if (found || segments_.load() == list) return found;
  }
}

Result<std::optional<TimedRecord>> Partition::find_time_in(const SegmentList& list, Offset end,
                                                           std::int64_t timestamp_ms) const {
  for (const auto& segment : list) {
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
                   .offset_count = ordered.record_count,
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
  STELE_DO(set_times(entry, **header, batch));
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

// The same for a segment that compaction wrote: the order log knows which offsets a batch took, but
// no longer which batches are left, where, and how large.
Result<std::vector<BatchEntry>> Partition::rebuild_compacted(const std::string& segment_path,
                                                             std::optional<BatchEntry> before,
                                                             std::uint32_t count) const {
  STELE_TRY(const auto file, files_.open(segment_path, OpenMode::kRead));
  std::uint64_t at = before ? std::uint64_t{before->file_at} + before->batch_bytes : 0;
  std::uint64_t block = order_.first_block();
  if (before) {
    STELE_TRY(block, order_.find(before->position));
  }
  std::vector<BatchEntry> entries;
  Bytes batch;
  auto header = read_whole_batch(*file, at, batch);
  for (; header && entries.size() < count && block < order_.block_count(); ++block) {
    STELE_TRY(const auto ordered, order_.block(block));
    for (const OrderEntry& one : ordered) {
      if (one.from != id_ || one.base_offset != header->base_offset ||
          one.record_count != distance(header->base_offset, header->next_offset()))
        continue;
      BatchEntry& entry = entries.emplace_back();
      entry = {.base_offset = one.base_offset,
               .offset_count = one.record_count,
               .file_at = static_cast<std::uint32_t>(at),
               .batch_bytes = static_cast<std::uint32_t>(batch.size()),
               .position = one.position,
               .recorded_us = one.recorded_us};
      STELE_DO(set_times(entry, *header, batch));
      at += batch.size();
      if (entries.size() == count) break;
      header = read_whole_batch(*file, at, batch);
      if (!header) break;
    }
  }
  if (entries.size() < count) {
    return fail(Code::kCorrupt, "{}: only {} of {} batches from byte {} on are found again: {}",
                segment_path, entries.size(), count, at,
                header ? "the order log does not name the next" : header.error().detail);
  }
  return entries;
}

Result<void> for_each_batch(const Partition& partition,
                            const std::function<Result<void>(ByteView batch)>& visit) {
  constexpr std::size_t kReadBytes = 1 << 20;
  Bytes buffer(kReadBytes);
  for (Offset at = partition.log_start(); at < partition.end();) {
    STELE_TRY(const PartitionRead read, partition.read(at, buffer));
    if (read.bytes == 0 && read.needed > buffer.size()) {
      buffer.resize(read.needed);
      continue;
    }
    for (ByteView batches = ByteView(buffer).first(read.bytes); !batches.empty();) {
      STELE_TRY(const BatchHeader header, parse_batch_header(batches));
      const auto bytes = static_cast<std::size_t>(header.batch_bytes);
      STELE_DO(visit(batches.first(bytes)));
      batches = batches.subspan(bytes);
    }
    at = read.next;
  }
  return {};
}

}  // namespace stele::log
