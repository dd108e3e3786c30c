#include "projections/sources/embedded_access.h"

#include <utility>

namespace stele::projections {

log::EventAppendResult EmbeddedAccess::append(log::EventAppend append) {
  return events_.append(std::move(append));
}

Result<log::PageSummary> EmbeddedAccess::read_into(const log::ReadRequest& request,
                                                   log::EventSink& sink) {
  return events_.read_into(request, sink);
}

Result<Position> EmbeddedAccess::end() {
  return events_.store().end();
}

Result<Position> EmbeddedAccess::find_recorded(std::int64_t recorded_us) {
  return events_.store().find_recorded(recorded_us);
}

Result<std::string> EmbeddedAccess::token(Position next) {
  return events_.token(next);
}

Result<Position> EmbeddedAccess::parse_token(std::string_view token) {
  return events_.parse_token(token);
}

}  // namespace stele::projections
