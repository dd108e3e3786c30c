// The file LOCK in a data folder: flock()ed by the process that uses the folder, saying which.
#pragma once

#include <memory>
#include <string>

#include "log/env/env.h"

namespace stele {

/// Takes `folder` for this process until the lock is destroyed; the kernel lets go at any death.
/// kAlreadyExists: "folder /x is in use by steled, pid 123 on host y".
[[nodiscard]] Result<std::unique_ptr<FolderLock>> lock_folder(const std::string& folder);

}  // namespace stele
