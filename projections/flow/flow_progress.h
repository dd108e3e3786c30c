// How far a flow has got, for everybody who is not folding.
//
// Between lots it is a checkpoint: all below it is in every state. Within a lot single states are
// further on, and a read must say how far its own is. A lot is of one input, its events are
// numbered by ticks that only grow, and a state's shard remembers the tick that it has closed last
// (StateStore::read()). A shard is folded in the order of the lot, so that a tick of this lot means:
// every event of this shard's keys up to that one is in, none behind it is. A tick of an earlier
// lot, or none, means: nothing of this lot is in yet. So max(checkpoint, place of the tick + 1) is
// exactly what the state stands for.
//
// Thread: begin(), end(), stop() by who folds; the others by any, at() under the shard's lock.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "projections/fold/checkpoint.h"
#include "projections/sources/source.h"

namespace stele::projections {

/// The place of an event of the input.
[[nodiscard]] inline std::int64_t place_of(const InputId& input, const InputEvent& event) {
  return input.is_store() ? event.position.raw() : event.offset.raw();
}

class FlowProgress {
public:
  /// The lot's events have the ticks from `first_tick` on.
  void begin(LotPtr lot, std::int64_t first_tick);
  /// The lot is folded, or the states were restored: `checkpoint` is where they are.
  void end(Checkpoint checkpoint);
  /// Nobody waits any longer.
  void stop();

  [[nodiscard]] Checkpoint checkpoint() const;
  /// What a state stands for whose shard has closed `last_tick`.
  [[nodiscard]] Checkpoint at(std::int64_t last_tick) const;
  /// False: `longest` has gone by, or it has stopped.
  bool wait_for(const Checkpoint& wanted, std::chrono::nanoseconds longest) const;

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  Checkpoint checkpoint_;
  LotPtr lot_;  ///< that is being folded; null: none
  std::int64_t first_tick_ = 0;
  bool stopped_ = false;
};

}  // namespace stele::projections
