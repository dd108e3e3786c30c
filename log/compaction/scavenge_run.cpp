#include "log/compaction/scavenge_run.h"

#include <algorithm>

namespace stele::log {

Result<FilteredBatch> ScavengeFilter::filter(const BatchHeader& header, ByteView batch,
                                             Position first) {
  const FilteredBatch untouched{.untouched = true, .bytes = {}};
  if (header.control() || first >= let_go_.end()) return untouched;
  STELE_DO(rewriter_.read(header, batch));
  std::int64_t going = 0;
  for (BatchRewriter::Record& record : rewriter_.records()) {
    record.stays = !record.key || !let_go_.holds(*record.key, first.next(record.offset_delta));
    going += record.stays ? 0 : 1;
  }
  if (going == 0) return untouched;
  if (going < std::ssize(rewriter_.records())) return rewriter_.rewrite(header, std::nullopt);
  const auto last =
      header.has_producer() ? last_batches_.find(header.producer_id) : last_batches_.end();
  return rewriter_.remove_all(header,
                              last != last_batches_.end() && last->second == header.base_offset);
}

Result<void> ScavengeRun::prepare() {
  STELE_DO(let_go_->find());
  for (std::size_t i = 0; i < input().segments.size(); ++i) {
    STELE_TRY(const bool any, holds_any(*input().segments[i]));
    if (any) wanted_.push_back(i);
  }
  return {};
}

Result<bool> ScavengeRun::holds_any(const Segment& segment) {
  if (segment.index().count() == 0) return false;
  STELE_TRY(const BatchEntry first, segment.index().entry(0));
  if (first.position >= let_go_->end()) return false;
  STELE_TRY(const bool none, scan(segment,
                                  [this](const BatchEntry& entry, const BatchHeader& header,
                                         ByteView batch) -> Result<bool> {
                                    STELE_TRY(const auto made,
                                              filter_.filter(header, batch, entry.position));
                                    return made.untouched;
                                  }));
  return !none;
}

std::optional<CompactionGroup> ScavengeRun::next_group() {
  if (next_ == wanted_.size()) return std::nullopt;
  const std::size_t segment = wanted_[next_++];
  return CompactionGroup{.segments = {input().segments[segment]}, .next = end_of(segment)};
}

Offset ScavengeRun::dirty_from(const CompactionGroup& group) const {
  const Segment& segment = *group.segments.front();
  return segment.compacted() ? segment.dirty_from() : segment.base();
}

}  // namespace stele::log
