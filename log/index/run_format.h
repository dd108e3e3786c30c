// The bytes of a run file, <20-digit from>-<20-digit to>.terms: blocks of 4 KiB, each checksummed
// for its place in this run of this store. docs/formats.md, "The index".
//
//   [ entries | postings | entries | … ][ topics ][ fences ][ filter ][ footer ]
//
//   entry blocks    terms in the order of (hash, kind, topic, bytes), with short posting lists
//   posting blocks  pieces of longer lists; those of one list stand side by side
//   topics          16 B each: what entries name by number
//   fences          of each entry block: its first hash's upper half, its number
//   filter          lines of 64 B, see term_filter.h
//   footer          one block: where all of that is
//
// Everything a reader is given was checked: a damaged block is kCorrupt.
// Thread: value types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/aligned_buffer.h"
#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/base/uuid.h"
#include "log/index/term.h"

namespace stele::log {

inline constexpr std::size_t kRunHeaderBytes = 32;
inline constexpr std::size_t kRunPayloadBytes = kBlockBytes - kRunHeaderBytes;
/// Encoded postings up to so many bytes stand in the entry itself.
inline constexpr std::size_t kInlinePostingsBytesMax = 256;

enum class RunBlockKind : std::uint32_t {
  kEntries = 1,
  kPostings = 2,
  kTopics = 3,
  kFences = 4,
  kFilter = 5,
  kFooter = 6,
};

/// The range of positions that a run covers.
struct RunRange {
  Position from;
  Position to;
  friend auto operator<=>(const RunRange&, const RunRange&) = default;
};

/// The order of terms in a run.
[[nodiscard]] bool comes_before(const TermView& one, const TermView& other);
[[nodiscard]] bool same_term(const TermView& one, const TermView& other);

[[nodiscard]] std::string run_name(RunRange range);
/// Nullopt: not the name of a run.
[[nodiscard]] std::optional<RunRange> parse_run_name(std::string_view name);

/// Checksums of a run's blocks begin with it.
[[nodiscard]] std::uint64_t run_seed(const Uuid& store, RunRange range);

struct RunBlock {
  alignas(8) std::array<std::byte, kBlockBytes> bytes{};

  [[nodiscard]] std::uint32_t count() const { return load_le<std::uint16_t>(bytes.data() + 24); }
  [[nodiscard]] std::size_t used_bytes() const { return load_le<std::uint16_t>(bytes.data() + 26); }
  [[nodiscard]] ByteView payload() const {
    return ByteView(bytes).subspan(kRunHeaderBytes, used_bytes());
  }
  [[nodiscard]] std::byte* payload_to() { return bytes.data() + kRunHeaderBytes; }

  /// Fills in the header; what is behind `used_bytes` is zero already.
  void seal(RunBlockKind kind, std::uint64_t seed, std::uint64_t index, std::size_t count,
            std::size_t used_bytes);
  /// True if it is what must stand there.
  [[nodiscard]] bool is_whole(RunBlockKind kind, std::uint64_t seed, std::uint64_t index) const;
};

/// What the footer says. Sections follow each other; block numbers count from the file's begin.
struct RunFooter {
  Uuid store;
  RunRange range;
  std::uint64_t data_blocks = 0;  ///< entries and postings
  std::uint64_t entry_blocks = 0;
  std::uint64_t topic_count = 0;
  std::uint64_t filter_lines = 0;
  std::uint64_t term_count = 0;
  std::uint64_t posting_count = 0;
  std::uint64_t unknown_bases = 0;  ///< terms (event ids apart) whose base is not known

  [[nodiscard]] std::uint64_t topics_at() const { return data_blocks; }
  [[nodiscard]] std::uint64_t fences_at() const;
  [[nodiscard]] std::uint64_t filter_at() const;
  [[nodiscard]] std::uint64_t footer_at() const;

  void write(RunBlock& block) const;
  /// kCorrupt, kUnsupported (a later version).
  static Result<RunFooter> read(const RunBlock& block);
};

inline constexpr std::size_t kTopicsPerBlock = kRunPayloadBytes / 16;
inline constexpr std::size_t kFencesPerBlock = kRunPayloadBytes / 8;
inline constexpr std::size_t kFilterLineBytes = 64;
inline constexpr std::size_t kFilterLinesPerBlock = kRunPayloadBytes / kFilterLineBytes;

/// Postings of a long list within one posting block.
struct LongList {
  std::uint64_t block = 0;        ///< its first
  std::uint32_t at = 0;           ///< where it begins in that block's payload; in all others at 0
  std::uint64_t block_count = 0;  ///< that hold a part of it
};

/// An entry, decoded. `bytes` and `deltas` are in the block.
struct RunEntry {
  TermKind kind = TermKind::kStream;
  std::uint32_t topic = 0;  ///< its number; 0 if the kind has none
  ByteView bytes;
  std::optional<std::int64_t> base;  ///< events of the term before the run, if known
  std::int64_t count = 0;
  std::int32_t partition = 0;  ///< of the last event
  Position first;
  Position last;
  ByteView deltas;  ///< of a short list: varints
  std::optional<LongList> list;
};

/// Bytes that the entry takes.
[[nodiscard]] std::size_t entry_bytes(const RunEntry& entry, Position from);
std::byte* write_entry(std::byte* to, const RunEntry& entry, Position from);

/// Walks the entries of a block. After an error it stands at the end.
class RunEntryReader {
public:
  RunEntryReader(const RunBlock& block, RunRange range);
  /// False at the end, and from the first malformed entry on: failed().
  bool next();
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const RunEntry& entry() const { return entry_; }

private:
  [[nodiscard]] bool read();

  RunRange range_;
  const std::byte* at_;
  const std::byte* end_;
  std::uint32_t left_;
  bool failed_ = false;
  RunEntry entry_;
};

/// The part of a long list in one posting block.
struct ListPart {
  std::int64_t first_index = 0;
  std::int64_t count = 0;
  Position first;
  ByteView deltas;
};
inline constexpr std::size_t kListPartHeaderBytesMax = 2 + 10 + 3 + 10;
/// Writes a part's header; behind it come `deltas_bytes`.
std::byte* write_list_part(std::byte* to, std::int64_t first_index, std::int64_t count,
                           std::int64_t first_offset, std::size_t deltas_bytes);
[[nodiscard]] std::optional<ListPart> read_list_part(const RunBlock& block, std::size_t at,
                                                     RunRange range);

/// Positions from `first` and `deltas`; nullopt unless there are `count`, ascending, in the range.
[[nodiscard]] std::optional<std::vector<Position>> read_positions(Position first, ByteView deltas,
                                                                  std::int64_t count,
                                                                  RunRange range);

}  // namespace stele::log
