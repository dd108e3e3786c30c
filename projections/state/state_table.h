// One shard of one fold: states by key, in memory.
//
//   slots   [ tag 32 | ref 32 ] in the order of tags, gaps between: place = tag * places / 2^32, or the
//           next free one behind it; a search ends at the first greater tag
//   chunks  [ state ][ key length 28, flags 4 ][ key ]   an entry; never moves, freed ones are
//                                                        taken again by entries of their size
//
// The tag is the 32 bits of the hash below those of the shard: slots in order are nearly keys in
// the order of (hash, key), so that a snapshot needs no sorting and a restart no searching. Growing
// doubles the slots in one pass over both, 2 ns a key; entries stay.
// Memory: 8 B / 0.375 … 0.75 for the slot, 4 B for the length, rounding to 8 B (or the state's
// alignment), up to a chunk that is not full.
// Thread: its owner's lock; key_count() and memory_bytes() any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "projections/fold/state_type.h"
#include "projections/state/chunk_pool.h"
#include "projections/state/state_store.h"

namespace stele::projections {

class StateTable {
public:
  /// Of an entry; stays its own until it is erased.
  using Ref = std::uint32_t;
  static constexpr Ref kNone = ~Ref{0};
  static constexpr std::size_t kKeyBytesMax = (std::size_t{1} << 28) - 1;

  /// `type` and `pool` outlive this.
  StateTable(const StateType& type, ChunkPool& pool);
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;
  ~StateTable();

  [[nodiscard]] Ref find(const Key& key) const;
  struct Found {
    Ref ref = kNone;  ///< kNone: the key is too long, or there are too many
    bool fresh = false;
  };
  /// The key's entry; a new one holds a constructed state and no flags.
  [[nodiscard]] Found find_or_insert(const Key& key);
  /// Destroys the state; `ref` is the entry of `key`.
  void erase(const Key& key, Ref ref);
  /// All of them, and their memory.
  void clear();

  [[nodiscard]] void* state(Ref ref) const { return entry(ref); }
  [[nodiscard]] ByteView key(Ref ref) const;
  /// Four bits for who owns the table.
  [[nodiscard]] std::uint32_t flags(Ref ref) const;
  void set_flags(Ref ref, std::uint32_t flags);

  /// Filling an empty table with keys that come by (hash, key), each once: an entry for the next
  /// one (kNone as above); nothing is found before finish_load().
  [[nodiscard]] Ref load(const Key& key);
  void finish_load();

  /// Hints: find() of a key of this hash follows. First its slot, some time later its entry.
  void prefetch_slot(const Key& key) const { __builtin_prefetch(slots_ + place_of(tag_of(key))); }
  void prefetch_entry(const Key& key) const {
    const std::uint32_t tag = tag_of(key);
    const Slot* slot = slots_ + place_of(tag);
    while (tag_of(*slot) < tag) ++slot;  // an empty one has the greatest tag of all
    if (tag_of(*slot) != tag || *slot == kEmpty) return;
    const std::byte* at = entry(ref_of(*slot));
    __builtin_prefetch(at);
    __builtin_prefetch(at + header_at_ + kPrefetchKeyBytes);
  }

  /// Every entry, by (hash, key).
  template <class Visit>
  void for_each_sorted(const Visit& visit) const {
    for (std::size_t i = 0; i < slot_count_; ++i) {
      if (slots_[i] == kEmpty) continue;
      if (tag_of(slots_[i + 1]) != tag_of(slots_[i])) {  // the last slot is empty
        visit(ref_of(slots_[i]));
      } else {
        const std::vector<Ref> same = same_tag(i);
        for (const Ref ref : same) visit(ref);
        i += same.size() - 1;
      }
    }
  }
  /// For whoever goes round: slots are 0 … slot_count() - 1; kNone: an empty one. Behind an erased
  /// entry the others move up.
  [[nodiscard]] std::size_t slot_count() const { return slot_count_; }
  [[nodiscard]] Ref at_slot(std::size_t slot) const {
    return slots_[slot] == kEmpty ? kNone : ref_of(slots_[slot]);
  }

  [[nodiscard]] std::uint64_t key_count() const {
    return key_count_.load(std::memory_order_relaxed);
  }
  /// Taken from the system; without what states own elsewhere.
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return memory_bytes_.load(std::memory_order_relaxed);
  }
  /// Of the entries that are there, their slots with them.
  [[nodiscard]] std::uint64_t used_bytes() const {
    return used_units_ * unit_bytes_ + key_count() * kSlotBytes;
  }

private:
  using Slot = std::uint64_t;
  static constexpr std::uint64_t kSlotBytes = 16;  ///< on the average
  static constexpr Slot kEmpty = ~Slot{0};
  static constexpr std::size_t kPrefetchKeyBytes = 16;  ///< header, and the front of the key
  static constexpr unsigned kUnitBits = 11;             ///< units of a chunk
  static constexpr Ref kUnitMask = (Ref{1} << kUnitBits) - 1;
  static constexpr std::size_t kChunkCountMax = (std::size_t{1} << (32 - kUnitBits)) - 1;

  [[nodiscard]] static std::uint32_t tag_of(Slot slot) {
    return static_cast<std::uint32_t>(slot >> 32);
  }
  [[nodiscard]] static Ref ref_of(Slot slot) { return static_cast<Ref>(slot); }
  [[nodiscard]] static std::uint32_t tag_of(const Key& key) {
    return static_cast<std::uint32_t>(key.hash >> 26);
  }
  [[nodiscard]] std::size_t place_of(std::uint32_t tag) const {
    return std::uint64_t{tag} * places_ >> 32;
  }
  [[nodiscard]] std::byte* entry(Ref ref) const {
    return chunks_.data()[ref >> kUnitBits] + std::size_t{ref & kUnitMask} * unit_bytes_;
  }
  [[nodiscard]] std::uint32_t header(Ref ref) const;
  [[nodiscard]] bool holds(Ref ref, ByteView key) const;
  [[nodiscard]] std::size_t units_of(std::size_t key_bytes) const;

  /// An entry with the key and a constructed state; kNone as above.
  [[nodiscard]] Ref make_entry(ByteView key);
  [[nodiscard]] Ref take_units(std::size_t units);
  [[nodiscard]] Ref take_chunk(std::size_t bytes);
  void free_entry(Ref ref);
  void insert_slot(std::size_t at, Slot slot);
  /// Slots for so many keys, filled with those of `from` that are not empty, which are in order.
  void rebuild(std::size_t key_count, const Slot* from, std::size_t from_count);
  /// So many, a power of two; what was in slots_ is its caller's.
  void take_slots(std::size_t count);
  /// As many again behind the last.
  void add_slots();
  /// Entries of the slots from `at` on that have its tag, by (hash, key).
  [[nodiscard]] std::vector<Ref> same_tag(std::size_t at) const;
  void count_memory(std::uint64_t added, std::uint64_t removed = 0);

  const StateType& type_;
  ChunkPool& pool_;
  std::size_t unit_bytes_;  ///< entries begin at multiples of it
  std::size_t header_at_;   ///< in an entry
  ChunkPool::Piece slots_memory_;
  Slot* slots_ = nullptr;
  std::size_t slot_count_ = 0;  ///< the last one is always empty
  std::size_t full_at_ = 0;     ///< keys, at which slots are doubled
  std::uint64_t places_ = 0;    ///< slots that are a tag's own; the others take what runs over
  std::vector<std::byte*> chunks_;
  std::vector<ChunkPool::Piece> chunk_memory_;
  std::vector<std::uint32_t> free_chunks_;  ///< numbers
  std::uint32_t open_chunk_ = 0;            ///< where units are taken from
  std::size_t open_units_ = 0;              ///< taken of it
  std::vector<Ref> free_;                   ///< by units: the first one, which names the next
  std::vector<Slot> loading_;
  std::uint64_t used_units_ = 0;
  std::atomic<std::uint64_t> key_count_{0};
  std::atomic<std::uint64_t> memory_bytes_{0};
};

}  // namespace stele::projections
