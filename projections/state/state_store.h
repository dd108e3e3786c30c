// The states of a flow (a projection and the tables it looks up in): one table of states by key for
// each of its folds, all at one checkpoint. In memory with snapshots (memory_store.h), or in SQLite
// (sqlite_store.h).
//
// Exactly once: what restore() gives is the states at the checkpoint that it tells, whenever and
// however the process ended. Keys are spread over kShardCount shards by hash: a lane folds some of
// them, readers read any, each shard has its own lock, held from open() to close().
//
// Threads: open() and close() of a shard by one thread at a time (its lane); read() by any thread;
// commit(), restore(), dump() while nobody folds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "projections/fold/checkpoint.h"
#include "projections/fold/definition.h"

namespace stele::projections {

inline constexpr std::uint32_t kShardCount = 64;

/// A key and its hash: XXH3-64, seed 0. The shard is its top 6 bits.
struct Key {
  ByteView bytes;
  std::uint64_t hash = 0;
  explicit Key(ByteView key);
  Key(ByteView key, std::uint64_t known_hash) : bytes(key), hash(known_hash) {}
  [[nodiscard]] std::uint32_t shard() const { return static_cast<std::uint32_t>(hash >> 58); }
};

/// Where states were taken, and what the engine keeps with them.
struct Mark {
  Checkpoint checkpoint;
  std::uint64_t event_count = 0;               ///< folded up to here
  std::int64_t event_time_ms_max = INT64_MIN;  ///< greatest event time of them
  std::int64_t recorded_us_max = INT64_MIN;    ///< the same of recorded times
  Bytes extras;  ///< timers, poison records: the engine's own encoding
  friend bool operator==(const Mark&, const Mark&) = default;
};

struct StateStoreStats {
  std::uint64_t key_count = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t snapshot_count = 0;         ///< taken since it was opened
  std::uint64_t snapshot_bytes = 0;         ///< of the newest
  std::int64_t snapshot_taken_us = 0;       ///< wall clock, of the newest; 0: none
  std::chrono::nanoseconds commit_took{0};  ///< all commits together
  std::vector<std::string> passed_over;     ///< damaged snapshots that restore() found: path, why
};

class StateStore {
public:
  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  virtual ~StateStore() = default;

  /// The newest states that are whole; nullopt: there are none, begin at the beginning. Damaged
  /// ones are passed over (stats().passed_over). kIo, kUnsupported (a newer format).
  virtual Result<std::optional<Mark>> restore() = 0;
  /// Forgets all states, and keeps what is on the disk: for a replay from the beginning.
  virtual void clear() = 0;

  /// The key's state in fold number `fold`, constructed if there is none, and locked. With
  /// `undoable` close(kUndo) restores it. kIo, kNoSpace of SQLite.
  virtual Result<void*> open(std::size_t fold, const Key& key, bool undoable) = 0;
  /// `place`: of the event, in its input (see read()).
  virtual void close(std::size_t fold, const Key& key, Verdict verdict, std::int64_t place) = 0;
  /// Hints from the thread that folds the shard: a key of this hash will be opened soon (`is_near`:
  /// within a few events). Memory that would be waited for then is asked for now.
  virtual void prefetch(std::size_t /*fold*/, std::uint64_t /*hash*/, bool /*is_near*/) const {}
  /// The key's state for the thread that folds, without a lock: a lookup. Null: none.
  virtual Result<const void*> find(std::size_t fold, const Key& key) = 0;

  /// Calls `visit` with the key's state (null: there is none) and the last place that its shard has
  /// closed (-1: none since restore()), under the shard's lock. Any thread, while others fold.
  virtual Result<void> read(
      std::size_t fold, const Key& key,
      const std::function<void(const void* state, std::int64_t last_place)>& visit) const = 0;

  /// The states are those of `mark` now: nobody folds. Made durable if it is time for that (memory:
  /// a snapshot; SQLite: a transaction; else it returns at once: call it after every lot), or if
  /// `force`d: it survives kill -9 and power loss then, but that SQLite's last transactions, if not
  /// forced, may go back to an older mark when power fails. kNoSpace, kIo: go on and try again
  /// later; kClosed: SQLite had to give changes up that it held no longer, restore() first.
  virtual Result<void> commit(const Mark& mark, bool force) = 0;

  /// Every key of a fold with its state, by (hash, key): the same for the same states, whatever the
  /// number of lanes and restarts.
  virtual Result<void> dump(
      std::size_t fold,
      const std::function<void(ByteView key, const void* state)>& visit) const = 0;
  [[nodiscard]] virtual StateStoreStats stats() const = 0;
};

/// A snapshot, or a SQLite file's committed states, to look single keys up in: for as-of reads.
/// Thread: any; immutable.
class PastStates {
public:
  PastStates() = default;
  PastStates(const PastStates&) = delete;
  PastStates& operator=(const PastStates&) = delete;
  virtual ~PastStates() = default;
  [[nodiscard]] virtual const Mark& mark() const = 0;
  /// The encoded state of a key; nullopt: none. Reads one block. kCorrupt (file named), kIo.
  [[nodiscard]] virtual Result<std::optional<Bytes>> find(std::size_t fold,
                                                          const Key& key) const = 0;
  /// All of a fold, encoded, by (hash, key).
  virtual Result<void> for_each(
      std::size_t fold,
      const std::function<Result<void>(ByteView key, ByteView state)>& visit) const = 0;
};

}  // namespace stele::projections
