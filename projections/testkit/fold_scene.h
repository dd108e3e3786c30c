// A definition folded in this thread over a list of events, with everything kept to be looked at:
// what given() stands on. No engine, no store, no files.
//
//   events ─► lookups, then the projection ─► Outcome: states, poison, effects
//                └─ after every n events: all states encoded, forgotten, decoded
//
// Thread: its owner's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/testkit/given_events.h"

namespace stele::projections {

/// What a handler asked for.
struct GivenEffect {
  enum class Kind : std::uint8_t { kAppend, kSchedule, kCancel };
  Kind kind = Kind::kAppend;
  std::string timer = {};
  std::int64_t at_ms = 0;
  std::string topic = {};
  log::NewEvent event = {};

  /// "append bank Deposited {…}", "schedule t-1 at 1000 bank Expired {…}", "cancel t-1".
  [[nodiscard]] std::string text() const;
};

struct GivenPoison {
  std::string event;  ///< event_place()
  std::string reason;
};

/// What a fold has come to.
struct Outcome {
  std::map<std::string, StateBox> states;  ///< of the projection itself
  std::vector<GivenPoison> poison;
  std::vector<GivenEffect> effects;
  bool stopped = false;                     ///< by the last poison event
  std::vector<std::string> restart_faults;  ///< states that were not the same after a restart

  /// "{…}", or "nothing".
  [[nodiscard]] std::string print(const std::string& key) const;
  /// All states, a line each: key, tab, JSON.
  [[nodiscard]] std::string dump() const;
};

struct SceneOptions {
  std::size_t restart_every = 0;         ///< events; 0: never
  std::optional<std::int64_t> until_ms;  ///< only events with this event time, or before it
};

/// Folds all events from the beginning. An error: the definition is wrong (check_definition()).
[[nodiscard]] Result<Outcome> fold_scene(const DefinitionPtr& definition,
                                         const std::vector<GivenEvent>& events,
                                         const SceneOptions& options = {});

/// How `found` is not `wanted`: a line for each key and effect, empty if they are the same.
[[nodiscard]] std::string difference(const Outcome& wanted, const Outcome& found);

}  // namespace stele::projections
