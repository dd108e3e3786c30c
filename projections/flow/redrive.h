// Appends parked events again, to be folded by handlers that can. Thread: one at a time.
#pragma once

#include <functional>
#include <string>

#include "projections/fold/definition.h"
#include "projections/sources/source.h"

namespace stele::projections {

/// Goes through the park topic, and appends each copy whose origin `is_recorded` once more: how
/// many. Errors of reads and appends; what was appended by then stays.
Result<std::size_t> append_again(EventAccess& events, Source& to, const Definition& definition,
                                 const std::function<bool(const std::string& origin)>& is_recorded);

}  // namespace stele::projections
