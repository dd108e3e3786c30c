#include "log/segment/block_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

// 0 magic u32 | 4 entry bytes u16 | 6 count u16 | 8 checksum u64 (of 16…end) | 16 block index u64 |
// 24 zeros | 64 entries
constexpr std::uint32_t kMagic = 0x424b5453;  // "STKB"
constexpr std::size_t kChecksummedFrom = 16;
constexpr std::uint64_t kReserveBlocks = 256;

std::uint64_t block_checksum(ByteView block, std::uint64_t seed, std::uint64_t index,
                             std::uint32_t count) {
  return checksum(block.subspan(kChecksummedFrom), mix_seed(mix_seed(seed, index), count));
}

}  // namespace

BlockLog::BlockLog(FileCache& files, BlockLogSpec spec)
    : files_(files),
      spec_(std::move(spec)),
      entries_per_block_(
          static_cast<std::uint32_t>((kBlockBytes - kBlockHeaderBytes) / spec_.entry_bytes)) {}

std::string BlockLog::path_of(std::uint64_t index) const {
  if (spec_.blocks_per_file == 0) return spec_.path;
  return fmt::format("{}/{:020}{}", spec_.path,
                     index / spec_.blocks_per_file * spec_.blocks_per_file, spec_.suffix);
}

std::uint64_t BlockLog::place_of(std::uint64_t index) const {
  return (spec_.blocks_per_file == 0 ? index : index % spec_.blocks_per_file) * kBlockBytes;
}

void BlockLog::restore(std::uint64_t count, ByteView tail) {
  STELE_CHECK(tail.size() == count % entries_per_block_ * spec_.entry_bytes);
  auto fresh = std::make_shared<Tail>();
  fresh->index = count / entries_per_block_;
  fresh->count = static_cast<std::uint32_t>(count % entries_per_block_);
  std::ranges::copy(tail, fresh->bytes.begin() + kBlockHeaderBytes);
  reserved_blocks_ = fresh->index;
  tail_.store(std::move(fresh));
  count_.store(count, std::memory_order_release);
}

Result<void> BlockLog::append(ByteView entry) {
  STELE_CHECK(entry.size() == spec_.entry_bytes);
  auto tail = tail_.load();
  if (tail == nullptr || tail->count.load(std::memory_order_relaxed) == entries_per_block_) {
    auto fresh = std::make_shared<Tail>();
    fresh->index = count_.load(std::memory_order_relaxed) / entries_per_block_;
    tail_.store(fresh);
    tail = std::move(fresh);
  }
  const std::uint32_t used = tail->count.load(std::memory_order_relaxed);
  std::ranges::copy(entry, tail->bytes.begin() + kBlockHeaderBytes + used * spec_.entry_bytes);
  tail->count.store(used + 1, std::memory_order_release);
  count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (used + 1 < entries_per_block_) return {};
  std::array<std::byte, kBlockBytes> block = tail->bytes;  // readers may be looking at the tail's
  return write(tail->index, block, entries_per_block_);
}

Result<void> BlockLog::reserve(std::uint64_t entry_count) {
  const std::uint64_t last = (count() + entry_count) / entries_per_block_;
  while (reserved_blocks_ <= last) {
    const std::uint64_t from = reserved_blocks_;
    const std::uint64_t file_end = spec_.blocks_per_file == 0
                                       ? UINT64_MAX
                                       : (from / spec_.blocks_per_file + 1) * spec_.blocks_per_file;
    const std::uint64_t blocks =
        std::min(std::max(kReserveBlocks, last + 1 - from), file_end - from);
    STELE_TRY(auto file, files_.open(path_of(from), OpenMode::kCreate));
    STELE_DO(file->reserve(place_of(from), blocks * kBlockBytes));
    reserved_blocks_ = from + blocks;
    keep_open(path_of(from), std::move(file));
  }
  return {};
}

// What has its space has its descriptor too: a write that was promised does not want for one.
void BlockLog::keep_open(const std::string& path, std::shared_ptr<File> file) {
  constexpr std::size_t kFilesMax = 2;  // the one being filled, and the next
  if (std::ranges::find(reserved_files_, path, &ReservedFile::first) != reserved_files_.end())
    return;
  if (reserved_files_.size() == kFilesMax) reserved_files_.erase(reserved_files_.begin());
  reserved_files_.emplace_back(path, std::move(file));
}

Result<std::shared_ptr<File>> BlockLog::open_for_writing(std::uint64_t index) const {
  const std::string path = path_of(index);
  const auto kept = std::ranges::find(reserved_files_, path, &ReservedFile::first);
  if (kept != reserved_files_.end()) return kept->second;
  return files_.open(path, OpenMode::kCreate);
}

ByteView BlockLog::tail() const {
  const auto tail = tail_.load();
  if (tail == nullptr) return {};
  return ByteView(tail->bytes).subspan(kBlockHeaderBytes, tail->count.load() * spec_.entry_bytes);
}

Result<void> BlockLog::write_tail() {
  const auto tail = tail_.load();
  if (tail == nullptr || tail->count.load() == 0) return {};
  std::array<std::byte, kBlockBytes> block = tail->bytes;
  return write(tail->index, block, tail->count.load());
}

Result<void> BlockLog::write(std::uint64_t index, std::span<std::byte, kBlockBytes> bytes,
                             std::uint32_t count) const {
  std::byte* to = bytes.data();
  store_le(to, kMagic);
  store_le(to + 4, static_cast<std::uint16_t>(spec_.entry_bytes));
  store_le(to + 6, static_cast<std::uint16_t>(count));
  store_le(to + 16, index);
  store_le(to + 8, block_checksum(bytes, spec_.seed, index, count));
  STELE_TRY(const auto file, open_for_writing(index));
  return file->write(bytes, place_of(index));
}

Block BlockLog::repair(std::uint64_t index, ByteView entries) {
  const std::size_t count = entries.size() / spec_.entry_bytes;
  STELE_CHECK(count > 0 && count <= entries_per_block_ && entries.size() % spec_.entry_bytes == 0);
  Block block;
  block.bytes_.fill(std::byte{0});
  block.entry_bytes_ = spec_.entry_bytes;
  block.count_ = static_cast<std::uint32_t>(count);
  std::ranges::copy(entries, block.bytes_.begin() + kBlockHeaderBytes);
  const auto written = write(index, block.bytes_, block.count_);
  static_cast<void>(written);  // derived data: what could not be written is rebuilt again
  return block;
}

Result<Block> BlockLog::read(std::uint64_t index) const {
  if (const auto tail = tail_.load(); tail != nullptr && tail->index == index) {
    Block block;
    block.entry_bytes_ = spec_.entry_bytes;
    block.count_ = tail->count.load(std::memory_order_acquire);
    std::copy_n(tail->bytes.begin(), kBlockHeaderBytes + block.count_ * spec_.entry_bytes,
                block.bytes_.begin());
    return block;
  }
  return read_disk(index);
}

Result<Block> BlockLog::read_disk(std::uint64_t index) const {
  Block block;
  block.entry_bytes_ = spec_.entry_bytes;
  const std::string path = path_of(index);
  const auto file = files_.open(path);
  if (!file) {
    return fail(file.error().code == Code::kNotFound ? Code::kCorrupt : file.error().code, "{}",
                file.error().detail);
  }
  STELE_TRY(const std::size_t got, (*file)->read(block.bytes_, place_of(index)));
  const std::byte* from = block.bytes_.data();
  block.count_ = load_le<std::uint16_t>(from + 6);
  if (got != kBlockBytes || load_le<std::uint32_t>(from) != kMagic ||
      block.count_ > entries_per_block_ || load_le<std::uint16_t>(from + 4) != spec_.entry_bytes ||
      load_le<std::uint64_t>(from + 16) != index ||
      load_le<std::uint64_t>(from + 8) !=
          block_checksum(block.bytes_, spec_.seed, index, block.count_)) {
    return fail(Code::kCorrupt, "{}: block {} at byte {} fails its checksum", path, index,
                place_of(index));
  }
  return block;
}

}  // namespace stele::log
