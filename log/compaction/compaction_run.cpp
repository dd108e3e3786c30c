#include "log/compaction/compaction_run.h"

#include <algorithm>
#include <limits>

#include "log/base/fail.h"
#include "log/format/records.h"

namespace stele::log {

CompactionRun::CompactionRun(FileCache& files, CompactionPlan plan, CompactionCounts& counts)
    : RewriteRun(files, std::move(plan.input), counts),
      dirty_from_(plan.dirty_from),
      segment_bytes_max_(plan.segment_bytes_max),
      map_(plan.memory_bytes_max, static_cast<std::uint64_t>(distance(dirty_from_, input().end)),
           dirty_from_, files.env().random()),
      filter_(map_, std::move(plan.last_batches), plan.rules) {}

std::size_t CompactionRun::first_dirty() const {
  std::size_t first = 0;
  while (end_of(first) <= dirty_from_) ++first;
  return first;
}

Result<void> CompactionRun::prepare() {
  const EachBatch each = [this](const BatchEntry& entry, const BatchHeader& header,
                                ByteView batch) -> Result<bool> {
    if (entry.next_offset() <= dirty_from_ || header.control()) return true;
    return map_batch(header, batch);
  };
  for (std::size_t i = first_dirty(); i < input().segments.size(); ++i) {
    STELE_TRY(const bool room, scan(*input().segments[i], each));
    if (!room) return {};
  }
  map_.set_end(input().end);
  return {};
}

Offset CompactionRun::dirty_from(const CompactionGroup& group) const {
  return group.next > map_.end() ? map_.end() : SegmentImage::kAllClean;
}

// False: the map is full, and ends in this batch.
Result<bool> CompactionRun::map_batch(const BatchHeader& header, ByteView batch) {
  const auto section =
      decompressor_.decompress(static_cast<Codec>(header.codec_id()),
                               batch.subspan(kBatchHeaderBytes), Decompressor::kLimitBytesMax);
  if (!section)
    return fail(Code::kCorrupt, "partition {}: the batch at offset {} cannot be compacted: {}",
                input().partition->id().text(), header.base_offset.raw(), section.error().detail);
  keys_.clear();
  RecordReader reader(header, *section);
  while (reader.next()) {
    const Offset offset = header.base_offset.next(reader.record().offset_delta);
    if (!reader.record().key || offset < dirty_from_) continue;
    const Hash128 key = map_.hash(*reader.record().key);
    map_.prefetch(key);
    keys_.emplace_back(key, offset);
  }
  if (const auto whole = reader.finish(); !whole)
    return fail(Code::kCorrupt, "partition {}: the batch at offset {} cannot be compacted: {}",
                input().partition->id().text(), header.base_offset.raw(), whole.error().detail);
  for (const auto& [key, offset] : keys_) {
    if (map_.put(key, offset)) continue;
    map_.set_end(offset);
    return false;
  }
  return true;
}

std::optional<CompactionGroup> CompactionRun::next_group() {
  if (next_segment_ == input().segments.size() ||
      input().segments[next_segment_]->base() >= map_.end())
    return std::nullopt;
  CompactionGroup group;
  const Offset base = input().segments[next_segment_]->base();
  std::uint64_t bytes = 0;
  while (next_segment_ < input().segments.size()) {
    const auto& segment = input().segments[next_segment_];
    bytes += segment->published_bytes();
    const Offset end = end_of(next_segment_);
    const bool fits = bytes <= segment_bytes_max_ &&
                      distance(base, end) <= std::numeric_limits<std::int32_t>::max() &&
                      segment->base() < map_.end();
    if (!group.segments.empty() && !fits) break;
    group.segments.push_back(segment);
    group.next = end;
    ++next_segment_;
  }
  return group;
}

}  // namespace stele::log
