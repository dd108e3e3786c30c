// What belongs to a moment: events below a checkpoint, and of those perhaps only some times.
// Thread: value type.
#pragma once

#include <cstdint>
#include <string>

#include "projections/fold/checkpoint.h"
#include "projections/fold/input_event.h"
#include "projections/sources/source.h"
#include "projections/state/state_store.h"
#include "projections/temporal/moment.h"

namespace stele::projections {

struct Bound {
  Checkpoint below;
  std::int64_t time_ms_max = INT64_MAX;
  std::int64_t recorded_us_max = INT64_MAX;
  std::string token;  ///< of what was known

  /// Of an event below the checkpoint.
  [[nodiscard]] bool includes(const InputEvent& event) const {
    return event.time_ms <= time_ms_max && event.recorded_us <= recorded_us_max;
  }
  /// True if the states hold nothing that does not belong.
  [[nodiscard]] bool allows(const Mark& mark) const {
    return below.covers(mark.checkpoint) && mark.event_time_ms_max <= time_ms_max &&
           mark.recorded_us_max <= recorded_us_max;
  }
};

/// Any moment but a version. kOutOfRange: it is past what is known; kInvalid: a version, a token
/// that is none; kUnsupported: a position of a source that is no store.
[[nodiscard]] Result<Bound> bound_of(Source& source, const std::vector<InputId>& inputs,
                                     const Moment& moment);
/// What is known at the moment: all there is now, or what its token says.
[[nodiscard]] Result<Bound> known_by(Source& source, const std::vector<InputId>& inputs,
                                     const Moment& moment);
/// Everything below the position of a store. kOutOfRange: it is past what is `known`.
[[nodiscard]] Result<Bound> below_position(Source& source, const Bound& known, Position position);

}  // namespace stele::projections
