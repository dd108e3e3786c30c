// One shard of a SQLite store's cache: states decoded, and which of them the file does not know yet.
//
// Invariants: an entry that is dirty is in dirty(), once; what is not dirty is in the file, the same.
// A dropped key stays as an absent entry, with the state before the first event, until the file
// knows. Thread: its lock's; dirty states are read without it while nobody folds.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "projections/state/state_table.h"
#include "projections/state/undo_copy.h"

namespace stele::projections {

class CachedShard {
public:
  enum Flag : std::uint32_t {
    kDirty = 1,
    kUsed = 2,    ///< since let_go() has last come by
    kAbsent = 4,  ///< the key has no state
  };

  /// `of` and `pool` outlive it.
  CachedShard(const StateType& of, ChunkPool& pool) : table(of, pool), type_(of) {}

  [[nodiscard]] bool is(StateTable::Ref ref, Flag flag) const {
    return (table.flags(ref) & flag) != 0;
  }
  void add_flag(StateTable::Ref ref, Flag flag) { table.set_flags(ref, table.flags(ref) | flag); }

  /// Ends what stands in `open`; how many keys there are more (-1, 0, 1).
  [[nodiscard]] int close(const Key& key, Verdict verdict);

  [[nodiscard]] const std::vector<StateTable::Ref>& dirty() const { return dirty_; }
  /// By (hash, key).
  [[nodiscard]] std::vector<StateTable::Ref> sorted_dirty() const;
  /// The file knows all that is dirty.
  void written();
  /// Nothing is dirty. Forgets what was not used since it last came by, until `bytes` are left.
  void let_go(std::uint64_t bytes);
  /// With what the states own elsewhere: estimated by their encoded sizes.
  [[nodiscard]] std::uint64_t cached_bytes() const;
  /// An encoded state had so many.
  void saw_bytes(std::size_t bytes);
  void clear();

  std::recursive_mutex lock;  ///< who folds may look itself up
  std::int64_t last_place = -1;
  StateTable table;
  UndoCopy undo;
  StateTable::Found open;

private:
  void make_absent(StateTable::Ref ref);
  void make_dirty(StateTable::Ref ref, std::uint32_t other_flags);

  const StateType& type_;
  std::vector<StateTable::Ref> dirty_;
  std::size_t hand_ = 0;  ///< the slot that let_go() looks at next
  std::uint64_t average_bytes_ = 0;
};

/// The dirty states of a fold, by (hash, key), to be read between those of its file.
class DirtyStates {
public:
  using Visit = std::function<void(ByteView key, const void* state)>;

  /// Shards in their order; nobody folds while this lives.
  void add(const CachedShard& shard);
  /// Those before `key`.
  void visit_below(const Key& key, const Visit& visit);
  /// True if there is one of `key`: it counts, not the file's.
  bool pass(const Key& key, const Visit& visit);
  void visit_rest(const Visit& visit);

private:
  struct Entry {
    const CachedShard* shard;
    StateTable::Ref ref;
    Key key;
  };
  void visit_next(const Visit& visit);

  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};

}  // namespace stele::projections
