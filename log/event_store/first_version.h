// The oldest event of a stream that reads still give: behind its rules, and not let go of by
// retention or compaction.
//
// What is let go of is taken to be a prefix of the stream: so it is found in a few steps, however
// long that prefix is. Thread: its owner's.
#pragma once

#include "log/event_store/position_reader.h"
#include "log/index/term_index.h"

namespace stele::log {

struct StreamPlace {
  const TopicInfo& topic;
  ByteView key;
  PostingReader& postings;
  const StreamRules& rules;
  Posting last;  ///< its newest durable event
};

/// As of `end`. Nullopt: none is left. kCorrupt, kIo.
Result<std::optional<Version>> find_first_version(const Store& store, BatchCache& cache,
                                                  const StreamPlace& stream, Position end);

}  // namespace stele::log
