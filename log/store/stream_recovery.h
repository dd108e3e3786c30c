// Folds the events of `__stele_streams` into the table of stream rules.
//
// Thread: the opener.
#pragma once

#include "log/store/core.h"

namespace stele::log {

/// Topics and index are recovered. kCorrupt, kIo.
Result<void> recover_streams(StoreParts& parts);

}  // namespace stele::log
