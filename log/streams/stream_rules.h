// How a stream is let go of: what EventStore and HTTP set, reads obey and scavenge carries out.
//
// Thread: value type.
#pragma once

#include <cstdint>
#include <optional>

#include "log/base/error.h"
#include "log/base/ordinal.h"

namespace stele::log {

/// Empty: nothing was ever said of the stream.
struct StreamRules {
  std::optional<std::int64_t> max_count;   ///< events kept at most, the newest
  std::optional<std::int64_t> max_age_ms;  ///< of the recorded time
  std::optional<Version> truncate_before;  ///< events below it are not read any more
  bool tombstoned = false;                 ///< deleted for good
  [[nodiscard]] bool empty() const {
    return !max_count && !max_age_ms && !truncate_before && !tombstoned;
  }
  friend bool operator==(const StreamRules&, const StreamRules&) = default;
};

/// kInvalid: a count or an age below 1, a version below 0.
[[nodiscard]] Result<void> check_stream_rules(const StreamRules& rules);

}  // namespace stele::log
