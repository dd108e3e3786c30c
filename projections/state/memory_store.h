// States in memory, with snapshots in a folder.
//
//   <20-digit event count>.snap   the states at that many events; several kept
//   snapshot.new                  one that is being written
//
// A snapshot is a full one, taken by the thread that commits: when `snapshot_every` events have
// gone by since the last, and twenty times as long as it took. Which costs one part in twenty of
// the time, however large the states are, and at a kill what has been folded since.
// restore() gives the newest that is whole and of these folds' shapes; a damaged one, or one of
// other shapes, is passed over, told, and removed when the next snapshot is durable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "projections/state/state_store.h"

namespace stele::projections {

/// Takes `folder`, made if it is not there, until destroyed. `env` and the definitions outlive the
/// store. kAlreadyExists (in use; names the holder), kIo, kNoSpace.
[[nodiscard]] Result<std::unique_ptr<StateStore>> open_memory_store(
    Env& env, std::string folder, std::vector<const Definition*> folds, MemoryStore options);

}  // namespace stele::projections
