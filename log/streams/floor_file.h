// One file of version floors, `floors/<20-digit number>.removed`: the terms of events that the log
// no longer holds, by position. Primary data: what is gone from the log is known nowhere else.
//
//   [ head: 64 B | files it takes the place of ][ block ][ block ] … [ end mark, 32 B ]
//   block: [ payload bytes u32 | entries u32 | first position i64 | last position i64 |
//            checksum u64 | topics, terms, entries ]
//
// An entry says that an event of a term stood at a position, and in which partition; one without a
// term, that the position was looked at. Blocks tell topics and terms once. All integers are
// little-endian, those of the payload varints; checksums are seeded with store, file number and the
// block's place. docs/formats.md has the bytes.
//
// Invariants: positions never decrease in a file. A file is whole and durable before it has its
// name (`.tmp` until then), and never changes.
// Threads: a writer and a reader are their owner's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/ordinal.h"
#include "log/base/partition_id.h"
#include "log/env/env.h"
#include "log/index/term.h"

namespace stele::log {

/// A term of an event that is gone from the log. Owner of `bytes`: whoever gives it.
struct FloorEntry {
  Uuid topic;                    ///< of the event, whatever the kind
  std::optional<TermKind> kind;  ///< none: the position alone
  ByteView bytes;                ///< as a term holds them (TermHasher::term_bytes)
  Position position;
  std::int32_t partition = 0;
};

struct FloorFileHead {
  std::uint64_t number = 0;
  std::vector<std::uint64_t> replaces;  ///< files that are void since this one has its name
};

class FloorFileWriter {
public:
  /// Nothing is created before the first add(). `env` outlives it.
  FloorFileWriter(Env& env, std::string folder, const Uuid& store, FloorFileHead head);
  ~FloorFileWriter();
  FloorFileWriter(const FloorFileWriter&) = delete;
  FloorFileWriter& operator=(const FloorFileWriter&) = delete;

  /// In the order of positions. kNoSpace, kOverloaded, kIo.
  Result<void> add(const FloorEntry& entry);
  /// The file has its name, durable with its folder. Without entries there is none (unless it
  /// replaces others).
  Result<void> finish();
  [[nodiscard]] std::uint64_t bytes() const { return at_; }
  [[nodiscard]] std::uint64_t entry_count() const { return total_; }
  [[nodiscard]] bool made() const { return finished_; }

private:
  Result<void> begin();
  Result<void> write_block();
  std::uint32_t topic_of(const Uuid& topic);
  std::uint32_t term_of(const FloorEntry& entry);

  Env& env_;
  std::string folder_;
  Uuid store_;
  FloorFileHead head_;
  std::unique_ptr<File> file_;
  std::uint64_t at_ = 0;
  std::uint64_t total_ = 0;
  bool finished_ = false;

  // The block being made.
  Position first_;
  Position last_;
  std::uint32_t entry_count_ = 0;
  std::vector<Uuid> topics_;
  std::unordered_map<std::string, std::uint32_t> term_numbers_;  ///< topic number, kind, bytes
  Bytes terms_;
  Bytes entries_;
};

class FloorFileReader {
public:
  /// kCorrupt (file named): the head or the end mark is damaged. kNotFound, kIo.
  static Result<std::unique_ptr<FloorFileReader>> open(Env& env, const std::string& path,
                                                       const Uuid& store);

  [[nodiscard]] const FloorFileHead& head() const { return head_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t entry_count() const { return total_; }
  /// Of all entries; that of a file without any is 0.
  [[nodiscard]] Position last() const { return last_; }
  /// Blocks that end before `from` are passed over.
  void start(Position from) { from_ = from; }
  /// False at the end. kCorrupt (file and place named), kIo.
  [[nodiscard]] Result<bool> next();
  /// Valid until the next call of next().
  [[nodiscard]] const FloorEntry& entry() const { return entry_; }

private:
  FloorFileReader(std::unique_ptr<File> file, std::string path, const Uuid& store)
      : file_(std::move(file)), path_(std::move(path)), store_(store) {}
  Result<void> read_head();
  Result<void> read_end();
  Result<bool> next_block();
  Result<void> parse_block(ByteView payload);
  [[nodiscard]] Error damaged(std::string_view what) const;

  struct KnownTerm {
    Uuid topic;
    std::optional<TermKind> kind;
    ByteView bytes;
  };
  std::unique_ptr<File> file_;
  std::string path_;
  Uuid store_;
  FloorFileHead head_;
  std::uint64_t bytes_ = 0;
  std::uint64_t total_ = 0;
  Position last_;
  Position from_;
  std::uint64_t at_ = 0;   ///< of the next block
  std::uint64_t end_ = 0;  ///< of the blocks
  Bytes block_;
  std::vector<KnownTerm> terms_;
  std::size_t entries_at_ = 0;  ///< in block_
  std::uint32_t left_ = 0;      ///< entries of the block
  FloorEntry entry_;
};

/// `<20 digits>.removed`
[[nodiscard]] std::string floor_file_name(std::uint64_t number);
/// Nullopt: not such a name.
[[nodiscard]] std::optional<std::uint64_t> parse_floor_file_name(std::string_view name);

}  // namespace stele::log
