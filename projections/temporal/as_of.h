// States as of a moment: of one key, or of a whole projection.
//
//   moment ─► Bound (below which place, which event times)
//   one key, keyed by stream:   index ─► its own events behind the nearest snapshot ─► fold
//   other keys, lookups:        nearest snapshot ─► all events of the flow ─► fold the key's
//   a whole projection:         nearest snapshot ─► all events of the flow ─► PastTable
//
// A snapshot serves a moment if it holds nothing that does not belong: its checkpoint is not behind
// the bound, and its greatest event time not later than the one asked for. What retention,
// truncation and compaction let go of is in an answer only where a snapshot holds it.
//
// Every answer carries the token of what was known: the same moment with that token as `known_by`
// gives the same bytes. Effects of handlers go nowhere. A handler that fails stops the answer
// (kInvalid names the event) or passes the event over, by the definition's policy, as the live fold
// does. Thread: any; everything given is only read, for the duration of the call, unless said.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/sources/source.h"
#include "projections/state/state_store.h"
#include "projections/temporal/flow_replay.h"
#include "projections/temporal/moment.h"
#include "projections/temporal/past_table.h"

namespace stele::projections {

/// What the states of the past are made from: a flow's definition and events, and what was kept of
/// it. Folds are numbered as in StateStore: 0 is the projection, 1 + i its lookup number i.
struct Past {
  DefinitionPtr definition;
  Source* source = nullptr;
  std::vector<InputId> inputs;  ///< of the flow
  /// Snapshots of this very definition, in any order.
  std::vector<std::shared_ptr<const PastStates>> snapshots = {};
  /// True for events that the live fold has passed over as poison, though the handlers of today
  /// could fold them. Null: none.
  std::function<bool(const InputId& input, std::int64_t place)> passed_over = nullptr;
  ParkedEvents parked = {};  ///< of a projection that parks poison events
};

/// A key's state at a moment.
struct PastState {
  std::optional<StateBox> state;  ///< none: the key had none
  std::string token;
  Checkpoint checkpoint;            ///< all that belongs to the moment stands below it
  std::uint64_t events_folded = 0;  ///< of the key; what the answer has cost
};

/// kOutOfRange: a version, position or token past what is known; kInvalid: a version of a
/// projection that is not keyed by stream or reads several topics, a token that is none, a poison
/// event under kStop (named); kUnsupported: a version or position of a source that is no store;
/// kTombstoned, kCorrupt, kIo, kNotFound (the topic) as the source says.
Result<PastState> state_at(const Past& past, ByteView key, const Moment& moment);

struct PastTableOptions {
  std::uint64_t memory_bytes_max = std::uint64_t{4} << 30;  ///< about; beyond it kTooLarge
  /// Told now and then how many events were folded of about how many; false: stop, kCancelled.
  std::function<bool(std::uint64_t folded, std::uint64_t of)> progress = nullptr;
};

/// All states of the projection. Errors as state_at(); a version is kInvalid.
Result<std::unique_ptr<PastTable>> states_at(const Past& past, const Moment& moment,
                                             const PastTableOptions& options = {});

}  // namespace stele::projections
