// From a folder to an open store: identity, lock, checkpoint, journal, catalogue.
// docs/architecture.md has the picture.
//
// Idempotent: a crash during recovery leaves a folder from which recovery does the same again.
// Nothing acknowledged is cut; what is cut off a torn end is copied to quarantine/ first. Thread:
// the opener.
#pragma once

#include <memory>

#include "log/store/core.h"

namespace stele::log {

/// Makes an empty store in `folder`, durable. The identity is written last.
Result<void> create_store(Env& env, const std::string& folder, const StoreOptions& options);

/// Everything of Store::open() but the lock. The folder holds a store.
Result<std::unique_ptr<StoreParts>> recover_store(Env& env, const std::string& folder,
                                                  const StoreOptions& options);

}  // namespace stele::log
