// Events: records read as facts, with CloudEvents attributes in Kafka's binding. docs/events.md has
// the whole mapping.
//
// Thread: value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/ordinal.h"
#include "log/base/partition_id.h"

namespace stele::log {

/// CloudEvents extension attributes and other headers, in the order in which they stand. Names are
/// without "ce_". A null value stays null.
struct Attribute {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// An event to append.
struct NewEvent {
  std::optional<std::string> stream;  ///< the record's key, any bytes; none: belongs to no stream
  std::string id;            ///< empty: none is written, the event cannot be told from its retry
  std::string type;          ///< may be empty
  std::string source;        ///< empty: "/topics/<topic>"
  std::string subject;       ///< empty: none
  std::string content_type;  ///< header content-type; empty: none
  std::string data_schema;   ///< empty: none
  std::vector<std::string> tags;
  std::optional<std::int64_t> time_ms;  ///< event time; none: that of time_text, or now
  std::string time_text;      ///< RFC 3339, kept as given; empty: made of time_ms. Not without the
                              ///< other's millisecond, if both are given
  std::optional<Bytes> data;  ///< the record's value; none: null
  std::vector<Attribute> extensions;  ///< CloudEvents extensions: headers ce_<name>
  std::vector<Attribute> headers;     ///< other Kafka headers, as they are
};

/// An event as it stands in the log.
struct RecordedEvent {
  Position position;
  std::int64_t recorded_us = 0;  ///< since 1970, never decreasing with the position
  std::string topic;
  TopicPartition partition;
  Offset offset;
  std::optional<Version> version;  ///< in its stream; none: no stream, or not asked for
  std::int64_t time_ms = 0;        ///< event time: the record's timestamp
  std::optional<std::string> stream;
  std::string id;      ///< "topic/partition/offset" if the record has none
  std::string type;    ///< empty if the record has none
  std::string source;  ///< "/topics/<topic>" if the record has none
  std::string subject;
  std::string content_type;
  std::string data_schema;
  std::string time_text;  ///< ce_time as it was given, with its precision and zone; empty: none
  std::vector<std::string> tags;
  std::optional<Bytes> data;
  std::vector<Attribute> extensions;
  std::vector<Attribute> headers;

  friend bool operator==(const RecordedEvent&, const RecordedEvent&) = default;
};

inline constexpr std::size_t kTagCountMax = 64;
inline constexpr std::size_t kTagBytesMax = 256;
inline constexpr std::size_t kTypeBytesMax = 1024;
inline constexpr std::size_t kEventIdBytesMax = 1024;

}  // namespace stele::log
