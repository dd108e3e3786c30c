// The newest stretch of the index, in memory: a hash table of terms, each with its postings.
//
//   slots [tag | place]──►  entry: counts, first and last position, 16 B of deltas, bytes
//                             └► chunk ◄── chunk ◄── chunk      (deltas of the rest; ever larger)
//
// Entries and chunks stand in blocks that never move. A chunk knows the one before it and one far
// before it, so that a list of millions is searched in a few steps.
//
// Invariants: positions of a term ascend strictly (a term that a record names twice counts once); a
// base once known never changes.
// Threads: add() by the core, under the lock held exclusively; everything else under it shared.
// Once frozen (nothing is added any more) no lock is needed. base and asked may be set by readers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "log/index/huge_pages.h"
#include "log/index/posting_pieces.h"
#include "log/index/term.h"

namespace stele::log {

/// One term of a tail. Its bytes follow it in memory.
class TailEntry {
public:
  static constexpr std::int64_t kUnknown = -1;

  std::uint64_t hash;
  std::int64_t base_count;  ///< events of the term before the tail; read with base()
  Position first;
  Position last;
  std::uint32_t count;
  std::int32_t partition;
  std::uint32_t topic;  ///< TermTail::topic()
  std::uint16_t bytes_size;
  TermKind kind;
  std::uint8_t inline_bytes;
  std::uint32_t last_chunk;  ///< 0: none
  std::uint8_t asked_flag;   ///< read with asked()
  std::byte inline_deltas[16];

  /// How many events the term had before the tail; kUnknown.
  [[nodiscard]] std::int64_t base() const {
    return std::atomic_ref(const_cast<std::int64_t&>(base_count)).load(std::memory_order_relaxed);
  }
  void set_base(std::int64_t base) const {
    std::atomic_ref(const_cast<std::int64_t&>(base_count)).store(base, std::memory_order_relaxed);
  }
  /// Whether somebody wanted its head: worth keeping in memory.
  [[nodiscard]] bool asked() const {
    return std::atomic_ref(const_cast<std::uint8_t&>(asked_flag)).load(std::memory_order_relaxed) !=
           0;
  }
  void set_asked() const {
    std::atomic_ref(const_cast<std::uint8_t&>(asked_flag)).store(1, std::memory_order_relaxed);
  }
  [[nodiscard]] ByteView bytes() const {
    return {reinterpret_cast<const std::byte*>(this + 1), bytes_size};
  }
};
static_assert(sizeof(TailEntry) == 72);

/// Knows what a term had before a tail.
class BaseSource {
public:
  BaseSource() = default;
  BaseSource(const BaseSource&) = delete;
  BaseSource& operator=(const BaseSource&) = delete;
  virtual ~BaseSource() = default;
  /// Events of the term before the tail, found without the disk; else TailEntry::kUnknown.
  [[nodiscard]] virtual std::int64_t base_of(const TermView& term) const = 0;
  /// It may be asked for a term of this hash soon.
  virtual void prefetch(std::uint64_t hash) const = 0;
};

class TermTail {
public:
  /// Holds positions from `from` on. It is laid out for `bytes_max` and `terms_expected`, as many
  /// as the tail before it had; it grows beyond both. Its memory is of `pool` and goes back to it;
  /// null: of the system.
  TermTail(Position from, std::uint64_t bytes_max, std::size_t terms_expected = 0,
           std::shared_ptr<PagePool> pool = nullptr);
  ~TermTail();
  TermTail(const TermTail&) = delete;
  TermTail& operator=(const TermTail&) = delete;

  void add(const BatchTerms& terms, Position first, std::int32_t partition,
           const BaseSource& bases);

  [[nodiscard]] Position from() const { return from_; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::size_t term_count() const { return entries_.size(); }
  /// Behind the last position added; from() if nothing was.
  [[nodiscard]] Position end() const { return end_; }

  /// The term will be looked for soon.
  void prefetch(std::uint64_t hash) const;
  /// Null: the term has no event here.
  [[nodiscard]] const TailEntry* find(const TermView& term) const;
  /// Entry `index` < term_count(), in the order of their first events.
  [[nodiscard]] const TailEntry& entry(std::size_t index) const { return *at(entries_[index]); }
  /// All entries in a run's order. Nothing is added meanwhile.
  [[nodiscard]] std::vector<const TailEntry*> sorted() const;
  [[nodiscard]] const Uuid& topic(const TailEntry& entry) const;
  [[nodiscard]] TermView term(const TailEntry& entry) const;

  /// The pieces of an entry, of its first `count` postings.
  [[nodiscard]] PostingPiece piece_by_index(const TailEntry& entry, std::int64_t index,
                                            std::int64_t count) const;
  [[nodiscard]] PostingPiece piece_by_position(const TailEntry& entry, Position position,
                                               std::int64_t count) const;

private:
  struct Slot {
    std::uint32_t tag = 0;    // the hash's upper half
    std::uint32_t place = 0;  // of the entry; 0: free
  };
  struct Chunk {
    Position first;
    std::uint32_t first_index;  // among the entry's postings
    std::uint32_t count;
    std::uint32_t previous;  // places; 0: none
    std::uint32_t jump;
    std::uint32_t number;  // from 1 for the entry's first chunk
    std::uint16_t used_bytes;
    std::uint16_t capacity;
    [[nodiscard]] std::byte* deltas() { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* deltas() const {
      return reinterpret_cast<const std::byte*>(this + 1);
    }
  };
  static_assert(sizeof(Chunk) == 32);

  [[nodiscard]] std::size_t slot_of(std::uint32_t tag) const { return tag >> slot_shift_; }
  [[nodiscard]] const TailEntry* find(const TermView& term, std::uint32_t topic) const;
  [[nodiscard]] std::uint32_t find_topic(const TermView& term) const;
  std::uint32_t topic_ordinal(const Uuid& topic);
  /// Where a term of the hash seems to be; 0: nowhere.
  [[nodiscard]] std::uint32_t prefetch_entry(std::uint64_t hash) const;
  void prefetch_chunk(std::uint32_t place) const;
  [[nodiscard]] bool is(const TailEntry& entry, const TermView& term, std::uint32_t topic) const;
  void put(const TermView& term, std::uint32_t topic, Position position, std::int32_t partition,
           const BaseSource& bases, std::uint32_t likely_place);
  TailEntry& insert(const TermView& term, std::uint32_t topic, Position position,
                    std::int64_t base);
  void append(TailEntry& entry, Position position);
  Chunk& add_chunk(TailEntry& entry, Position position);
  [[nodiscard]] Pages take_pages(std::size_t bytes) const;
  void give_back(Pages pages, std::size_t bytes) const;
  void make_slots(std::size_t count);
  void grow_slots();
  std::uint32_t allocate(std::size_t bytes);

  template <class T = TailEntry>
  [[nodiscard]] T* at(std::uint32_t place) const {
    return reinterpret_cast<T*>(blocks_[place >> block_shift_] +
                                (place & ((1u << block_shift_) - 1)) * kUnit);
  }
  [[nodiscard]] const Chunk* chunk(std::uint32_t place) const {
    return place == 0 ? nullptr : at<Chunk>(place);
  }
  template <class IsBehind>
  [[nodiscard]] const Chunk* seek(const TailEntry& entry, IsBehind is_behind) const;
  [[nodiscard]] static PostingPiece decode(Position first, std::int64_t first_index,
                                           ByteView deltas, std::int64_t count);
  [[nodiscard]] PostingPiece decode(const TailEntry& entry, const Chunk* chunk,
                                    std::int64_t count) const;

  static constexpr std::size_t kUnit = 8;  // places count so many bytes
  static constexpr std::uint32_t kNoTopic = UINT32_MAX;
  static constexpr std::uint32_t kForeignTopic = UINT32_MAX - 1;

  struct Slab {
    Pages pages;
    std::size_t bytes = 0;
  };

  Position from_;
  Position end_;
  std::shared_ptr<PagePool> pool_;  // null: there is none
  Pages slots_pages_;
  Slot* slots_ = nullptr;  // slots_pages_ as they are used
  unsigned slot_shift_ = 0;
  std::vector<std::uint32_t> entries_;
  std::vector<Slab> slabs_;
  std::size_t slab_bytes_ = 0;  // of the next one: one block or several
  std::size_t slab_used_ = 0;   // of them
  std::vector<std::byte*> blocks_;
  unsigned block_shift_ = 0;
  std::size_t block_used_ = 0;  // units of the last block
  std::vector<Uuid> topics_;
  std::uint64_t used_bytes_ = 0;
};

}  // namespace stele::log
