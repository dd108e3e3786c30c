// What a flow's folder holds of the past: to answer questions as of a moment from. Whoever folds
// into the folder meanwhile is not in the way, nor disturbed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "projections/state/state_store.h"

namespace stele::projections {

/// The snapshots that are whole, and the SQLite file's committed states, newest first; a damaged
/// one is left out, as is one of a newer format. Blocks are read and checked when they are asked
/// for. Empty if there is no such folder. `env` outlives them. kIo, kOverloaded.
[[nodiscard]] Result<std::vector<std::unique_ptr<PastStates>>> list_past(Env& env,
                                                                         const std::string& folder);

}  // namespace stele::projections
