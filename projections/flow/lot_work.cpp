#include "projections/flow/lot_work.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace stele::projections {

LotSharer::LotSharer(const Definition& definition, std::uint32_t lanes, bool takes_parked)
    : router_(definition),
      lanes_(lanes),
      park_topic_(takes_parked ? definition.park_topic : std::string()) {}

void LotSharer::share(LotPtr lot, LotWork& work) {
  work.lot = std::move(lot);
  work.events.clear();
  work.events.reserve(work.lot->events.size());
  work.event_time_ms_max = INT64_MIN;
  work.recorded_us_max = INT64_MIN;
  router_.begin_lot();
  const auto events = work.lot->events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const InputEvent& event = events[i];
    EventWork one{.index = static_cast<std::uint32_t>(i),
                  .route = router_.find(event.topic, event.type)};
    if (one.route != nullptr) {
      find_key(event, one);
    } else if (!park_topic_.empty() && event.topic == park_topic_) {
      one.lane = EventWork::kAlone;
    } else {
      continue;
    }
    work.event_time_ms_max = std::max(work.event_time_ms_max, event.time_ms);
    work.recorded_us_max = std::max(work.recorded_us_max, event.recorded_us);
    work.events.push_back(one);
  }
}

// With lanes there is one fold, the projection.
void LotSharer::find_key(const InputEvent& event, EventWork& work) {
  const Handler* handler = work.route->handlers.front();
  if (handler == nullptr) return;
  if (handler->keys != nullptr) {
    if (lanes_ > 1) work.lane = lane_of_keys(*handler, event);
  } else if (event.stream) {
    const Key key(*event.stream);
    work.hash = key.hash;
    work.lane = lane_of(key);
  }
}

// An event whose keys cannot be told is poison: whoever folds it finds out.
std::uint32_t LotSharer::lane_of_keys(const Handler& handler, const InputEvent& event) {
  std::optional<std::uint32_t> lane;
  const auto take = [&](ByteView key) {
    const std::uint32_t of_key = lane_of(Key(key));
    lane = !lane || *lane == of_key ? of_key : EventWork::kAlone;
  };
  if (!handler.keys(handler.object.get(), event, take)) return EventWork::kAlone;
  return lane.value_or(0);
}

}  // namespace stele::projections
