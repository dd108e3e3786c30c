// Fuzzes the run files of the index: opening, finding, walking, long lists, merging. Every block is
// sealed again first, for its place in the file, so that mutations reach what stands behind the
// checksums; the bytes as given are tried too.
#include <algorithm>
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/index/run_merge.h"
#include "tests/support/sim_env.h"

namespace {

using namespace stele;
using namespace stele::log;

constexpr const char* kFolder = "/index";
constexpr RunRange kRange{.from = Position(0), .to = Position(304)};
constexpr std::size_t kBlocksMax = 16;
constexpr int kPiecesMax = 64;

Uuid store() {
  return Uuid::from_random(0x1122334455667788, 0x99aabbccddeeff00);
}

void expect_corrupt(const Error& error) {
  STELE_CHECK(error.code == Code::kCorrupt || error.code == Code::kUnsupported);
}

// Whole blocks whose headers fit: kind, count and bytes used are the input's.
Bytes sealed(ByteView given) {
  const std::size_t blocks =
      std::clamp<std::size_t>((given.size() + kBlockBytes - 1) / kBlockBytes, 1, kBlocksMax);
  Bytes file(blocks * kBlockBytes);
  for (std::size_t i = 0; i < blocks; ++i) {
    RunBlock block;
    const ByteView part = given.subspan(std::min(given.size(), i * kBlockBytes));
    std::ranges::copy(part.first(std::min(part.size(), kBlockBytes)), block.bytes.begin());
    const std::size_t used = std::min(block.used_bytes(), kRunPayloadBytes);
    const auto kind =
        i + 1 == blocks ? RunBlockKind::kFooter
                        : static_cast<RunBlockKind>(load_le<std::uint32_t>(block.bytes.data() + 4));
    block.seal(kind, run_seed(store(), kRange), i, block.count(), used);
    std::ranges::copy(block.bytes, file.begin() + static_cast<std::ptrdiff_t>(i * kBlockBytes));
  }
  return file;
}

void read_list(const RunCursor& cursor) {
  const auto pieces = cursor.pieces();
  const std::int64_t count = pieces->count();
  STELE_CHECK(count > 0);
  std::int64_t index = 0;
  for (int i = 0; i < kPiecesMax && index < count; ++i) {
    const auto piece = pieces->by_index(index);
    if (!piece) return expect_corrupt(piece.error());
    STELE_CHECK(piece->first_index <= index && piece->end_index() > index);
    STELE_CHECK(std::ranges::is_sorted(piece->positions));
    STELE_CHECK(piece->positions.back() < kRange.to);
    index = piece->end_index();
  }
  if (const auto piece = pieces->by_position(cursor.entry().last); !piece)
    expect_corrupt(piece.error());
}

void walk(const RunPtr& run, const TermHasher& hasher) {
  RunCursor cursor(run, 0, hasher);
  std::atomic<std::int64_t> reads = 0;
  while (true) {
    const auto more = cursor.next();
    if (!more) return expect_corrupt(more.error());
    if (!*more) return;
    read_list(cursor);
    const auto found = run->find(cursor.term(), reads);
    if (!found) expect_corrupt(found.error());
    if (const auto may = run->may_hold(cursor.term().hash); !may) expect_corrupt(may.error());
  }
}

void merge(SimEnv& env, const RunPtr& run, const TermHasher& hasher) {
  STELE_CHECK(env.make_folder("/merged").has_value());
  RunMerge merge(env, "/merged", store(), hasher,
                 {.inputs = {run}, .older = {}, .ids_wanted_from = Position(10)});
  const std::atomic<bool> never = false;
  auto done = merge.step(never);
  while (done && !*done) done = merge.step(never);
  if (!done) return expect_corrupt(done.error());
  // What was merged is whole, whatever it was made of.
  const auto made = Run::open(env, "/merged", kRange, store());
  STELE_CHECK(made.has_value());
  RunCursor cursor(*made, 0, hasher);
  auto more = cursor.next();
  for (; more && *more; more = cursor.next())
    STELE_CHECK((*made)->may_hold(cursor.term().hash).value());
  STELE_CHECK(more.has_value());
}

void try_file(ByteView bytes) {
  SimEnv env;
  STELE_CHECK(env.make_folder(kFolder).has_value());
  {
    const auto file = env.open(std::string(kFolder) + "/" + run_name(kRange), OpenMode::kCreate);
    STELE_CHECK((*file)->write(bytes, 0).has_value());
  }
  const auto run = Run::open(env, kFolder, kRange, store());
  if (!run) return expect_corrupt(run.error());
  const TermHasher hasher(mix_seed(store().high(), store().low()));
  if (const auto filter = (*run)->read_filter(); !filter) expect_corrupt(filter.error());
  walk(*run, hasher);
  merge(env, *run, hasher);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView given = std::as_bytes(std::span(data, size));
  if (size <= kBlocksMax * kBlockBytes) try_file(given);
  try_file(sealed(given));
  return 0;
}
