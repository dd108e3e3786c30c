// Topics whose streams' versions are not known, and why: a batch was damaged, or gone without a
// version floor, when the index was built. Kept beside the runs that do not count it,
// `index/unknown`, so that the next start does not take them for whole; an index that is built anew
// from position 0 finds out afresh.
//
//   magic u64 | format version u32 | topics u32 | store id | topics: id, bytes u32, why | checksum
//   u64
//
// Invariant: durable before any run that misses the events. Thread: the opener.
#pragma once

#include <map>
#include <string>

#include "log/base/uuid.h"
#include "log/env/env.h"

namespace stele::log {

using UnknownVersions = std::map<Uuid, std::string>;

/// None if there is no such file. kCorrupt, kIo.
Result<UnknownVersions> load_unknown_versions(Env& env, const std::string& index_folder,
                                              const Uuid& store);
/// In place of what was there. kNoSpace, kIo.
Result<void> save_unknown_versions(Env& env, const std::string& index_folder, const Uuid& store,
                                   const UnknownVersions& unknown);

}  // namespace stele::log
