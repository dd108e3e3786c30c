// Fuzzes snapshots: opening, finding, walking, restoring. Header, directory, footer and every block
// are sealed again first, so that mutations reach what stands behind the checksums; the bytes as
// given are tried too.
#include <algorithm>
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "projections/state/memory_store.h"
#include "projections/state/snapshot_file.h"
#include "tests/projections/state/life_types.h"
#include "tests/support/sim_env.h"

namespace {

using namespace stele;
using namespace stele::projections;

constexpr const char* kFolder = "/flow";
constexpr const char* kPath = "/flow/00000000000000000002.snap";

void expect_refused(const Error& error) {
  STELE_CHECK(error.code == Code::kCorrupt || error.code == Code::kUnsupported);
}

/// Blocks, if there is a directory that says where they are.
void seal_blocks(Bytes& file, const SnapshotDirectory& directory, std::uint64_t end,
                 const SnapshotHeader& header) {
  std::vector<std::uint64_t> places;
  for (const SnapshotFold& fold : directory.folds) {
    for (const SnapshotFold::Block& block : fold.blocks) places.push_back(block.place);
  }
  places.push_back(end);
  for (std::size_t i = 0; i + 1 < places.size(); ++i) {
    const ByteSpan block = ByteSpan(file).subspan(places[i], places[i + 1] - places[i]);
    store_le(block.data(), static_cast<std::uint32_t>(block.size() - kBlockHeaderBytes));
    store_le(block.data() + 8, block_checksum(block, places[i], header));
  }
}

Bytes sealed(ByteView given) {
  constexpr std::size_t kEnds = kSnapshotHeaderBytes + kSnapshotFooterBytes;
  Bytes file(given.begin(), given.end());
  if (file.size() < kEnds) file.resize(kEnds);
  const std::uint64_t foot = file.size() - kSnapshotFooterBytes;
  const std::uint64_t directory_bytes =
      std::min<std::uint64_t>(load_le<std::uint64_t>(file.data() + foot + 8), file.size() - kEnds);
  const std::uint64_t place = foot - directory_bytes;
  const ByteView directory = ByteView(file).subspan(place, directory_bytes);
  SnapshotHeader header{.event_count = 2, .shapes = 0};
  if (const auto read = decode_directory(directory, place); read) {
    header = {.event_count = read->mark.event_count, .shapes = shapes_of(read->folds)};
    seal_blocks(file, *read, place, header);
  }
  std::ranges::copy(encode_header(header), file.begin());
  const auto footer =
      encode_footer({.directory_place = place,
                     .directory_bytes = directory_bytes,
                     .directory_checksum = directory_checksum(directory, place, header)},
                    header);
  std::ranges::copy(footer, file.begin() + static_cast<std::ptrdiff_t>(foot));
  return file;
}

void walk(const SnapshotFile& snapshot, std::size_t fold) {
  std::uint64_t count = 0;
  const auto walked = snapshot.for_each_entry(fold, [&](const Key& key, ByteView state) {
    ++count;
    const auto found = snapshot.find(fold, key);
    STELE_CHECK(found.has_value() && found->has_value());
    STELE_CHECK(std::ranges::equal(**found, state));
    return Result<void>{};
  });
  if (!walked) return expect_refused(walked.error());
  STELE_CHECK(count == snapshot.folds()[fold].key_count);
}

void try_file(ByteView bytes) {
  SimEnv env;
  STELE_CHECK(env.make_folder(kFolder).has_value());
  {
    const auto file = env.open(kPath, OpenMode::kCreate);
    STELE_CHECK((*file)->write(bytes, 0).has_value());
  }
  if (const auto snapshot = SnapshotFile::open(env, kPath); snapshot) {
    for (std::size_t i = 0; i < (*snapshot)->folds().size(); ++i) walk(**snapshot, i);
  } else {
    expect_refused(snapshot.error());
  }
  const LifeFolds folds;
  const auto store = open_memory_store(env, kFolder, folds.all(), {});
  STELE_CHECK(store.has_value());
  const auto restored = (*store)->restore();
  if (!restored) return expect_refused(restored.error());
  if (!restored->has_value()) STELE_CHECK((*store)->stats().key_count == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView given = std::as_bytes(std::span(data, size));
  try_file(given);
  try_file(sealed(given));
  return 0;
}
