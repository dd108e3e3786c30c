// The calls of an event store in this process, as projections make them. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "projections/sources/event_access.h"

namespace stele::projections {

class EmbeddedAccess final : public EventAccess {
public:
  /// `events` outlives it.
  explicit EmbeddedAccess(log::EventStore& events) : events_(events) {}

  log::EventAppendResult append(log::EventAppend append) override;
  Result<log::PageSummary> read_into(const log::ReadRequest& request,
                                     log::EventSink& sink) override;
  Result<Position> end() override;
  Result<Position> find_recorded(std::int64_t recorded_us) override;
  Result<std::string> token(Position next) override;
  Result<Position> parse_token(std::string_view token) override;

private:
  log::EventStore& events_;
};

}  // namespace stele::projections
