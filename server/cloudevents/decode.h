// CloudEvents 1.0 in JSON (structured mode, single and batch) and in HTTP headers (binary mode),
// and the JSON bodies of requests. docs/events.md is the page of the mapping, docs/http.md that of
// the bodies.
//
//   attributes   strings; null is the same as not given; id, source and type may be missing
//   data         JSON, kept as it is written; a string's content, if datacontenttype is not JSON
//   data_base64  any bytes
//   extensions   strings, integers, true and false: kept as text
//   stream (or streambase64, or partitionkey), tags (a list as in ce_tags, or an array), headers
//   (name=value,… percent-encoded, or an object): Stele's own
//   topic, position, version, recordedtime, partition, offset: what reads give; ignored but for
//   topic in parse_append(), so that what was read can be appended elsewhere
//
// Everything answers kInvalid: not JSON (JsonReader says what that is), or not what is expected;
// the detail names the place as JSON pointer and byte. What check_event() of log/events checks is
// left to the append. 64-bit integers are strings or numbers. Members of requests that are not
// known are faults: a misspelt condition must not be overlooked. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"
#include "log/event_store/event_store.h"

namespace stele::cloudevents {

inline constexpr std::size_t kEventsMax = 50'000;  ///< of one JSON text; kTooLarge

[[nodiscard]] Result<log::NewEvent> parse_event(std::string_view json);
/// An array of events (application/cloudevents-batch+json), all of `topic`.
[[nodiscard]] Result<std::vector<log::TopicEvent>> parse_batch(std::string_view topic,
                                                               std::string_view json);

/// One header of an HTTP message; the name in any case.
struct Header {
  std::string_view name;
  std::string_view value;
};
/// Binary mode: attributes in headers ce-…, percent-encoded; the body is the data as it is. Of the
/// other headers only content-type counts. The fault names the header.
[[nodiscard]] Result<log::NewEvent> parse_binary(std::span<const Header> headers,
                                                 std::string_view body);

/// The text at a place of a JSON text: a member's name, or a JSON pointer ("/data/icao"). Numbers,
/// true and false are given as they are written.
[[nodiscard]] Result<std::string> find_text(std::string_view json, std::string_view place);

/// {"topic": default of the others, "events": [event…], "expectations": [{"topic","stream",
/// "expectedVersion"}…], "conditions": [{"failIfEventsMatch": query, "after": "123"}…],
/// "returnConflicts": false}
[[nodiscard]] Result<log::EventAppend> parse_append(std::string_view json);

struct ParsedQuery {
  log::ReadRequest read;              ///< its events_max is left alone
  std::optional<std::int64_t> limit;  ///< as it was asked for
};
/// {"query": {"items": [{"types","tags","topics"}…]}, "from":
/// {"position","recordedTime","time","token"}, "direction": "forward", "limit": 1000, "versions":
/// false, "filter": {"types","tags","streamPrefix", "header": {"name","value"}}}
[[nodiscard]] Result<ParsedQuery> parse_query(std::string_view json);

/// {"maxCount","maxAgeMs","truncateBefore"}; null or missing: no such limit.
[[nodiscard]] Result<log::StreamRules> parse_limits(std::string_view json);

/// "any", "no_stream", "exists" or a version from 0 to 2^63-1.
[[nodiscard]] Result<log::ExpectedVersion> parse_expected_version(std::string_view text);

}  // namespace stele::cloudevents
