// Reads a whole store behind a server in the order of positions: a catch-up subscription over gRPC,
// whose packed messages become lots without being copied. A connection that breaks is opened again
// behind what was given. Internal to this folder. Thread: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "projections/remote/server_access.h"
#include "projections/sources/source.h"

namespace stele::projections {

/// kNotFound: a topic is not there; kOutOfRange: `from` is past the end. `access` outlives it.
Result<std::unique_ptr<SourceReader>> open_position_reader(ServerAccess& access,
                                                           const std::vector<std::string>& topics,
                                                           Position from);

}  // namespace stele::projections
