// The folder that one store keeps its files in. Thread: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "log/env/env.h"

namespace stele::projections {

/// Makes the folder, and takes it until the lock is destroyed. kAlreadyExists (names the holder),
/// kIo, kNoSpace.
[[nodiscard]] Result<std::unique_ptr<FolderLock>> take_state_folder(Env& env,
                                                                    const std::string& folder);
/// The folder itself survives power loss: for whoever makes the first file in it durable. kIo.
[[nodiscard]] Result<void> sync_state_folder(Env& env, const std::string& folder);
[[nodiscard]] std::string path_in(std::string_view folder, std::string_view name);

}  // namespace stele::projections
