// Checks what an append expects, against everything that was sequenced before it.
//
// Every failed check is named, not the first one only.
// Thread: the core.
#pragma once

#include <string_view>
#include <unordered_map>

#include "log/store/condition_match.h"
#include "log/streams/stream_table.h"

namespace stele::log {

/// Fills in checks.verdict. True: every event id is taken, this is a retry. kWrongVersion,
/// kConditionFailed, kTombstoned: see the verdict; kAlreadyExists: some ids are taken, but not all;
/// kCorrupt, kIo. `end`: one past the last sequenced position.
Result<bool> check_append(AppendChecks& checks, const TermIndex& index, const StreamTable& streams,
                          const OrderLookups& order, Position end);

/// Whether a stream of so many events is what is expected.
[[nodiscard]] bool holds(const ExpectedVersion& expected, std::int64_t count);

/// Gives the records of an append their versions, batch by batch in the order in which they are to
/// be sequenced, before any of them is.
class VersionGiver {
public:
  explicit VersionGiver(const TermIndex& index) : index_(index) {}

  /// Appends to `versions` one for each record of a batch: -1 for those without a stream. `terms`:
  /// of the batch, alive as long as this; null: none. kCorrupt, kIo.
  Result<void> give(const BatchTerms* terms, std::int32_t record_count,
                    std::vector<std::int64_t>& versions);

private:
  struct Stream {
    Uuid topic;
    std::string_view key;
    bool operator==(const Stream&) const = default;
  };
  struct StreamHash {
    std::size_t operator()(const Stream& stream) const {
      return std::hash<std::string_view>{}(stream.key) ^ std::hash<Uuid>{}(stream.topic);
    }
  };
  const TermIndex& index_;
  std::unordered_map<Stream, std::int64_t, StreamHash> next_;
};

}  // namespace stele::log
