#include "log/order/order_log.h"

#include <algorithm>
#include <array>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

std::array<std::byte, kOrderEntryBytes> encode(const OrderEntry& entry) {
  std::array<std::byte, kOrderEntryBytes> out;
  store_le(out.data(), entry.position.raw());
  store_le(out.data() + 8, entry.recorded_us);
  std::ranges::copy(entry.from.topic.bytes, out.begin() + 16);
  store_le(out.data() + 32, entry.from.partition);
  store_le(out.data() + 36, entry.record_count);
  store_le(out.data() + 40, entry.base_offset.raw());
  store_le(out.data() + 48, entry.batch_bytes);
  store_le(out.data() + 52, entry.batch_crc);
  store_le(out.data() + 56, entry.file_at);
  return out;
}

OrderEntry decode(const std::byte* from) {
  return {.position = Position(load_le<std::int64_t>(from)),
          .recorded_us = load_le<std::int64_t>(from + 8),
          .from = {Uuid::load(from + 16), load_le<std::int32_t>(from + 32)},
          .record_count = load_le<std::uint32_t>(from + 36),
          .base_offset = Offset(load_le<std::int64_t>(from + 40)),
          .batch_bytes = load_le<std::uint32_t>(from + 48),
          .batch_crc = load_le<std::uint32_t>(from + 52),
          .file_at = load_le<std::uint64_t>(from + 56)};
}

}  // namespace

OrderLog::OrderLog(FileCache& files, std::string folder, const Uuid& store)
    : blocks_(files, {.path = std::move(folder),
                      .suffix = ".order",
                      .entry_bytes = kOrderEntryBytes,
                      .seed = mix_seed(mix_seed(store.high(), store.low()), 0x6f72646572),
                      .blocks_per_file = kOrderBlocksPerFile}) {}

void OrderLog::restore(std::uint64_t count, std::uint64_t first_block, ByteView tail) {
  blocks_.restore(count, tail);
  first_block_.store(first_block, std::memory_order_release);
}

Result<void> OrderLog::append(const OrderEntry& entry) {
  const std::uint64_t block = count() / entries_per_block();
  const bool completes = (count() + 1) % entries_per_block() == 0;
  if (completes) dirty_.insert(blocks_.path_of(block));
  return blocks_.append(encode(entry));
}

Result<std::vector<OrderEntry>> OrderLog::block(std::uint64_t index) const {
  if (index < first_block() || index >= block_count()) {
    return fail(Code::kOutOfRange, "order log has blocks {} to {}, not {}", first_block(),
                block_count(), index);
  }
  STELE_TRY(const Block found, blocks_.read(index));
  std::vector<OrderEntry> entries;
  entries.reserve(found.count());
  for (std::uint32_t i = 0; i < found.count(); ++i) entries.push_back(decode(found.entry(i)));
  return entries;
}

// Interpolation: batches are of like size for long stretches. Every third step halves, so that a
// log of another shape costs no more than three times a binary search.
Result<OrderLog::FoundBlock> OrderLog::seek(Position position) const {
  std::uint64_t low = first_block();
  std::uint64_t high = block_count();
  if (low >= high) return fail(Code::kOutOfRange, "the order log is empty");
  --high;
  STELE_TRY(FoundBlock last, read_found(high));
  if (position.raw() >= last.first || low == high) return last;
  STELE_TRY(FoundBlock found, read_found(low));
  if (position.raw() < found.next) return found;
  std::int64_t low_next = found.next;
  ++low;
  std::int64_t high_first = last.first;
  // The block is in [low, high), and its positions in [low_next, high_first).
  for (int step = 0; low < high; ++step) {
    const auto blocks = static_cast<double>(high - low);
    const double share =
        static_cast<double>(position.raw() - low_next) / static_cast<double>(high_first - low_next);
    const auto guessed =
        step % 3 == 2 ? (high - low) / 2 : static_cast<std::uint64_t>(blocks * share);
    const std::uint64_t middle = low + std::min(guessed, high - low - 1);
    STELE_TRY(found, read_found(middle));
    if (position.raw() < found.first) {
      high = middle;
      high_first = found.first;
    } else if (position.raw() >= found.next) {
      low = middle + 1;
      low_next = found.next;
    } else {
      return found;
    }
  }
  return fail(Code::kOutOfRange, "position {} is not in the order log", position.raw());
}

Result<OrderLog::FoundBlock> OrderLog::read_found(std::uint64_t index) const {
  FoundBlock found{.index = index, .block = {}};
  STELE_TRY(found.block, blocks_.read(index));
  if (found.block.count() == 0)
    return fail(Code::kCorrupt, "{}: block {} has no entries", blocks_.path_of(index), index);
  const OrderEntry last = decode(found.block.entry(found.block.count() - 1));
  found.first = load_le<std::int64_t>(found.block.entry(0));
  found.next = last.position.next(last.record_count).raw();
  return found;
}

Result<std::uint64_t> OrderLog::find(Position position) const {
  STELE_TRY(const FoundBlock found, seek(position));
  return found.index;
}

Result<OrderEntry> OrderLog::entry_at(Position position) const {
  STELE_TRY(const FoundBlock sought, seek(position));
  const Block& found = sought.block;
  // The last entry that begins at or before the position.
  std::uint32_t low = 0;
  std::uint32_t high = found.count();
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (load_le<std::int64_t>(found.entry(middle)) <= position.raw()) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return fail(Code::kOutOfRange, "position {} is not kept", position.raw());
  const OrderEntry entry = decode(found.entry(low - 1));
  if (position >= entry.position.next(entry.record_count))
    return fail(Code::kOutOfRange, "position {} is not in the order log", position.raw());
  return entry;
}

Result<std::optional<Position>> OrderLog::first_of_topics(const std::vector<Uuid>& topics,
                                                          Position from, Position below) const {
  if (first_block() >= block_count()) return std::nullopt;
  STELE_TRY(std::uint64_t index, find(from));
  for (; index < block_count(); ++index) {
    STELE_TRY(const std::vector<OrderEntry> entries, block(index));
    for (const OrderEntry& entry : entries) {
      const Position at = std::max(from, entry.position);
      if (at >= below) return std::nullopt;
      const bool is_of =
          topics.empty() || std::ranges::find(topics, entry.from.topic) != topics.end();
      if (is_of && at < entry.position.next(entry.record_count)) return at;
    }
  }
  return std::nullopt;
}

Result<std::optional<Position>> OrderLog::find_recorded(std::int64_t recorded_us) const {
  std::uint64_t low = first_block();
  std::uint64_t high = block_count();
  // The last block that begins before the time, or the first one: recorded times never decrease.
  while (low + 1 < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    STELE_TRY(const Block found, blocks_.read(middle));
    if (decode(found.entry(0)).recorded_us < recorded_us) {
      low = middle;
    } else {
      high = middle;
    }
  }
  for (; low < block_count(); ++low) {
    STELE_TRY(const std::vector<OrderEntry> entries, block(low));
    const auto found = std::ranges::find_if(
        entries, [&](const OrderEntry& entry) { return entry.recorded_us >= recorded_us; });
    if (found != entries.end()) return found->position;
  }
  return std::nullopt;
}

std::optional<std::string> OrderLog::drop_oldest_file() {
  const std::uint64_t first = first_block();
  if (count() / entries_per_block() < first + kOrderBlocksPerFile) return std::nullopt;
  std::string path = blocks_.path_of(first);
  dirty_.erase(path);
  first_block_.store(first + kOrderBlocksPerFile, std::memory_order_release);
  return path;
}

}  // namespace stele::log
