#include "log/compaction/segment_scan.h"

#include <algorithm>

namespace stele::log {

Result<bool> SegmentScan::next() {
  STELE_TRY(const bool more, next_entry());
  if (!more) return false;
  const BatchEntry& entry = this->entry();
  const std::uint64_t end = std::uint64_t{entry.file_at} + entry.batch_bytes;
  if (entry.file_at < buffer_at_ || end > buffer_at_ + buffered_) STELE_DO(fill(entry));
  const std::size_t in_buffer = std::min<std::size_t>(buffered_, entry.batch_bytes);
  batch_ = ByteView(buffer_).subspan(entry.file_at - buffer_at_, in_buffer);
  STELE_TRY(header_, check_stored_batch(partition_, segment_, entry, batch_));
  return true;
}

Result<bool> SegmentScan::next_entry() {
  const BatchIndex& index = segment_.index();
  if (ordinal_ == index.count()) return false;
  entry_ = ordinal_ % index.entries_per_block();
  if (entry_ == 0) {
    STELE_TRY(entries_, index.block(ordinal_ / index.entries_per_block()));
  }
  ++ordinal_;
  return true;
}

Result<void> SegmentScan::fill(const BatchEntry& entry) {
  const std::size_t wanted = std::max<std::size_t>(kPieceBytes, entry.batch_bytes);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  STELE_TRY(buffered_, segment_.read(ByteSpan(buffer_).first(wanted), entry.file_at));
  buffer_at_ = entry.file_at;
  read_bytes_ += buffered_;
  return {};
}

}  // namespace stele::log
