#include "log/segment/batch_index.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::log {

BatchIndex::BatchIndex(FileCache& files, std::string path, std::uint64_t seed, Offset segment_base,
                       RebuildBatches rebuild)
    : blocks_(
          files,
          {.path = std::move(path), .suffix = {}, .entry_bytes = kBatchEntryBytes, .seed = seed}),
      segment_base_(segment_base),
      rebuild_(std::move(rebuild)) {}

std::array<std::byte, kBatchEntryBytes> BatchIndex::encode(const BatchEntry& entry) const {
  std::array<std::byte, kBatchEntryBytes> out;
  store_le(out.data(), static_cast<std::uint32_t>(distance(segment_base_, entry.base_offset)));
  store_le(out.data() + 4, entry.offset_count);
  store_le(out.data() + 8, entry.file_at);
  store_le(out.data() + 12, entry.batch_bytes);
  store_le(out.data() + 16, entry.position.raw());
  store_le(out.data() + 24, entry.recorded_us);
  store_le(out.data() + 32, entry.min_timestamp_ms);
  store_le(out.data() + 40, entry.max_timestamp_ms);
  return out;
}

BatchEntry BatchIndex::decode(const std::byte* from) const {
  return {.base_offset = segment_base_.next(load_le<std::uint32_t>(from)),
          .offset_count = load_le<std::uint32_t>(from + 4),
          .file_at = load_le<std::uint32_t>(from + 8),
          .batch_bytes = load_le<std::uint32_t>(from + 12),
          .position = Position(load_le<std::int64_t>(from + 16)),
          .recorded_us = load_le<std::int64_t>(from + 24),
          .min_timestamp_ms = load_le<std::int64_t>(from + 32),
          .max_timestamp_ms = load_le<std::int64_t>(from + 40)};
}

std::uint32_t BatchIndex::count_of(std::uint64_t index, std::uint64_t total) const {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(entries_per_block(), total - index * entries_per_block()));
}

Result<void> BatchIndex::resume() {
  if (resumed_) return {};
  const std::uint64_t total = count();
  const auto in_tail = static_cast<std::uint32_t>(total % entries_per_block());
  Bytes tail;
  if (in_tail > 0) {
    // The block may hold more entries than the checkpoint knows: what follows is replayed.
    STELE_TRY(const Block block, checked_block(total / entries_per_block()));
    const std::byte* from = block.entry(0);
    tail.assign(from, from + std::size_t{in_tail} * kBatchEntryBytes);
  }
  blocks_.restore(total, tail);
  resumed_ = true;
  return {};
}

void BatchIndex::append(const BatchEntry& entry) {
  STELE_CHECK(resumed_);
  const auto written = blocks_.append(encode(entry));
  static_cast<void>(
      written);  // derived: a block that could not be written is rebuilt when it is read
}

void BatchIndex::write_tail() {
  const auto written = blocks_.write_tail();
  static_cast<void>(written);
}

Result<Block> BatchIndex::checked_block(std::uint64_t index) const {
  const std::uint64_t total = count();
  STELE_CHECK(index * entries_per_block() < total);
  const std::uint32_t expected = count_of(index, total);
  auto block = blocks_.read(index);
  if (block && block->count() >= expected) return block;
  if (!block && block.error().code != Code::kCorrupt) return block;
  if (retired_.load(std::memory_order_acquire)) {
    return fail(Code::kCorrupt, "{} was replaced meanwhile", blocks_.path_of(index));
  }
  std::optional<BatchEntry> before;
  if (index > 0) {
    STELE_TRY(const Block previous, checked_block(index - 1));
    before = decode(previous.entry(previous.count() - 1));
  }
  STELE_TRY(const auto entries, rebuild_(before, expected));
  Bytes bytes;
  for (const BatchEntry& made : entries) {
    const auto encoded = encode(made);
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  }
  return blocks_.repair(index, bytes);
}

Result<BatchEntry> BatchIndex::entry(std::uint64_t ordinal) const {
  STELE_TRY(const Block block, checked_block(ordinal / entries_per_block()));
  return decode(block.entry(static_cast<std::uint32_t>(ordinal % entries_per_block())));
}

Result<BatchEntry> BatchIndex::find_offset(Offset offset) const {
  STELE_TRY(const Found found, find_last_at_or_before(offset));
  return found.entry;
}

Result<std::uint64_t> BatchIndex::find_at_or_after(Offset offset) const {
  STELE_TRY(const Found found, find_last_at_or_before(offset));
  return found.entry.next_offset() > offset ? found.ordinal : found.ordinal + 1;
}

// The first entry if all of them begin behind `offset`.
Result<BatchIndex::Found> BatchIndex::find_last_at_or_before(Offset offset) const {
  const std::uint64_t total = count();
  STELE_CHECK(total > 0);
  // The last block whose first entry is at most `offset`. Readers are mostly at the end, whose
  // block is in memory.
  std::uint64_t high = (total - 1) / entries_per_block();
  std::uint64_t low = high;
  STELE_TRY(Block block, checked_block(high));
  if (high > 0 && decode(block.entry(0)).base_offset > offset) {
    low = 0;
    --high;
    while (low < high) {
      const std::uint64_t middle = low + (high - low + 1) / 2;
      STELE_TRY(block, checked_block(middle));
      if (decode(block.entry(0)).base_offset <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    STELE_TRY(block, checked_block(low));
  }
  std::uint32_t first = 0;
  std::uint32_t last = count_of(low, total);
  while (last - first > 1) {
    const std::uint32_t middle = first + (last - first) / 2;
    (decode(block.entry(middle)).base_offset <= offset ? first : last) = middle;
  }
  return Found{low * entries_per_block() + first, decode(block.entry(first))};
}

Result<std::optional<BatchEntry>> BatchIndex::find_time(std::int64_t timestamp_ms,
                                                        std::uint64_t total) const {
  for (std::uint64_t index = 0; index * entries_per_block() < total; ++index) {
    STELE_TRY(const Block block, checked_block(index));
    for (std::uint32_t i = 0; i < count_of(index, total); ++i) {
      const BatchEntry found = decode(block.entry(i));
      if (found.max_timestamp_ms >= timestamp_ms) return found;
    }
  }
  return std::nullopt;
}

Result<std::vector<BatchEntry>> BatchIndex::block(std::uint64_t index) const {
  STELE_TRY(const Block block, checked_block(index));
  std::vector<BatchEntry> entries;
  for (std::uint32_t i = 0; i < count_of(index, count()); ++i)
    entries.push_back(decode(block.entry(i)));
  return entries;
}

}  // namespace stele::log
