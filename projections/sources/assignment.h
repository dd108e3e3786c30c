// Which partitions this instance folds, when several share the work: by consumer group, by a static
// list, or by the caller's own rule. Copartitioned topics share a number: task p folds partition p
// of all of them. Thread: one at a time, the engine's.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "log/base/error.h"
#include "projections/fold/checkpoint.h"

namespace stele::projections {

struct AssignmentChange {
  std::vector<std::int32_t> removed;  ///< let go of first: commit their states, close them
  std::vector<std::int32_t> added;
};

class Assignment {
public:
  Assignment() = default;
  Assignment(const Assignment&) = delete;
  Assignment& operator=(const Assignment&) = delete;
  virtual ~Assignment() = default;

  /// What changed since the last confirm(); waits up to `longest` for a change. kFenced: this
  /// instance was thrown out, everything it holds is another's now; kIo.
  virtual Result<AssignmentChange> poll(std::chrono::nanoseconds longest) = 0;
  /// The change is carried out: what was removed may go to others.
  virtual Result<void> confirm() = 0;
  /// Tells the group how far this instance has got, for tools that show lag; nothing resumes from
  /// it.
  virtual Result<void> commit(const Checkpoint& checkpoint) = 0;
};

}  // namespace stele::projections
