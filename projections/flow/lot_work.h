// What is to be done with a lot: the events that somebody listens to, and whose lane each belongs
// to. Found ahead of the fold, by whoever reads.
//
//   lot ─► route (FlowRouter) ─► key's hash ─► lane = shard mod lanes
//
// A key's shard, and so its lane, never changes: one lane folds all events of a key, in order.
// Thread: LotSharer is its owner's; LotWork is read by any.
#pragma once

#include <vector>

#include "projections/flow/flow_router.h"
#include "projections/sources/source.h"
#include "projections/state/state_store.h"

namespace stele::projections {

struct EventWork {
  static constexpr std::uint32_t kAlone = UINT32_MAX;  ///< keys of several lanes, or a redriven one
  std::uint32_t index = 0;                             ///< in the lot
  std::uint32_t lane = 0;
  std::uint64_t hash = 0;        ///< of the stream, if that is the key; 0: it is not known
  const Route* route = nullptr;  ///< null: it is of the park topic
};

struct LotWork {
  LotPtr lot;
  std::vector<EventWork> events;
  std::int64_t event_time_ms_max = INT64_MIN;  ///< of events
  std::int64_t recorded_us_max = INT64_MIN;
};

class LotSharer {
public:
  /// `definition` outlives it. `takes_parked`: events of the park topic are work.
  LotSharer(const Definition& definition, std::uint32_t lanes, bool takes_parked);

  void share(LotPtr lot, LotWork& work);

private:
  [[nodiscard]] std::uint32_t lane_of(const Key& key) const { return key.shard() % lanes_; }
  void find_key(const InputEvent& event, EventWork& work);
  [[nodiscard]] std::uint32_t lane_of_keys(const Handler& handler, const InputEvent& event);

  FlowRouter router_;
  std::uint32_t lanes_;
  std::string park_topic_;  ///< empty: none
};

}  // namespace stele::projections
