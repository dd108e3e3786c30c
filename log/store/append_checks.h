// What an append asks the sequencer to check, and what it answers. Checked against everything
// sequenced before, the same commit group included, before anything of the append is.
//
//   ids (a retry?) ─► tombstones ─► expectations ─► conditions ─► sequenced, versions given
//
// Made by EventStore (log/event_store), which resolves names to terms at the edge.
// Thread: filled in by the caller, then the core's until the append is answered, then the caller's.
#pragma once

#include <optional>
#include <vector>

#include "log/base/ordinal.h"
#include "log/events/query.h"
#include "log/index/term.h"

namespace stele::log {

struct StreamCheck {
  Term stream;
  ExpectedVersion expected;
};

/// An item of a query, in terms. Without types and tags it matches every event (of its topics).
struct ConditionItem {
  std::vector<Term> types;   ///< one of them; none: any
  std::vector<Term> tags;    ///< all of them
  std::vector<Uuid> topics;  ///< one of them; none: any
  bool nothing = false;      ///< it names topics, but none that exists: matches no event
};

struct ConditionCheck {
  std::vector<ConditionItem> items;  ///< none: every event matches
  Position from;                     ///< the first position that counts
};

struct FailedStreamCheck {
  std::size_t index = 0;  ///< in AppendChecks::streams
  std::optional<Version> actual;
  bool tombstoned = false;
};

struct FailedConditionCheck {
  std::size_t index = 0;  ///< in AppendChecks::conditions
  std::size_t item = 0;
  Position conflict;
};

/// What the sequencer found.
struct AppendVerdict {
  std::vector<FailedStreamCheck> failed_streams;
  std::vector<FailedConditionCheck> failed_conditions;
  std::vector<Position> duplicate_of;  ///< a retry: where each event with an id stands, else empty
  /// Of each record of each batch, in the order of the batches: its version; -1: no stream.
  std::vector<std::int64_t> versions;
};

struct AppendChecks {
  std::vector<StreamCheck> streams;
  std::vector<ConditionCheck> conditions;
  std::vector<Term> event_ids;  ///< of the events that brought one; all taken: a retry
  AppendVerdict verdict;
};

}  // namespace stele::log
