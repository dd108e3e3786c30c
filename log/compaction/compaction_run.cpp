#include "log/compaction/compaction_run.h"

#include <algorithm>
#include <limits>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/compaction/replacement_writer.h"
#include "log/compaction/segment_scan.h"
#include "log/format/records.h"

namespace stele::log {

CompactionRun::CompactionRun(FileCache& files, CompactionPlan plan, CompactionCounts& counts)
    : files_(files),
      plan_(std::move(plan)),
      counts_(counts),
      throttle_(files.env(), plan_.bytes_per_second_max),
      map_(plan_.memory_bytes_max, key_count_most(), plan_.dirty_from, files.env().random()),
      filter_(map_, std::move(plan_.last_batches), plan_.rules) {}

Offset CompactionRun::end_of(std::size_t segment) const {
  return segment + 1 < plan_.segments.size() ? plan_.segments[segment + 1]->base() : plan_.end;
}

std::size_t CompactionRun::first_dirty() const {
  std::size_t first = 0;
  while (end_of(first) <= plan_.dirty_from) ++first;
  return first;
}

std::uint64_t CompactionRun::key_count_most() const {
  return static_cast<std::uint64_t>(distance(plan_.dirty_from, plan_.end));
}

// What the scan has read since it was last asked goes to the counters and the throttle.
Result<void> CompactionRun::read_so_far(std::uint64_t bytes, std::uint64_t& counted) {
  const std::uint64_t more = bytes - std::exchange(counted, bytes);
  counts_.read_bytes += static_cast<std::int64_t>(more);
  return throttle_.took(more);
}

Result<void> CompactionRun::build_map() {
  for (std::size_t i = first_dirty(); i < plan_.segments.size(); ++i) {
    SegmentScan scan(plan_.partition->id(), *plan_.segments[i], read_buffer_);
    std::uint64_t counted = 0;
    while (true) {
      STELE_TRY(const bool more, scan.next());
      if (!more) break;
      if (scan.read_bytes() != counted) STELE_DO(read_so_far(scan.read_bytes(), counted));
      if (scan.entry().next_offset() <= plan_.dirty_from || scan.header().control()) continue;
      STELE_TRY(const bool room, map_batch(scan.header(), scan.batch()));
      if (!room) return {};
    }
  }
  map_.set_end(plan_.end);
  return {};
}

// False: the map is full, and ends in this batch.
Result<bool> CompactionRun::map_batch(const BatchHeader& header, ByteView batch) {
  const auto section =
      decompressor_.decompress(static_cast<Codec>(header.codec_id()),
                               batch.subspan(kBatchHeaderBytes), Decompressor::kLimitBytesMax);
  if (!section)
    return fail(Code::kCorrupt, "partition {}: the batch at offset {} cannot be compacted: {}",
                plan_.partition->id().text(), header.base_offset.raw(), section.error().detail);
  keys_.clear();
  RecordReader reader(header, *section);
  while (reader.next()) {
    const Offset offset = header.base_offset.next(reader.record().offset_delta);
    if (!reader.record().key || offset < plan_.dirty_from) continue;
    const Hash128 key = map_.hash(*reader.record().key);
    map_.prefetch(key);
    keys_.emplace_back(key, offset);
  }
  if (const auto whole = reader.finish(); !whole)
    return fail(Code::kCorrupt, "partition {}: the batch at offset {} cannot be compacted: {}",
                plan_.partition->id().text(), header.base_offset.raw(), whole.error().detail);
  for (const auto& [key, offset] : keys_) {
    if (map_.put(key, offset)) continue;
    map_.set_end(offset);
    return false;
  }
  return true;
}

std::optional<CompactionGroup> CompactionRun::next_group() {
  if (next_segment_ == plan_.segments.size() || plan_.segments[next_segment_]->base() >= map_.end())
    return std::nullopt;
  CompactionGroup group;
  const Offset base = plan_.segments[next_segment_]->base();
  std::uint64_t bytes = 0;
  while (next_segment_ < plan_.segments.size()) {
    const auto& segment = plan_.segments[next_segment_];
    bytes += segment->published_bytes();
    const Offset end = end_of(next_segment_);
    const bool fits = bytes <= plan_.segment_bytes_max &&
                      distance(base, end) <= std::numeric_limits<std::int32_t>::max() &&
                      segment->base() < map_.end();
    if (!group.segments.empty() && !fits) break;
    group.segments.push_back(segment);
    group.next = end;
    ++next_segment_;
  }
  return group;
}

Result<void> CompactionRun::check_space(const CompactionGroup& group) const {
  std::uint64_t bytes = 0;
  for (const auto& segment : group.segments) bytes += segment->published_bytes();
  STELE_TRY(const std::uint64_t free, files_.env().free_bytes(plan_.partition->folder()));
  if (free >= bytes) return {};
  return fail(Code::kNoSpace, "compaction of {} needs {} bytes for a while, {} are free",
              group.segments.front()->path(), bytes, free);
}

Result<std::shared_ptr<Segment>> CompactionRun::write(const CompactionGroup& group) {
  STELE_DO(check_space(group));
  SegmentImage image{.base = group.segments.front()->base(),
                     .created_us = group.segments.front()->created_us()};
  for (const auto& segment : group.segments)
    image.generation = std::max(image.generation, segment->generation() + 1);
  if (group.next > map_.end()) image.dirty_from = map_.end();
  auto made = plan_.partition->make_replacement(image);
  ReplacementWriter writer(files_, *plan_.partition, made, throttle_, write_buffer_);
  Result<void> written;
  for (std::size_t i = 0; written && i < group.segments.size(); ++i)
    written = write_segment(*group.segments[i], writer);
  if (written) written = writer.finish();
  if (!written) {
    writer.discard();
    return std::unexpected(std::move(written).error());
  }
  counts_.written_bytes += static_cast<std::int64_t>(writer.written_bytes());
  return made;
}

Result<void> CompactionRun::write_segment(const Segment& from, ReplacementWriter& to) {
  SegmentScan scan(plan_.partition->id(), from, read_buffer_);
  std::uint64_t counted = 0;
  while (true) {
    STELE_TRY(const bool more, scan.next());
    if (!more) return {};
    if (scan.read_bytes() != counted) STELE_DO(read_so_far(scan.read_bytes(), counted));
    BatchEntry entry = scan.entry();
    STELE_TRY(const FilteredBatch batch, filter_.filter(scan.header(), scan.batch()));
    counts_.removed_records += batch.removed_records;
    if (batch.untouched) {
      STELE_DO(to.add(scan.batch(), entry));
    } else if (!batch.bytes.empty()) {
      entry.min_timestamp_ms = batch.min_timestamp_ms;
      entry.max_timestamp_ms = batch.max_timestamp_ms;
      STELE_DO(to.add(batch.bytes, entry));
    }
  }
}

}  // namespace stele::log
