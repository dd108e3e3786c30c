// Writes a frozen tail as a run.
//
// A term whose base is not known gets 0 if no older run's filter knows it; otherwise it stays
// unknown, until a merge finds out. Heads that somebody asked for go to the cache, so that what was
// hot stays hot. Thread: any, off the core.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "log/env/env.h"
#include "log/index/head_cache.h"
#include "log/index/run_chain.h"
#include "log/index/term_tail.h"

namespace stele::log {

struct TailCut {
  std::shared_ptr<const TermTail> tail;  ///< frozen
  RunRange range;
  RunChain older;  ///< up to range.from
};

/// The run is durable and has its name. kCancelled: `stop` was set; as RunWriter otherwise, nothing
/// is left behind then.
Result<ChainedRun> cut_tail(Env& env, const std::string& folder, const Uuid& store,
                            const TermHasher& hasher, const TailCut& cut, HeadCache& heads,
                            const std::atomic<bool>& stop);

}  // namespace stele::log
