// Opens the index and tells it what its runs do not hold, from the log.
//
// A lost or damaged index is built anew, with progress in the env's reports.
// Thread: the opener.
#pragma once

#include "log/store/core.h"

namespace stele::log {

/// Topics, order log and the sequencer's end are recovered. kIo, kNoSpace, kCorrupt (a batch,
/// named).
Result<void> recover_index(StoreParts& parts);

}  // namespace stele::log
