// The events of one key, out of the index: of a stream in each of some topics, merged by position.
//
//   read_into(stream of topic a) ─► page ─┐
//   read_into(stream of topic b) ─► page ─┴► by position ─► take     (one topic: straight to take)
//
// Thread: its owner's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "projections/fold/input_event.h"
#include "projections/sources/event_access.h"

namespace stele::projections {

struct StreamHistory {
  EventAccess& events;
  const std::vector<std::string>& topics;
  std::string stream;
};

/// Calls `take` with the events from `from` up to `below`, not included, in the order of positions;
/// its error ends the walk and is given back. A stream or topic that is not there has no events.
/// kTombstoned, kUnsupported (a topic that is not indexed), kCorrupt (place named), kIo.
Result<void> walk(const StreamHistory& history, Position from, Position below,
                  const std::function<Result<void>(const InputEvent& event)>& take);

/// Where the stream of the only topic is past its event number `version`; nullopt: it has none
/// below `end`.
Result<std::optional<Position>> behind_version(const StreamHistory& history, Version version,
                                               Position end);

}  // namespace stele::projections
