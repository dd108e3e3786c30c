// Judges a recovered store by the history of what was asked of it: everything acknowledged is there
// with its offset, position and bytes; nothing is half there; offsets and positions are dense; the
// two ways to read agree; topics and settings are as the last catalogue event left them.
#pragma once

#include "tests/crash/history.h"

namespace stele::crash {

/// Fills in ids of topics that turned out to be there and settles the history. An error says which
/// promise is broken.
Result<void> judge(const log::Store& store, History& history, std::uint64_t seed);

/// The same for a store on a damaged disk: each batch is looked for by offset and by position, and
/// must be right or refused as kCorrupt; ends and topics must be right. Returns how many were
/// refused. The history is settled already (all of it acknowledged or refused).
Result<std::size_t> judge_damaged(const log::Store& store, History& history);

/// What a history says a store holds after its first `prefix` operations.
struct ExpectedBatch {
  const Batch* batch = nullptr;  ///< null: an event of the catalogue
  std::size_t asked = 0;
  Offset base_offset;
  Position position;
};
struct ExpectedPartition {
  std::vector<ExpectedBatch> batches;
  Offset end;
  Offset trimmed_least, trimmed_most;  ///< where the log start may be
};
struct Expected {
  std::vector<ExpectedBatch> order;
  std::map<Place, ExpectedPartition> partitions;
  std::map<std::string, std::pair<std::size_t, log::TopicSettings>> topics;  ///< live ones
  std::int64_t next_producer_id = 0;
};
[[nodiscard]] Expected expected_after(const History& history, std::size_t prefix);

}  // namespace stele::crash
