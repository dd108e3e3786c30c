#include "log/index/run_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "log/base/byte_stream.h"
#include "log/base/check.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "log/format/varint.h"

namespace stele::log {
namespace {

// 0 magic u32 | 4 kind u32 | 8 checksum u64 (of 16…end) | 16 block index u64 | 24 count u16 |
// 26 used bytes u16 | 28 zero u32 | 32 payload
constexpr std::uint32_t kMagic = 0x544b5453;  // "STKT"
constexpr std::size_t kChecksummedFrom = 16;
constexpr std::uint64_t kSeedOfTerms = 0x7465726d73;  // "terms"
constexpr std::uint32_t kVersion = 1;

constexpr std::string_view kSuffix = ".terms";
constexpr std::size_t kDigits = 20;

// An entry's first byte.
constexpr unsigned kKindMask = 3;  // kind - 1
constexpr unsigned kBaseKnown = 4;
constexpr unsigned kLong = 8;
constexpr unsigned kCountShift = 4;  // a count of 1…15 stands there; 0: it follows
constexpr std::int64_t kShortCountMax = 15;

std::uint64_t blocks_for(std::uint64_t count, std::size_t per_block) {
  return (count + per_block - 1) / per_block;
}

std::uint64_t block_checksum(const RunBlock& block, RunBlockKind kind, std::uint64_t seed,
                             std::uint64_t index) {
  return checksum(ByteView(block.bytes).subspan(kChecksummedFrom),
                  mix_seed(mix_seed(seed, index), static_cast<std::uint64_t>(kind)));
}

std::optional<Position> parse_digits(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0)
    return std::nullopt;
  return Position(value);
}

std::uint64_t offset_of(Position position, Position from) {
  return static_cast<std::uint64_t>(distance(from, position));
}

bool counts_as_short(const RunEntry& entry) {
  return entry.count <= kShortCountMax;
}

}  // namespace

bool comes_before(const TermView& one, const TermView& other) {
  if (one.hash != other.hash) return one.hash < other.hash;
  if (one.kind != other.kind) return one.kind < other.kind;
  if (one.topic != other.topic) return one.topic < other.topic;
  return std::ranges::lexicographical_compare(one.bytes, other.bytes);
}

bool same_term(const TermView& one, const TermView& other) {
  return one.hash == other.hash && one.kind == other.kind && one.topic == other.topic &&
         std::ranges::equal(one.bytes, other.bytes);
}

std::string run_name(RunRange range) {
  return fmt::format("{:020}-{:020}{}", range.from.raw(), range.to.raw(), kSuffix);
}

std::optional<RunRange> parse_run_name(std::string_view name) {
  if (name.size() != 2 * kDigits + 1 + kSuffix.size() || name[kDigits] != '-' ||
      !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  const auto from = parse_digits(name.substr(0, kDigits));
  const auto to = parse_digits(name.substr(kDigits + 1, kDigits));
  if (!from || !to || *from >= *to) return std::nullopt;
  return RunRange{.from = *from, .to = *to};
}

std::uint64_t run_seed(const Uuid& store, RunRange range) {
  const std::uint64_t seed = mix_seed(mix_seed(store.high(), store.low()), kSeedOfTerms);
  return mix_seed(mix_seed(seed, static_cast<std::uint64_t>(range.from.raw())),
                  static_cast<std::uint64_t>(range.to.raw()));
}

void RunBlock::seal(RunBlockKind kind, std::uint64_t seed, std::uint64_t index, std::size_t count,
                    std::size_t used_bytes) {
  STELE_CHECK(used_bytes <= kRunPayloadBytes && count <= UINT16_MAX);
  std::byte* to = bytes.data();
  store_le(to, kMagic);
  store_le(to + 4, static_cast<std::uint32_t>(kind));
  store_le(to + 16, index);
  store_le(to + 24, static_cast<std::uint16_t>(count));
  store_le(to + 26, static_cast<std::uint16_t>(used_bytes));
  store_le(to + 28, std::uint32_t{0});
  store_le(to + 8, block_checksum(*this, kind, seed, index));
}

bool RunBlock::is_whole(RunBlockKind kind, std::uint64_t seed, std::uint64_t index) const {
  const std::byte* from = bytes.data();
  return load_le<std::uint32_t>(from) == kMagic &&
         load_le<std::uint32_t>(from + 4) == static_cast<std::uint32_t>(kind) &&
         load_le<std::uint64_t>(from + 16) == index && used_bytes() <= kRunPayloadBytes &&
         load_le<std::uint64_t>(from + 8) == block_checksum(*this, kind, seed, index);
}

std::uint64_t RunFooter::fences_at() const {
  return topics_at() + blocks_for(topic_count, kTopicsPerBlock);
}
std::uint64_t RunFooter::filter_at() const {
  return fences_at() + blocks_for(entry_blocks, kFencesPerBlock);
}
std::uint64_t RunFooter::footer_at() const {
  return filter_at() + blocks_for(filter_lines, kFilterLinesPerBlock);
}

void RunFooter::write(RunBlock& block) const {
  ByteWriter out;
  out.put(kVersion);
  out.put(std::uint32_t{0});  // key id, reserved
  out.put(store);
  out.put(range.from.raw());
  out.put(range.to.raw());
  for (const std::uint64_t value : {data_blocks, entry_blocks, topic_count, filter_lines,
                                    term_count, posting_count, unknown_bases}) {
    out.put(value);
  }
  const Bytes bytes = out.take();
  block.bytes.fill(std::byte{0});
  std::ranges::copy(bytes, block.payload_to());
  block.seal(RunBlockKind::kFooter, run_seed(store, range), footer_at(), 1, bytes.size());
}

Result<RunFooter> RunFooter::read(const RunBlock& block) {
  ByteReader in(block.payload());
  const auto version = in.get<std::uint32_t>();
  if (in.ok() && version != kVersion)
    return fail(Code::kUnsupported, "format version {} of the index is not known", version);
  static_cast<void>(in.get<std::uint32_t>());
  RunFooter footer;
  footer.store = in.get_uuid();
  footer.range.from = Position(in.get<std::int64_t>());
  footer.range.to = Position(in.get<std::int64_t>());
  for (std::uint64_t* value :
       {&footer.data_blocks, &footer.entry_blocks, &footer.topic_count, &footer.filter_lines,
        &footer.term_count, &footer.posting_count, &footer.unknown_bases}) {
    *value = in.get<std::uint64_t>();
    if (*value > UINT64_MAX >> 8) return fail(Code::kCorrupt, "the footer counts too much");
  }
  const bool sane = in.finished() && footer.entry_blocks <= footer.data_blocks &&
                    footer.data_blocks <= UINT32_MAX && footer.unknown_bases <= footer.term_count &&
                    (footer.filter_lines > 0) == (footer.term_count > 0);
  if (!sane) return fail(Code::kCorrupt, "the footer is malformed");
  return footer;
}

std::size_t entry_bytes(const RunEntry& entry, Position from) {
  std::size_t bytes = 1;
  if (has_topic(entry.kind)) bytes += uvarint_bytes(entry.topic);
  bytes += uvarint_bytes(entry.bytes.size()) + entry.bytes.size();
  if (entry.base) bytes += uvarint_bytes(static_cast<std::uint64_t>(*entry.base));
  if (!counts_as_short(entry)) bytes += uvarint_bytes(static_cast<std::uint64_t>(entry.count));
  bytes += uvarint_bytes(static_cast<std::uint32_t>(entry.partition));
  bytes += uvarint_bytes(offset_of(entry.first, from));
  if (!entry.list) return bytes + entry.deltas.size();
  return bytes + uvarint_bytes(offset_of(entry.last, entry.first)) +
         uvarint_bytes(entry.list->block) + uvarint_bytes(entry.list->at) +
         uvarint_bytes(entry.list->block_count);
}

std::byte* write_entry(std::byte* to, const RunEntry& entry, Position from) {
  unsigned flags = static_cast<unsigned>(entry.kind) - 1;
  if (entry.base) flags |= kBaseKnown;
  if (entry.list) flags |= kLong;
  if (counts_as_short(entry)) flags |= static_cast<unsigned>(entry.count) << kCountShift;
  *to++ = static_cast<std::byte>(flags);
  if (has_topic(entry.kind)) to = write_uvarint(to, entry.topic);
  to = write_uvarint(to, entry.bytes.size());
  to = std::ranges::copy(entry.bytes, to).out;
  if (entry.base) to = write_uvarint(to, static_cast<std::uint64_t>(*entry.base));
  if (!counts_as_short(entry)) to = write_uvarint(to, static_cast<std::uint64_t>(entry.count));
  to = write_uvarint(to, static_cast<std::uint32_t>(entry.partition));
  to = write_uvarint(to, offset_of(entry.first, from));
  if (!entry.list) return std::ranges::copy(entry.deltas, to).out;
  to = write_uvarint(to, offset_of(entry.last, entry.first));
  to = write_uvarint(to, entry.list->block);
  to = write_uvarint(to, entry.list->at);
  return write_uvarint(to, entry.list->block_count);
}

RunEntryReader::RunEntryReader(const RunBlock& block, RunRange range)
    : range_(range),
      at_(block.payload().data()),
      end_(at_ + block.payload().size()),
      left_(block.count()) {}

bool RunEntryReader::next() {
  if (failed_) return false;
  if (left_ == 0) {
    failed_ = at_ != end_;
    return false;
  }
  --left_;
  failed_ = !read();
  return !failed_;
}

bool RunEntryReader::read() {
  VarintReader in(at_, end_);
  const ByteView flags_byte = in.take(1);
  if (in.failed()) return false;
  const auto flags = std::to_integer<unsigned>(flags_byte[0]);
  entry_ = {};
  entry_.kind = static_cast<TermKind>((flags & kKindMask) + 1);
  if (has_topic(entry_.kind)) entry_.topic = in.unsigned_varint();
  const std::size_t size = in.unsigned_varint();
  if (size > kTermBytesMax) return false;
  entry_.bytes = in.take(size);
  if ((flags & kBaseKnown) != 0) entry_.base = static_cast<std::int64_t>(in.unsigned_varlong());
  entry_.count = flags >> kCountShift;
  if (entry_.count == 0) entry_.count = static_cast<std::int64_t>(in.unsigned_varlong());
  entry_.partition = static_cast<std::int32_t>(in.unsigned_varint());
  const auto range = static_cast<std::uint64_t>(distance(range_.from, range_.to));
  std::uint64_t offset = in.unsigned_varlong();
  if (in.failed() || entry_.count <= 0 || entry_.base.value_or(0) < 0 || offset >= range)
    return false;
  entry_.first = range_.from.next(static_cast<std::int64_t>(offset));
  if ((flags & kLong) != 0) {
    const std::uint64_t length = in.unsigned_varlong();
    entry_.list = {.block = in.unsigned_varlong(),
                   .at = in.unsigned_varint(),
                   .block_count = in.unsigned_varlong()};
    if (length >= range - offset) return false;
    entry_.last = entry_.first.next(static_cast<std::int64_t>(length));
  } else {
    const std::byte* deltas = in.at();
    for (std::int64_t i = 1; i < entry_.count && !in.failed(); ++i) {
      const std::uint64_t delta = in.unsigned_varlong();
      if (delta == 0 || delta >= range - offset) return false;
      offset += delta;
    }
    entry_.last = range_.from.next(static_cast<std::int64_t>(offset));
    entry_.deltas = {deltas, in.at()};
  }
  at_ = in.at();
  return !in.failed();
}

std::byte* write_list_part(std::byte* to, std::int64_t first_index, std::int64_t count,
                           std::int64_t first_offset, std::size_t deltas_bytes) {
  store_le(to, static_cast<std::uint16_t>(deltas_bytes));
  to = write_uvarint(to + 2, static_cast<std::uint64_t>(first_index));
  to = write_uvarint(to, static_cast<std::uint64_t>(count));
  return write_uvarint(to, static_cast<std::uint64_t>(first_offset));
}

std::optional<ListPart> read_list_part(const RunBlock& block, std::size_t at, RunRange range) {
  const ByteView payload = block.payload();
  if (at >= payload.size()) return std::nullopt;
  VarintReader in(payload.subspan(at));
  const ByteView size = in.take(2);
  if (in.failed()) return std::nullopt;
  ListPart part;
  part.first_index = static_cast<std::int64_t>(in.unsigned_varlong());
  part.count = static_cast<std::int64_t>(in.unsigned_varlong());
  const std::uint64_t offset = in.unsigned_varlong();
  part.deltas = in.take(load_le<std::uint16_t>(size.data()));
  const bool sane = !in.failed() && part.first_index >= 0 && part.count > 0 &&
                    part.count <= static_cast<std::int64_t>(part.deltas.size()) + 1 &&
                    offset < static_cast<std::uint64_t>(distance(range.from, range.to));
  if (!sane) return std::nullopt;
  part.first = range.from.next(static_cast<std::int64_t>(offset));
  return part;
}

std::optional<std::vector<Position>> read_positions(Position first, ByteView deltas,
                                                    std::int64_t count, RunRange range) {
  if (count <= 0 || count > static_cast<std::int64_t>(deltas.size()) + 1) return std::nullopt;
  std::vector<Position> positions;
  positions.reserve(static_cast<std::size_t>(count));
  positions.push_back(first);
  VarintReader in(deltas);
  for (std::int64_t i = 1; i < count; ++i) {
    const std::uint64_t delta = in.unsigned_varlong();
    if (delta == 0 || delta >= static_cast<std::uint64_t>(distance(first, range.to)))
      return std::nullopt;
    first = first.next(static_cast<std::int64_t>(delta));
    positions.push_back(first);
  }
  if (in.failed() || in.left_bytes() != 0) return std::nullopt;
  return positions;
}

}  // namespace stele::log
