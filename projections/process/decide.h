// Carrying out a command, without the types (process/decider.h has them):
//
//   load the state ─► decide ─► append, if nothing has happened meanwhile ─► Decided
//        ▲                          │ somebody was faster
//        └──────────────────────────┘   at most attempts_max times
//
// The state is folded by a projection's own handlers: of one stream, guarded by its expected
// version; or of all that a query matches, guarded by an append condition behind what was read
// (Dynamic Consistency Boundary). Decisions are durable when they are answered.
//
// A command with an id is carried out once, for ever: its events carry the tag "command:<id>",
// whose absence is a condition of the append, and the ids "<id>/0", "<id>/1", …. Sent again, it
// gets the first answer, before anything is decided. One id is one command, on whatever streams.
// Threads: any, at once; nothing is shared but the store.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/sources/event_access.h"

namespace stele::projections {

/// What a decision rests on.
using DecideScope = std::variant<log::StreamName, log::Query>;

struct DecideOptions {
  std::string command;    ///< the command's id, at most 1,000 bytes; empty: it has none
  int attempts_max = 10;  ///< loads, at least 1
};

/// A state and how far it has got; given back to decide, only what came since is read. The
/// definition that it was loaded with outlives it.
struct LoadedState {
  StateBox state;
  Position next;                   ///< everything of the scope below it is in
  std::optional<Version> version;  ///< of the stream's last event; none: there is no stream
};

struct Decided {
  std::vector<log::AppendedEvent> events;  ///< none: nothing was to be done
  std::optional<Version> version;          ///< of a stream's last event now
  std::string token;      ///< at_least(token) reads what was decided, or what it was decided upon
  int attempts = 1;       ///< loads that it took
  bool repeated = false;  ///< the command was carried out before: its first answer
};

/// What to append in this state. Called once an attempt: no side effects. Its error is the answer.
using DecideFunction = std::function<Result<std::vector<log::TopicEvent>>(const void* state)>;

/// kInvalid: the definition looks things up, or an event is poison (named); kTombstoned; errors of
/// reads. A stream that is not there is the state before the first event.
[[nodiscard]] Result<LoadedState> load_state(const Definition& evolve, EventAccess& store,
                                             const DecideScope& scope,
                                             std::optional<LoadedState> from = std::nullopt);

/// kWrongVersion, kConditionFailed: others were faster attempts_max times: try later, or refuse;
/// kAlreadyExists: the command was carried out, and its events were removed since; kOutcomeUnknown:
/// ask again with the same command id; what `decide` and load_state() answer; errors of appends.
[[nodiscard]] Result<Decided> decide_and_append(const Definition& evolve, EventAccess& store,
                                                const DecideScope& scope,
                                                const DecideFunction& decide,
                                                const DecideOptions& options,
                                                const std::optional<LoadedState>& from = {});

}  // namespace stele::projections
