#include "log/compaction/rewrite_run.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/base/planted.h"
#include "log/compaction/replacement_writer.h"
#include "log/compaction/segment_scan.h"

namespace stele::log {

RewriteRun::RewriteRun(FileCache& files, RewriteInput input, CompactionCounts& counts)
    : files_(files),
      input_(std::move(input)),
      counts_(counts),
      throttle_(files.env(), input_.bytes_per_second_max) {}

Offset RewriteRun::end_of(std::size_t segment) const {
  return segment + 1 < input_.segments.size() ? input_.segments[segment + 1]->base() : input_.end;
}

// What the scan has read since it was last asked goes to the counters and the throttle.
Result<void> RewriteRun::read_so_far(std::uint64_t bytes, std::uint64_t& counted) {
  const std::uint64_t more = bytes - std::exchange(counted, bytes);
  counts_.read_bytes += static_cast<std::int64_t>(more);
  return throttle_.took(more);
}

Result<bool> RewriteRun::scan(const Segment& segment, const EachBatch& each) {
  SegmentScan scan(input_.partition->id(), segment, read_buffer_);
  std::uint64_t counted = 0;
  while (true) {
    STELE_TRY(const bool more, scan.next());
    if (!more) return true;
    if (scan.read_bytes() != counted) STELE_DO(read_so_far(scan.read_bytes(), counted));
    STELE_TRY(const bool on, each(scan.entry(), scan.header(), scan.batch()));
    if (!on) return false;
  }
}

Result<void> RewriteRun::check_space(const CompactionGroup& group) const {
  std::uint64_t bytes = 0;
  for (const auto& segment : group.segments) bytes += segment->published_bytes();
  STELE_TRY(const std::uint64_t free, files_.env().free_bytes(input_.partition->folder()));
  if (free >= bytes) return {};
  return fail(Code::kNoSpace, "compaction of {} needs {} bytes for a while, {} are free",
              group.segments.front()->path(), bytes, free);
}

Result<std::shared_ptr<Segment>> RewriteRun::write(const CompactionGroup& group) {
  STELE_DO(check_space(group));
  SegmentImage image{.base = group.segments.front()->base(),
                     .created_us = group.segments.front()->created_us(),
                     .dirty_from = dirty_from(group)};
  for (const auto& segment : group.segments)
    image.generation = std::max(image.generation, segment->generation() + 1);
  const std::unique_ptr<RemovalLog> removals = input_.removals ? input_.removals() : nullptr;
  auto made = input_.partition->make_replacement(image);
  ReplacementWriter writer(files_, *input_.partition, made, throttle_, write_buffer_);
  Result<void> written;
  for (std::size_t i = 0; written && i < group.segments.size(); ++i)
    written = write_segment(*group.segments[i], writer, removals.get());
  if (written) written = writer.finish();
  if (written && removals != nullptr && !planted(Plant::kForgetRemoved)) written = removals->keep();
  if (!written) {
    writer.discard();
    return std::unexpected(std::move(written).error());
  }
  counts_.written_bytes += static_cast<std::int64_t>(writer.written_bytes());
  return made;
}

Result<void> RewriteRun::write_segment(const Segment& from, ReplacementWriter& to,
                                       RemovalLog* removals) {
  const EachBatch each = [&](BatchEntry entry, const BatchHeader& header,
                             ByteView batch) -> Result<bool> {
    STELE_TRY(const FilteredBatch made, filter().filter(header, batch, entry.position));
    if (made.untouched) {
      STELE_DO(to.add(batch, entry));
      return true;
    }
    counts_.removed_records += made.removed_records;
    if (removals != nullptr && !made.removed.empty())
      STELE_DO(removals->remove(entry, batch, made.removed));
    if (made.bytes.empty()) return true;
    entry.min_timestamp_ms = made.min_timestamp_ms;
    entry.max_timestamp_ms = made.max_timestamp_ms;
    STELE_DO(to.add(made.bytes, entry));
    return true;
  };
  STELE_DO(scan(from, each));
  return {};
}

}  // namespace stele::log
