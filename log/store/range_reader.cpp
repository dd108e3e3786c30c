#include "log/store/range_reader.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kBlocksPassedMax =
    256;  // of the order log, in one read: some 16,000 batches

}  // namespace

Result<std::optional<OrderedRead>> RangeReader::read() {
  // First where they stand, so that the buffer is made once and views into it stay true.
  STELE_DO(find());
  std::size_t bytes = 0;
  for (Run& run : runs_) {
    run.at = bytes;
    bytes += run.bytes;
  }
  result_.buffer.resize(bytes);
  read_runs(result_.buffer);
  for (std::size_t i = 0; i < result_.batches.size(); ++i) {
    OrderedBatch& batch = result_.batches[i];
    auto stored = checked(batch, found_[i], result_.buffer);
    if (!stored && stored.error().code == Code::kNotFound) return std::nullopt;
    if (!stored && i == 0) return std::unexpected(std::move(stored).error());
    if (!stored) {
      result_.next = batch.position;
      result_.batches.resize(i);
      break;
    }
    batch.batch = *stored;
  }
  return std::move(result_);
}

// --- where they stand ---

Result<void> RangeReader::find() {
  STELE_TRY(std::uint64_t block, order_.find(range_.from));
  const std::uint64_t last = block + kBlocksPassedMax;
  result_.next = range_.from;
  for (; block < order_.block_count() && block < last; ++block) {
    STELE_TRY(const auto entries, order_.block(block));
    for (const OrderEntry& entry : entries) {
      STELE_TRY(const bool more, take(entry));
      if (!more) return {};
    }
  }
  return {};
}

// False: the read ends in front of it.
Result<bool> RangeReader::take(const OrderEntry& entry) {
  const Position next = entry.position.next(entry.record_count);
  if (next <= range_.from) return true;
  if (entry.position >= range_.end) return false;
  if (range_.topic != nullptr && entry.from.topic != *range_.topic) {
    result_.next = next;
    return true;
  }
  // What is gone counts as well: a call must not go through all that was ever compacted.
  counted_bytes_ += entry.batch_bytes;
  if (!found_.empty() && counted_bytes_ > range_.bytes_max) return false;
  STELE_DO(add(entry));
  result_.next = next;
  return true;
}

Result<void> RangeReader::add(const OrderEntry& entry) {
  STELE_TRY(const Found found, find_place(entry));
  found_.push_back(found);
  result_.batches.push_back({.position = entry.position,
                             .recorded_us = entry.recorded_us,
                             .from = entry.from,
                             .base_offset = entry.base_offset,
                             .record_count = static_cast<std::int32_t>(entry.record_count),
                             .batch = {}});
  return {};
}

RangeReader::Source& RangeReader::source_of(const TopicPartition& partition) {
  if (last_from_ != nullptr && *last_from_ == partition) return *last_source_;
  const auto [at, is_new] = sources_.try_emplace(partition);
  Source& source = at->second;
  if (is_new) source.partition = table_.partition(partition);
  if (is_new && source.partition != nullptr) source.log_start = source.partition->log_start();
  last_from_ = &at->first;
  return *(last_source_ = &source);
}

Result<RangeReader::Found> RangeReader::find_place(const OrderEntry& entry) {
  Source& source = source_of(entry.from);
  const Offset next = entry.base_offset.next(entry.record_count);
  if (source.partition == nullptr || next <= source.log_start) return Found{};
  StoredBatch stored{.segment = nullptr,
                     .base_offset = entry.base_offset,
                     .file_at = entry.file_at,
                     .batch_bytes = entry.batch_bytes,
                     .crc = entry.batch_crc};
  Run* run = source.run == kNoRun ? nullptr : &runs_[source.run];
  // The next offset at the next byte of a segment as it was appended can be nowhere else.
  const bool follows = run != nullptr && !run->segment->compacted() &&
                       run->next_offset == entry.base_offset &&
                       run->file_at + run->bytes == entry.file_at;
  if (!follows) {
    STELE_TRY(auto place, source.partition->find_batch(entry));
    if (!place) return Found{};
    stored = *std::move(place);
    if (run == nullptr || run->segment != stored.segment ||
        run->file_at + run->bytes != stored.file_at) {
      source.run = runs_.size();
      run = &runs_.emplace_back(Run{.partition = source.partition,
                                    .segment = std::move(stored.segment),
                                    .file_at = stored.file_at,
                                    .next_offset = {}});
    }
  }
  const Found found{source.run, run->bytes, stored.batch_bytes, stored.crc};
  run->bytes += stored.batch_bytes;
  run->next_offset = next;
  return found;
}

// --- what stands there ---

void RangeReader::read_runs(ByteSpan buffer) {
  for (Run& run : runs_) {
    const auto got = run.segment->read(buffer.subspan(run.at, run.bytes), run.file_at);
    run.is_whole = got && *got == run.bytes;
  }
}

// Empty: it was let go of meanwhile. What is not as it should be is read once more, by itself, for
// the reason.
Result<ByteView> RangeReader::checked(const OrderedBatch& batch, const Found& found,
                                      ByteSpan buffer) const {
  if (found.run == kNoRun) return ByteView{};
  const Run& run = runs_[found.run];
  const ByteSpan bytes = buffer.subspan(run.at + found.at, found.batch_bytes);
  if (run.is_whole && is_batch_at(batch.base_offset, found.crc, bytes)) return ByteView(bytes);
  const auto read = run.partition->read_batch(
      {run.segment, batch.base_offset, run.file_at + found.at, found.batch_bytes, found.crc},
      bytes);
  if (read) return ByteView(bytes);
  if (read.error().code == Code::kOutOfRange) return ByteView{};
  return std::unexpected(read.error());
}

}  // namespace stele::log
