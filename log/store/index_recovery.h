// Opens version floors and index, and tells the index what its runs do not hold, from the log.
//
// A lost or damaged index is built anew, with progress in the env's reports.
// Thread: the opener.
#pragma once

#include "log/store/core.h"

namespace stele::log {

/// Topics are recovered. Floors that are damaged are reported and not used: nothing is added to
/// them until they are restored, and an index that must be rebuilt knows no versions. kIo,
/// kUnsupported.
Result<void> recover_floors(StoreParts& parts);

/// Floors, topics, order log and the sequencer's end are recovered. kIo, kNoSpace, kCorrupt (a
/// batch, named).
Result<void> recover_index(StoreParts& parts);

}  // namespace stele::log
