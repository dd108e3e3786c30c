// Queries over events, in the words of the DCB specification, and filters of reads.
//
// An item matches an event that has one of the item's types (any if it names none), all of its
// tags, and is of one of its topics (any if it names none). A query matches what one of its items
// matches; without items it matches every event. Thread: value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/events/event.h"

namespace stele::log {

struct QueryItem {
  std::vector<std::string> types;
  std::vector<std::string> tags;
  std::vector<std::string> topics;  ///< by name
  friend bool operator==(const QueryItem&, const QueryItem&) = default;
};

struct Query {
  std::vector<QueryItem> items;
  friend bool operator==(const Query&, const Query&) = default;
};

/// The append is refused if an event matches that stands behind `after` (all events, if it is not
/// given).
struct AppendCondition {
  Query fail_if_events_match;
  std::optional<Position> after;
};

/// What the client expects of a stream's last version.
struct ExpectedVersion {
  enum class Kind : std::uint8_t { kAny, kNoStream, kExists, kExact };
  Kind kind = Kind::kAny;
  Version version;  ///< of kExact: that of the stream's last event

  static ExpectedVersion any() { return {}; }
  static ExpectedVersion no_stream() { return {Kind::kNoStream, {}}; }
  static ExpectedVersion exists() { return {Kind::kExists, {}}; }
  static ExpectedVersion exact(Version version) { return {Kind::kExact, version}; }
  friend bool operator==(const ExpectedVersion&, const ExpectedVersion&) = default;
};

/// Narrows what a read gives; everything that is given must hold.
struct EventFilter {
  std::vector<std::string> types;  ///< one of them
  std::vector<std::string> tags;   ///< all of them
  std::optional<std::string> stream_prefix;
  std::optional<std::pair<std::string, std::string>> header;  ///< name and value, ce_ ones too
  [[nodiscard]] bool empty() const {
    return types.empty() && tags.empty() && !stream_prefix && !header;
  }
};

inline constexpr std::size_t kQueryItemsMax = 64;
inline constexpr std::size_t kQueryTermsMax = 256;  ///< types, tags and topics of a query together
inline constexpr std::size_t kConditionsMax = 16;   ///< of one append

/// kInvalid names the item and the fault: too many items or terms, an empty or too long type or
/// tag.
[[nodiscard]] Result<void> check_query(const Query& query);

[[nodiscard]] bool matches(const QueryItem& item, const RecordedEvent& event);
[[nodiscard]] bool matches(const Query& query, const RecordedEvent& event);
[[nodiscard]] bool matches(const EventFilter& filter, const RecordedEvent& event);

}  // namespace stele::log
