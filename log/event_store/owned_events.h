// Keeps the events of a page, for who wants them as values. Thread: its owner's.
#pragma once

#include <utility>
#include <vector>

#include "log/event_store/event_store.h"
#include "log/events/event_view.h"

namespace stele::log {

class OwnedEvents final : public EventSink {
public:
  void take(const EventView& event) override { events_.push_back(owned(event)); }
  [[nodiscard]] std::vector<RecordedEvent> release() { return std::move(events_); }

private:
  std::vector<RecordedEvent> events_;
};

}  // namespace stele::log
