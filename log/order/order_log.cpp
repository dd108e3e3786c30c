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

Result<std::uint64_t> OrderLog::find(Position position) const {
  std::uint64_t low = first_block();
  std::uint64_t high = block_count();
  if (low >= high) return fail(Code::kOutOfRange, "the order log is empty");
  --high;
  while (low < high) {
    const std::uint64_t middle = low + (high - low + 1) / 2;
    STELE_TRY(const Block found, blocks_.read(middle));
    if (decode(found.entry(0)).position <= position) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
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
