#include "log/compaction/batch_filter.h"

#include <limits>

#include "log/base/planted.h"

namespace stele::log {

Result<FilteredBatch> BatchFilter::filter(const BatchHeader& header, ByteView batch,
                                          Position /*first*/) {
  const FilteredBatch untouched{.untouched = true, .bytes = {}};
  if (header.base_offset >= map_.end()) return untouched;
  if (header.control()) return filter_control(header, batch);
  if (header.transactional()) with_data_.insert(header.producer_id);
  const bool had_horizon = header.has_delete_horizon();
  const bool drop_tombstones =
      (had_horizon && rules_.now_ms >= header.base_timestamp_ms) || planted(Plant::kDropTombstones);
  STELE_DO(read_records(header, batch));
  judge_records(header, drop_tombstones);
  if (staying_ == 0) {
    const bool is_last = is_last_of_producer(header);
    if (rewriter_.records().empty() && is_last) return untouched;
    return rewriter_.remove_all(header, is_last);
  }
  const bool all_stay = staying_ == std::ssize(rewriter_.records());
  if (tombstones_ && !had_horizon) return rewriter_.rewrite(header, new_horizon());
  return all_stay ? untouched : rewriter_.rewrite(header, std::nullopt);
}

Result<void> BatchFilter::read_records(const BatchHeader& header, ByteView batch) {
  STELE_DO(rewriter_.read(header, batch));
  hashes_.clear();
  for (const BatchRewriter::Record& record : rewriter_.records()) {
    hashes_.push_back(record.key ? map_.hash(*record.key) : Hash128{});
    if (record.key) map_.prefetch(hashes_.back());
  }
  return {};
}

void BatchFilter::judge_records(const BatchHeader& header, bool drop_tombstones) {
  staying_ = 0;
  tombstones_ = false;
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    BatchRewriter::Record& record = rewriter_.records()[i];
    const Offset offset = header.base_offset.next(record.offset_delta);
    const bool dropped = record.tombstone && drop_tombstones;
    record.stays =
        offset >= map_.end() || (record.key && !dropped && !map_.has_later(hashes_[i], offset));
    if (!record.stays) continue;
    ++staying_;
    tombstones_ = tombstones_ || (record.tombstone && offset < map_.end());
  }
}

// Markers of transactions that have no data left, as far as the log was read. Kafka's
// CleanedTransactionMetadata.
bool BatchFilter::is_discardable(const BatchHeader& control) {
  return with_data_.erase(control.producer_id) == 0;
}

bool BatchFilter::is_last_of_producer(const BatchHeader& header) const {
  if (!header.has_producer()) return false;
  const auto last = last_batches_.find(header.producer_id);
  return last != last_batches_.end() && last->second == header.base_offset;
}

std::int64_t BatchFilter::new_horizon() const {
  std::int64_t horizon = 0;
  if (__builtin_add_overflow(rules_.now_ms, rules_.delete_retention_ms, &horizon))
    return std::numeric_limits<std::int64_t>::max();
  return horizon;
}

Result<FilteredBatch> BatchFilter::filter_control(const BatchHeader& header, ByteView batch) {
  const FilteredBatch untouched{.untouched = true, .bytes = {}};
  if (!is_discardable(header)) return untouched;
  STELE_DO(read_records(header, batch));
  if (!header.has_delete_horizon())
    return rewriter_.records().empty() ? untouched : rewriter_.rewrite(header, new_horizon());
  if (rules_.now_ms < header.base_timestamp_ms) return untouched;
  return rewriter_.remove_all(header, is_last_of_producer(header));
}

}  // namespace stele::log
