#include "projections/state/snapshot_file.h"

#include <algorithm>
#include <array>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/varint.h"

namespace stele::projections {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

struct Entry {
  ByteView key;
  ByteView state;
};

Entry next_entry(VarintReader& raw) {
  const std::uint64_t key_bytes = raw.unsigned_varlong();
  const std::uint64_t state_bytes = raw.unsigned_varlong();
  const ByteView key = raw.take(key_bytes);
  return {.key = key, .state = raw.take(state_bytes)};
}

}  // namespace

std::unexpected<Error> SnapshotFile::placed(Error error) const {
  return at(path_, std::move(error));
}

Result<std::unique_ptr<SnapshotFile>> SnapshotFile::open(Env& env, const std::string& path) {
  STELE_TRY(std::unique_ptr<File> file, env.open(path, OpenMode::kRead));
  std::unique_ptr<SnapshotFile> snapshot(new SnapshotFile(path, std::move(file)));
  if (auto read = snapshot->read_head(); !read) return snapshot->placed(std::move(read).error());
  return snapshot;
}

Result<void> SnapshotFile::read_head() {
  STELE_TRY(file_bytes_, file_->size());
  if (file_bytes_ < kSnapshotHeaderBytes + kSnapshotFooterBytes)
    return fail(Code::kCorrupt, "a snapshot of {} bytes is cut off", file_bytes_);
  std::array<std::byte, kSnapshotHeaderBytes> head;
  STELE_DO(read_exactly(head, 0));
  STELE_TRY(header_, decode_header(head));
  std::array<std::byte, kSnapshotFooterBytes> foot;
  const std::uint64_t foot_place = file_bytes_ - foot.size();
  STELE_DO(read_exactly(foot, foot_place));
  STELE_TRY(const SnapshotFooter footer, decode_footer(foot, header_));
  directory_place_ = footer.directory_place;
  if (directory_place_ > foot_place || footer.directory_bytes != foot_place - directory_place_)
    return fail(Code::kCorrupt, "its directory is not where its footer says");
  Bytes directory(footer.directory_bytes);
  STELE_DO(read_exactly(directory, directory_place_));
  if (directory_checksum(directory, directory_place_, header_) != footer.directory_checksum)
    return fail(Code::kCorrupt, "its directory fails its checksum");
  STELE_TRY(directory_, decode_directory(directory, directory_place_));
  if (directory_.mark.event_count != header_.event_count ||
      shapes_of(directory_.folds) != header_.shapes) {
    return fail(Code::kCorrupt, "its directory is of another snapshot");
  }
  return {};
}

Result<void> SnapshotFile::read_exactly(ByteSpan into, std::uint64_t at) const {
  STELE_TRY(const std::size_t got, file_->read(into, at));
  if (got != into.size()) return fail(Code::kCorrupt, "it ends at byte {}", at + got);
  return {};
}

std::uint64_t SnapshotFile::end_of(std::size_t fold, std::size_t block) const {
  const std::vector<SnapshotFold>& folds = directory_.folds;
  if (block + 1 < folds[fold].blocks.size()) return folds[fold].blocks[block + 1].place;
  for (++fold; fold < folds.size(); ++fold) {
    if (!folds[fold].blocks.empty()) return folds[fold].blocks.front().place;
  }
  return directory_place_;
}

Result<std::optional<Bytes>> SnapshotFile::find(std::size_t fold, const Key& key) const {
  STELE_CHECK(fold < directory_.folds.size());
  const std::vector<SnapshotFold::Block>& blocks = directory_.folds[fold].blocks;
  const auto behind =
      std::ranges::upper_bound(blocks, key.hash, {}, &SnapshotFold::Block::first_hash);
  if (behind == blocks.begin()) return std::nullopt;
  const auto index = static_cast<std::size_t>(behind - blocks.begin()) - 1;
  const std::uint64_t place = blocks[index].place;
  Bytes stored(end_of(fold, index) - place);
  Bytes raw;
  auto read = read_exactly(stored, place);
  if (read) read = decode_block(stored, place, header_, raw);
  if (!read) return placed(std::move(read).error());
  VarintReader entries(raw);
  while (entries.left_bytes() > 0) {
    const Entry entry = next_entry(entries);
    if (!std::ranges::equal(entry.key, key.bytes) || entries.failed()) continue;
    return Bytes(entry.state.begin(), entry.state.end());
  }
  if (entries.failed())
    return placed({Code::kCorrupt, fmt::format("the block at byte {} is malformed", place)});
  return std::nullopt;
}

Result<void> SnapshotFile::for_each(
    std::size_t fold,
    const std::function<Result<void>(ByteView key, ByteView state)>& visit) const {
  return for_each_entry(fold,
                        [&](const Key& key, ByteView state) { return visit(key.bytes, state); });
}

Result<void> SnapshotFile::for_each_entry(std::size_t fold, const VisitEntry& visit) const {
  STELE_CHECK(fold < directory_.folds.size());
  const std::vector<SnapshotFold::Block>& blocks = directory_.folds[fold].blocks;
  std::uint64_t entry_count = 0;
  const VisitEntry counted = [&](const Key& key, ByteView state) {
    ++entry_count;
    return visit(key, state);
  };
  Bytes stored;
  Bytes raw;
  for (std::size_t first = 0; first < blocks.size();) {
    std::size_t last = first;
    while (last + 1 < blocks.size() && end_of(fold, last + 1) - blocks[first].place <= kReadBytes)
      ++last;
    stored.resize(end_of(fold, last) - blocks[first].place);
    if (auto read = read_exactly(stored, blocks[first].place); !read)
      return placed(std::move(read).error());
    for (std::size_t i = first; i <= last; ++i) {
      const std::uint64_t place = blocks[i].place;
      const ByteView bytes =
          ByteView(stored).subspan(place - blocks[first].place).first(end_of(fold, i) - place);
      if (auto whole = decode_block(bytes, place, header_, raw); !whole)
        return placed(std::move(whole).error());
      STELE_DO(visit_block(fold, i, raw, counted));
    }
    first = last + 1;
  }
  if (entry_count == directory_.folds[fold].key_count) return {};
  return placed({Code::kCorrupt, fmt::format("{} keys, its directory says {}", entry_count,
                                             directory_.folds[fold].key_count)});
}

Result<void> SnapshotFile::visit_block(std::size_t fold, std::size_t block, ByteView raw,
                                       const VisitEntry& visit) const {
  const std::vector<SnapshotFold::Block>& blocks = directory_.folds[fold].blocks;
  const auto malformed = [&] {
    return placed(
        {Code::kCorrupt, fmt::format("the block at byte {} is malformed", blocks[block].place)});
  };
  VarintReader entries(raw);
  std::optional<Key> last;
  while (entries.left_bytes() > 0) {
    const Entry entry = next_entry(entries);
    if (entries.failed()) return malformed();
    const Key key(entry.key);
    const bool in_order = !last.has_value()
                              ? key.hash == blocks[block].first_hash
                              : last->hash < key.hash ||
                                    (last->hash == key.hash &&
                                     std::ranges::lexicographical_compare(last->bytes, key.bytes));
    if (!in_order) return malformed();
    STELE_DO(visit(key, entry.state));
    last = key;
  }
  if (!last.has_value()) return malformed();
  const bool ends_before_next =
      block + 1 == blocks.size() || last->hash < blocks[block + 1].first_hash;
  return ends_before_next ? Result<void>{} : malformed();
}

}  // namespace stele::projections
