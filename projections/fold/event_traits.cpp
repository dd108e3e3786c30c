#include "projections/fold/event_traits.h"

#include "log/base/fail.h"

namespace stele::projections::detail {

Error no_data(std::string_view type) {
  return {Code::kInvalid, fmt::format("{}: the event has no data", type)};
}

Error undecodable(std::string_view type, std::string_view what) {
  return {Code::kInvalid, fmt::format("{}: the data is not {}", type, what)};
}

}  // namespace stele::projections::detail
