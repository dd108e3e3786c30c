#include "log/event_store/decoded_batch.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::log {

Result<DecodedBatchPtr> DecodedBatch::make(const OrderedBatch& ordered,
                                           std::shared_ptr<const Bytes> owner,
                                           Decompressor& decompressor) {
  auto batch = std::make_shared<DecodedBatch>();
  batch->first_ = ordered.position;
  batch->end_ = ordered.position.next(ordered.record_count);
  batch->recorded_us_ = ordered.recorded_us;
  batch->from_ = ordered.from;
  batch->base_offset_ = ordered.base_offset;
  const auto corrupt = [&](const Error& error) {
    return fail(Code::kCorrupt, "partition {}, offset {}: {}", ordered.from.text(),
                ordered.base_offset.raw(), error.detail);
  };
  const auto header = parse_batch_header(ordered.batch);
  if (!header) return corrupt(header.error());
  batch->header_ = *header;
  const ByteView packed = ordered.batch.subspan(kBatchHeaderBytes);
  if (header->codec_id() == static_cast<std::uint8_t>(Codec::kNone)) {
    batch->owner_ = std::move(owner);
    batch->records_ = packed;
  } else {
    const auto section = decompressor.decompress(static_cast<Codec>(header->codec_id()), packed,
                                                 Decompressor::kLimitBytesMax);
    if (!section) return corrupt(section.error());
    batch->owner_ = std::make_shared<const Bytes>(section->begin(), section->end());
    batch->records_ = *batch->owner_;
  }
  if (const auto found = batch->find_records(); !found) return corrupt(found.error());
  return batch;
}

Result<void> DecodedBatch::find_records() {
  // Base offset and deltas stay when compaction removes records; positions follow the offsets.
  const std::int64_t shift = distance(base_offset_, header_.base_offset);
  const std::int64_t span = distance(first_, end_);
  slots_.reserve(static_cast<std::size_t>(std::max(header_.record_count, 0)));
  RecordReader reader(header_, records_);
  while (reader.next()) {
    const std::int64_t delta = shift + reader.record().offset_delta;
    if (delta < 0 || delta >= span)
      return fail(Code::kCorrupt, "a record's offset is outside what was appended");
    const auto at = static_cast<std::size_t>(reader.record_bytes().data() - records_.data());
    slots_.push_back({static_cast<std::int32_t>(delta), static_cast<std::uint32_t>(at)});
  }
  return reader.finish();
}

const DecodedBatch::Slot* DecodedBatch::find(Position position) const {
  const auto delta = static_cast<std::int32_t>(distance(first_, position));
  // Nothing was removed from most batches: then the record is where its number says.
  const auto guess = static_cast<std::size_t>(delta);
  if (guess < slots_.size() && slots_[guess].delta == delta) return &slots_[guess];
  const auto found = std::ranges::lower_bound(slots_, delta, {}, &Slot::delta);
  return found != slots_.end() && found->delta == delta ? &*found : nullptr;
}

std::optional<RecordView> DecodedBatch::record(Position position) const {
  const Slot* slot = find(position);
  if (slot == nullptr) return std::nullopt;
  RecordReader reader(header_, records_.subspan(slot->at));
  if (!reader.next()) return std::nullopt;
  return reader.record();
}

std::size_t DecodedBatch::record_bytes(Position position) const {
  const Slot* slot = find(position);
  if (slot == nullptr) return 0;
  const std::size_t next = slot == &slots_.back() ? records_.size() : (slot + 1)->at;
  return next - slot->at;
}

std::size_t DecodedBatch::memory_bytes() const {
  return sizeof(DecodedBatch) + slots_.capacity() * sizeof(Slot) + records_.size();
}

}  // namespace stele::log
