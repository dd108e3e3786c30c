// The journal: a zero-filled, reused file of 4 KiB blocks that makes commit groups durable with one
// write each.
//
//   lap n:    [ …free… | tail ▓▓▓ entries that a checkpoint may still need ▓▓▓ head | …free, or lap
//   n-1… ] lap n+1:  [ ▓▓▓ head | …free… | tail ▓▓▓ (lap n) ▓▓▓ | unused end ]
//
// Invariants: entries never wrap: one that does not fit before the end stands at the start, in the
// next lap. head never reaches tail. One write in flight. A block with acknowledged bytes is not
// rewritten before a checkpoint released it. The file grows only while head and tail are in the
// same lap. Thread: the core only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "log/base/aligned_buffer.h"
#include "log/env/env.h"
#include "log/journal/journal_entry.h"

namespace stele::log {

/// What a scan found where the intact chain of entries ends.
struct JournalEnd {
  JournalPlace next;              ///< where the next entry goes
  std::uint64_t entry_count = 0;  ///< entries given to the visitor
  bool torn = false;              ///< an unfinished write stands where the next entry would go
  JournalPlace last_place;        ///< of the last entry given to the visitor, if there was one
  std::uint64_t last_bytes = 0;   ///< 0: there was none
  JournalPlace torn_place;        ///< that is `next`, or the start of the lap after it
  std::uint64_t torn_bytes = 0;   ///< how many bytes of it may hold something
};

/// An entry read back: its body is whole unless `damaged_parts` says otherwise.
struct ScannedEntry {
  const JournalEntry& entry;
  ByteView body;
  std::vector<std::size_t>
      damaged_parts;  ///< acknowledged batches whose bytes in the journal fail their crc
};

class Journal {
public:
  /// A new zero-filled file of `bytes`, durable. kNoSpace, kIo.
  static Result<void> create(Env& env, const std::string& path, std::uint64_t bytes);
  /// kNotFound, kIo, kCorrupt (its size is not one of a journal).
  static Result<std::unique_ptr<Journal>> open(Env& env, const std::string& path, const Uuid& store,
                                               bool read_only = false);

  /// Gives every intact entry from `from` on to `visit`, in order, and finds the end. A broken
  /// entry is a torn tail only if no entry with a later sequence exists anywhere: else it had been
  /// acknowledged, and the answer is kCorrupt with its place. Reads only.
  Result<JournalEnd> scan(const JournalPlace& from,
                          const std::function<Result<void>(const ScannedEntry&)>& visit);
  /// Makes what the scan found durable, before anything relies on it: after kill -9 the last entry
  /// may stand in a cache alone. It is written again, as it is: where an earlier flush failed, a
  /// sync alone would not bring it to the disk. (All entries before it were durable when it was
  /// written.)
  Result<void> confirm(const JournalEnd& end);
  /// The bytes of a torn end, for the quarantine.
  Result<Bytes> read_torn(const JournalEnd& end);
  /// Wipes the torn entry's header, durably: a header that survived above a torn body must not be
  /// met again once the same sequence number was given to another entry.
  Result<void> erase_torn(const JournalEnd& end);

  /// Appending begins at `head`; everything from `tail` on is kept.
  void start(const JournalPlace& head, const JournalPlace& tail);

  /// True if an entry of so many bytes fits now.
  [[nodiscard]] bool fits(std::uint64_t bytes) const;
  /// Where the next entry of so many bytes goes. Call only if it fits().
  [[nodiscard]] JournalPlace place(std::uint64_t bytes) const;
  /// Writes the entry durably; its place is the one place() gave. `bytes` stays untouched until
  /// done.
  void write(ByteView bytes, const JournalPlace& at, Done done);
  /// The entry just written is durable: the next one follows it, naming `checksum`.
  void advance(const JournalPlace& at, std::uint64_t bytes, std::uint64_t checksum);
  /// A checkpoint is durable: what stands before `tail` may be overwritten.
  void release(const JournalPlace& tail) { tail_ = tail; }

  /// Zero-fills the file up to `bytes` off the core; then it has that capacity. One at a time, in
  /// the head's lap only.
  [[nodiscard]] bool can_grow() const { return !growing_ && head_.lap == tail_.lap; }
  void grow(std::uint64_t bytes, Done done);
  /// The file is being filled: it must not go.
  [[nodiscard]] bool growing() const { return growing_; }

  [[nodiscard]] const JournalPlace& head() const { return head_; }
  [[nodiscard]] std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_since(tail_); }
  /// Bytes between a place and the head.
  [[nodiscard]] std::uint64_t used_since(const JournalPlace& place) const;

private:
  Journal(Env& env, std::string path, const Uuid& store, std::unique_ptr<File> file,
          std::uint64_t bytes)
      : env_(env),
        path_(std::move(path)),
        store_(store),
        file_(std::move(file)),
        capacity_bytes_(bytes) {}

  Result<std::optional<JournalEntry>> read_entry(const JournalPlace& expected);
  void mark_torn(JournalEnd& end, const JournalPlace& place, const EntryHeader& header) const;
  Result<std::optional<EntryHeader>> find_later(std::uint64_t sequence);
  Result<void> read_blocks(std::uint64_t at, std::uint64_t bytes);

  Env& env_;
  std::string path_;
  Uuid store_;
  std::unique_ptr<File> file_;
  std::uint64_t capacity_bytes_;
  JournalPlace head_;
  JournalPlace tail_;
  bool growing_ = false;
  AlignedBuffer scratch_;
};

}  // namespace stele::log
