// The last offset of each key among the records of a range of a partition: what compaction asks of
// every record. A hash table of 16 bytes a key, open addressing, so that 128 MiB hold 7.5 million.
//
//   slot: [ 96 bits of the key's hash | offset - base + 1, 32 bits; 0: free ]
//
// Keys themselves are not kept: two keys with the same 96 bits would be taken for one. The hash is
// seeded anew for each run, so that nobody can make such keys; by chance it happens once in 10^15
// runs with 7 million keys.
// Memory is taken as it is touched. Thread: its owner's.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "log/base/bytes.h"
#include "log/base/checksum.h"
#include "log/base/ordinal.h"

namespace stele::log {

class KeyMap {
public:
  /// Offsets from `base` on. At most `bytes_max`, and no more than `key_count` keys need.
  KeyMap(std::uint64_t bytes_max, std::uint64_t key_count, Offset base, std::uint64_t seed);

  [[nodiscard]] Hash128 hash(ByteView key) const { return hash128(key, seed_); }
  /// Fetches the key's slot into the processor's cache: worth it some keys ahead.
  void prefetch(const Hash128& key) const { __builtin_prefetch(&slots_[slot_of(key)]); }

  /// Offsets of a key come in ascending order. False: it is full, or the offset is too far from
  /// base; nothing changed.
  [[nodiscard]] bool put(const Hash128& key, Offset offset);
  /// True if the key was put with a later offset than this one.
  [[nodiscard]] bool has_later(const Hash128& key, Offset offset) const;

  [[nodiscard]] std::uint64_t key_count() const { return key_count_; }
  [[nodiscard]] std::uint64_t key_count_max() const { return key_count_max_; }

  /// Offsets below it were put, those at or above were not.
  [[nodiscard]] Offset end() const { return end_; }
  void set_end(Offset end) { end_ = end; }

private:
  struct Slot {
    std::uint64_t low;
    std::uint32_t high;
    std::uint32_t delta;  ///< offset - base + 1; 0: free
  };
  static_assert(sizeof(Slot) == 16);
  struct Free {
    void operator()(Slot* slots) const { std::free(slots); }
  };

  [[nodiscard]] std::uint64_t slot_of(const Hash128& key) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(Wide{key.low} * slot_count_ >> 64);
  }
  [[nodiscard]] Slot& find(const Hash128& key) const;

  std::uint64_t slot_count_;
  std::uint64_t key_count_max_;
  std::uint64_t key_count_ = 0;
  Offset base_;
  Offset end_;
  std::uint64_t seed_;
  std::unique_ptr<Slot[], Free> slots_;
};

}  // namespace stele::log
