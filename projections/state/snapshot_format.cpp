#include "projections/state/snapshot_format.h"

#include <lz4.h>

#include <algorithm>
#include <charconv>

#include "log/base/byte_stream.h"
#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "projections/state/mark_codec.h"

namespace stele::projections {
namespace {

constexpr std::string_view kMagic = "STELSNAP";
constexpr std::string_view kSuffix = ".snap";
constexpr std::size_t kDigits = 20;
constexpr std::size_t kHeaderChecksumAt = kSnapshotHeaderBytes - 8;
constexpr std::size_t kFooterChecksumAt = kSnapshotFooterBytes - 8;
constexpr std::uint64_t kFooterPart = 0x746f6f66;  // "foot"
constexpr std::size_t kFoldBytesMin = 4 + 4 + 8 + 4 + 8 + 4;
// LZ4 gives at most 255 bytes for one (its block format).
constexpr std::uint64_t kExpansionMax = 255;

void put_text(ByteWriter& to, std::string_view text) {
  to.put(static_cast<std::uint32_t>(text.size()));
  to.put_bytes(as_bytes(text));
}

std::string get_text(ByteReader& from) {
  return std::string(as_text(from.get_bytes(from.get<std::uint32_t>())));
}

Result<SnapshotFold> decode_fold(ByteReader& fields) {
  SnapshotFold fold;
  fold.name = get_text(fields);
  fold.version = fields.get<std::uint32_t>();
  const auto fingerprint = fields.get<std::uint64_t>();
  fold.shape = get_text(fields);
  fold.key_count = fields.get<std::uint64_t>();
  const std::size_t block_count = fields.get_count(2 * sizeof(std::uint64_t));
  if (fields.ok() && fingerprint != checksum(as_bytes(fold.shape), 0))
    return fail(Code::kCorrupt, "the shape of {} is not the one that was written", fold.name);
  fold.blocks.resize(block_count);
  for (SnapshotFold::Block& block : fold.blocks) {
    block.first_hash = fields.get<std::uint64_t>();
    block.place = fields.get<std::uint64_t>();
  }
  return fold;
}

/// Blocks follow each other from the header to `end`, and the hashes of a fold ascend.
bool is_orderly(const std::vector<SnapshotFold>& folds, std::uint64_t end) {
  std::uint64_t place = kSnapshotHeaderBytes;
  bool first = true;
  for (const SnapshotFold& fold : folds) {
    for (std::size_t i = 0; i < fold.blocks.size(); ++i) {
      const SnapshotFold::Block& block = fold.blocks[i];
      const bool follows = first ? block.place == place
                                 : block.place > place && block.place - place > kBlockHeaderBytes;
      if (!follows || (i > 0 && block.first_hash <= fold.blocks[i - 1].first_hash)) return false;
      place = block.place;
      first = false;
    }
    if (fold.blocks.empty() != (fold.key_count == 0)) return false;
  }
  return first ? end == place : end > place && end - place > kBlockHeaderBytes;
}

}  // namespace

std::uint64_t SnapshotHeader::seed() const {
  return mix_seed(shapes, event_count);
}

std::uint64_t shapes_of(const std::vector<SnapshotFold>& folds) {
  std::uint64_t shapes = folds.size();
  for (const SnapshotFold& fold : folds) {
    shapes = mix_seed(shapes, checksum(as_bytes(fold.name), fold.version));
    shapes = mix_seed(shapes, checksum(as_bytes(fold.shape), 0));
  }
  return shapes;
}

std::string snapshot_name(std::uint64_t event_count) {
  return fmt::format("{:020}{}", event_count, kSuffix);
}

std::optional<std::uint64_t> snapshot_event_count(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t count = 0;
  const char* const end = name.data() + kDigits;
  const auto read = std::from_chars(name.data(), end, count);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return count;
}

std::array<std::byte, kSnapshotHeaderBytes> encode_header(const SnapshotHeader& header) {
  std::array<std::byte, kSnapshotHeaderBytes> bytes{};
  std::ranges::copy(as_bytes(kMagic), bytes.begin());
  store_le(bytes.data() + 8, kSnapshotVersion);
  store_le(bytes.data() + 32, header.event_count);
  store_le(bytes.data() + 40, header.shapes);
  store_le(bytes.data() + kHeaderChecksumAt, checksum(ByteView(bytes).first(kHeaderChecksumAt), 0));
  return bytes;
}

Result<SnapshotHeader> decode_header(ByteView bytes) {
  if (bytes.size() < kSnapshotHeaderBytes || as_text(bytes.first(kMagic.size())) != kMagic)
    return fail(Code::kCorrupt, "it does not begin as a snapshot");
  if (load_le<std::uint64_t>(bytes.data() + kHeaderChecksumAt) !=
      checksum(bytes.first(kHeaderChecksumAt), 0)) {
    return fail(Code::kCorrupt, "its header fails its checksum");
  }
  const auto version = load_le<std::uint32_t>(bytes.data() + 8);
  const auto key_id = load_le<std::uint32_t>(bytes.data() + 12);
  const auto features = load_le<std::uint64_t>(bytes.data() + 24);
  if (version != kSnapshotVersion || key_id != 0 || features != 0) {
    return fail(Code::kUnsupported,
                "a snapshot of format {} (features {:#x}, key {}): this build reads format {}; use "
                "the newer build, or remove the file to fold from an older one",
                version, features, key_id, kSnapshotVersion);
  }
  return SnapshotHeader{.event_count = load_le<std::uint64_t>(bytes.data() + 32),
                        .shapes = load_le<std::uint64_t>(bytes.data() + 40)};
}

std::array<std::byte, kSnapshotFooterBytes> encode_footer(const SnapshotFooter& footer,
                                                          const SnapshotHeader& header) {
  std::array<std::byte, kSnapshotFooterBytes> bytes{};
  store_le(bytes.data(), footer.directory_place);
  store_le(bytes.data() + 8, footer.directory_bytes);
  store_le(bytes.data() + 16, footer.directory_checksum);
  store_le(bytes.data() + kFooterChecksumAt, checksum(ByteView(bytes).first(kFooterChecksumAt),
                                                      mix_seed(header.seed(), kFooterPart)));
  return bytes;
}

Result<SnapshotFooter> decode_footer(ByteView bytes, const SnapshotHeader& header) {
  STELE_CHECK(bytes.size() == kSnapshotFooterBytes);
  if (load_le<std::uint64_t>(bytes.data() + kFooterChecksumAt) !=
      checksum(bytes.first(kFooterChecksumAt), mix_seed(header.seed(), kFooterPart))) {
    return fail(Code::kCorrupt, "its footer fails its checksum");
  }
  return SnapshotFooter{.directory_place = load_le<std::uint64_t>(bytes.data()),
                        .directory_bytes = load_le<std::uint64_t>(bytes.data() + 8),
                        .directory_checksum = load_le<std::uint64_t>(bytes.data() + 16)};
}

Bytes encode_directory(const SnapshotDirectory& directory) {
  ByteWriter fields;
  fields.put(static_cast<std::uint32_t>(directory.folds.size()));
  for (const SnapshotFold& fold : directory.folds) {
    put_text(fields, fold.name);
    fields.put(fold.version);
    fields.put(checksum(as_bytes(fold.shape), 0));
    put_text(fields, fold.shape);
    fields.put(fold.key_count);
    fields.put(static_cast<std::uint32_t>(fold.blocks.size()));
    for (const SnapshotFold::Block& block : fold.blocks) {
      fields.put(block.first_hash);
      fields.put(block.place);
    }
  }
  Bytes mark;
  encode_mark(directory.mark, mark);
  fields.put(static_cast<std::uint32_t>(mark.size()));
  fields.put_bytes(mark);
  return fields.take();
}

Result<SnapshotDirectory> decode_directory(ByteView bytes, std::uint64_t place) {
  ByteReader fields(bytes);
  SnapshotDirectory directory;
  const std::size_t fold_count = fields.get_count(kFoldBytesMin);
  for (std::size_t i = 0; i < fold_count && fields.ok(); ++i) {
    STELE_TRY(SnapshotFold fold, decode_fold(fields));
    directory.folds.push_back(std::move(fold));
  }
  ByteView mark = fields.get_bytes(fields.get<std::uint32_t>());
  if (!fields.finished() || !is_orderly(directory.folds, place))
    return fail(Code::kCorrupt, "its directory is malformed");
  STELE_TRY(directory.mark, decode_mark(mark));
  if (!mark.empty())
    return fail(Code::kCorrupt, "its directory has {} bytes too many", mark.size());
  return directory;
}

std::uint64_t directory_checksum(ByteView bytes, std::uint64_t place,
                                 const SnapshotHeader& header) {
  return checksum(bytes, mix_seed(header.seed(), place));
}

std::uint64_t block_checksum(ByteView block, std::uint64_t place, const SnapshotHeader& header) {
  const auto sizes = load_le<std::uint64_t>(block.data());
  return checksum(block.subspan(kBlockHeaderBytes),
                  mix_seed(mix_seed(header.seed(), place), sizes));
}

void encode_block(ByteView raw, std::uint64_t place, const SnapshotHeader& header, Bytes& to) {
  STELE_CHECK(raw.size() <= LZ4_MAX_INPUT_SIZE);
  const int raw_bytes = static_cast<int>(raw.size());
  const std::size_t at = to.size();
  const int bound = LZ4_compressBound(raw_bytes);
  to.resize(at + kBlockHeaderBytes + static_cast<std::size_t>(bound));
  std::byte* const body = to.data() + at + kBlockHeaderBytes;
  const int packed = LZ4_compress_default(reinterpret_cast<const char*>(raw.data()),
                                          reinterpret_cast<char*>(body), raw_bytes, bound);
  auto stored = static_cast<std::uint32_t>(packed);
  if (packed <= 0 || packed >= raw_bytes) {
    std::ranges::copy(raw, body);
    stored = static_cast<std::uint32_t>(raw.size());
  }
  to.resize(at + kBlockHeaderBytes + stored);
  std::byte* const head = to.data() + at;
  store_le(head, stored);
  store_le(head + 4, static_cast<std::uint32_t>(raw.size()));
  store_le(head + 8, block_checksum(ByteView(to).subspan(at), place, header));
}

Result<void> decode_block(ByteView bytes, std::uint64_t place, const SnapshotHeader& header,
                          Bytes& raw) {
  STELE_CHECK(bytes.size() > kBlockHeaderBytes);
  const auto stored = load_le<std::uint32_t>(bytes.data());
  const auto raw_bytes = load_le<std::uint32_t>(bytes.data() + 4);
  const ByteView body = bytes.subspan(kBlockHeaderBytes);
  if (stored != body.size() ||
      load_le<std::uint64_t>(bytes.data() + 8) != block_checksum(bytes, place, header)) {
    return fail(Code::kCorrupt, "the block at byte {} fails its checksum", place);
  }
  if (raw_bytes > stored * kExpansionMax || raw_bytes > LZ4_MAX_INPUT_SIZE)
    return fail(Code::kCorrupt, "the block at byte {} claims {} bytes", place, raw_bytes);
  raw.resize(raw_bytes);
  if (stored == raw_bytes) {
    std::ranges::copy(body, raw.begin());
    return {};
  }
  const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(body.data()),
                                      reinterpret_cast<char*>(raw.data()), static_cast<int>(stored),
                                      static_cast<int>(raw_bytes));
  if (got != static_cast<int>(raw_bytes))
    return fail(Code::kCorrupt, "the block at byte {} does not decompress", place);
  return {};
}

}  // namespace stele::projections
