// A projection as the engine sees it: everything typed is behind function pointers. Made by the
// builder of fold/projection.h.
//
// A fold is pure: the same events in the same order make the same bytes. Thread: immutable once
// made; shared by all lanes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "projections/fold/effects.h"
#include "projections/fold/input_event.h"
#include "projections/fold/state_type.h"

namespace stele::projections {

enum class Verdict : std::uint8_t {
  kKeep,
  kDrop,  ///< the key's state is forgotten, as if it had never been
  kUndo,  ///< the handler failed: the state is as it was before the event
};

/// The states of the fold that is running, for one event.
class StateAccess {
public:
  StateAccess() = default;
  StateAccess(const StateAccess&) = delete;
  StateAccess& operator=(const StateAccess&) = delete;
  virtual ~StateAccess() = default;

  /// The key's state, constructed if there is none; valid until close(). Null: the store failed, or
  /// the key is of another lane: run() goes on with the event's next key, without an error of its
  /// own.
  virtual void* open(ByteView key) = 0;
  /// Ends what open() began. One key is open at a time.
  virtual void close(Verdict verdict) = 0;
};

/// The tables that the projection looks things up in: Definition::lookups, by index.
class TableAccess {
public:
  TableAccess() = default;
  TableAccess(const TableAccess&) = delete;
  TableAccess& operator=(const TableAccess&) = delete;
  virtual ~TableAccess() = default;
  /// Null: no such key. Valid until the handler returns.
  [[nodiscard]] virtual const void* find(std::size_t table, ByteView key) const = 0;
};

/// What an event is folded with.
struct FoldRun {
  StateAccess& states;
  const TableAccess* tables = nullptr;  ///< null: it looks nothing up
  Effects* effects = nullptr;           ///< null: it has none
};

/// What is done with the events of one type.
struct Handler {
  std::string type;                    ///< of the events; empty: those without a type
  std::shared_ptr<const void> object;  ///< the user's functions
  /// Decodes the event, finds its key or keys, opens each one's state, folds, closes it. The error
  /// is the reason for which the event is poison (its states are closed with kUndo then: an event
  /// of several keys is tried on all of them before the first is kept). Other exceptions than
  /// bad_alloc don't leave it.
  Result<void> (*run)(const void* object, const InputEvent& event, FoldRun& run) = nullptr;
  /// The event's keys alone, for who shares work out; null: keyed by stream.
  Result<void> (*keys)(const void* object, const InputEvent& event,
                       const std::function<void(ByteView)>& take) = nullptr;
  std::string shape = {};  ///< what can be seen of it: fields, key, upcasters
};

enum class PoisonPolicy : std::uint8_t {
  kStop,  ///< the projection stops before the event, and names it
  kSkip,  ///< the event is passed over and recorded
  kPark,  ///< the same, and a copy goes to the park topic, to be redriven
};

/// States in memory; snapshots beside them.
struct MemoryStore {
  std::uint64_t snapshot_every = 1'000'000;  ///< events between snapshots, at least
  std::uint32_t keep = 3;                    ///< snapshots kept
};
/// States in a SQLite file, for more than memory holds; committed with their checkpoint.
struct SqliteStore {
  std::uint64_t cache_bytes_max = 64 << 20;  ///< states kept decoded
  std::uint64_t commit_every = 20'000;       ///< events in one transaction, at most
};
using StoreChoice = std::variant<MemoryStore, SqliteStore>;

struct Definition {
  std::string name;  ///< 1 to 100 of [a-zA-Z0-9._-]: a folder, a metric's label
  std::uint32_t version = 1;
  std::vector<std::string> topics;
  StateType state;
  std::vector<Handler> handlers;     ///< sorted by type, each type once
  std::optional<Handler> otherwise;  ///< events of all other types; none: passed over
  bool keyed_by_stream = true;       ///< every handler is: as-of reads may go through the index
  std::vector<std::shared_ptr<const Definition>> lookups;  ///< folded with it, event by event
  PoisonPolicy poison = PoisonPolicy::kStop;
  std::string park_topic;  ///< kPark
  StoreChoice store = MemoryStore{};
  bool has_effects = false;           ///< a handler takes Effects
  std::string publish_topic;          ///< changes of states go there as events; empty: nowhere
  std::vector<std::string> mistakes;  ///< what the builder found wrong: check_definition() says it

  /// The handler for an event type; null: none.
  [[nodiscard]] const Handler* find(std::string_view type) const;
  /// Of everything that can be seen of what states depend on: topics, event types, key, state's
  /// shape, upcasters, lookups. Bodies of handlers cannot be seen. Store, poison policy and publish
  /// topic may change under the same version.
  [[nodiscard]] std::uint64_t fingerprint() const;
  /// What fingerprint() is made of, a line each: for the message when two differ.
  [[nodiscard]] std::string described() const;
};
using DefinitionPtr = std::shared_ptr<const Definition>;

/// kInvalid names what is wrong: the name, no topic, no handler, a lookup of a lookup, park without
/// a topic, a mistake of the builder.
[[nodiscard]] Result<void> check_definition(const Definition& definition);

}  // namespace stele::projections
