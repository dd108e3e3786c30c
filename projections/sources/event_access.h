// The calls of an event store that projections need, wherever the store is: in this process
// (embedded_source.h) or behind a server (projections/remote). Words and errors are those of
// log/event_store/event_store.h. Threads: any.
#pragma once

#include "log/event_store/event_store.h"
#include "log/events/event_view.h"

namespace stele::projections {

class EventAccess {
public:
  EventAccess() = default;
  EventAccess(const EventAccess&) = delete;
  EventAccess& operator=(const EventAccess&) = delete;
  virtual ~EventAccess() = default;

  /// Durable when it returns.
  virtual log::EventAppendResult append(log::EventAppend append) = 0;
  virtual Result<log::PageSummary> read_into(const log::ReadRequest& request,
                                             log::EventSink& sink) = 0;
  virtual Result<Position> end() = 0;
  /// The first position recorded at or after `recorded_us`; the end if there is none.
  virtual Result<Position> find_recorded(std::int64_t recorded_us) = 0;
  virtual Result<std::string> token(Position next) = 0;
  /// kInvalid, kOutOfRange (a lost timeline, past the end).
  virtual Result<Position> parse_token(std::string_view token) = 0;
};

}  // namespace stele::projections
