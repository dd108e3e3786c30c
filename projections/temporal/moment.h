// A moment of the past to ask a state for.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "log/base/ordinal.h"

namespace stele::projections {

struct AtVersion {
  Version version;  ///< of the key's stream: up to and with it. Single keys only
};
struct AtPosition {
  Position position;  ///< up to and with it
};
struct AtToken {
  std::string token;  ///< what an append, a read or an answer gave: everything that it stands for
};
/// Everything recorded up to and with it (microseconds since 1970).
struct AtRecorded {
  std::int64_t us = 0;
};
/// Exactly the events with event time <= ms, however late they were recorded.
struct AtEventTime {
  std::int64_t ms = 0;
};

struct Moment {
  std::variant<AtVersion, AtPosition, AtToken, AtRecorded, AtEventTime> at;
  /// Only what this token stands for is considered: the same moment with the same token gives the
  /// same bytes. Empty: everything there is now; the answer's token says what that was.
  std::string known_by = {};
};

}  // namespace stele::projections
