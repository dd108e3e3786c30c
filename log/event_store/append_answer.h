// What the caller is told of an append: places and versions, or which checks have failed. A refusal
// that is a retry in truth gets the first answer:
//
//   all event ids are taken                      the sequencer says where; read back
//   an exact version failed, but what stands behind it has the caller's ids: read back; works for
//   ever
//
// Thread: where the append was answered: the core's, if it was submitted. Reads what stands in the
// page cache, or the disk.
#pragma once

#include "log/event_store/append_plan.h"
#include "log/event_store/batch_cache.h"

namespace stele::log {

inline constexpr std::size_t kConflictsMax = 100;

/// `events` and `cache` outlive the call.
EventAppendResult answer_append(const EventStore& events, BatchCache& cache, AppendPlan& plan,
                                Result<AppendOutcome> outcome);

}  // namespace stele::log
