// An event as a Kafka record and back: attributes in headers, as CloudEvents' Kafka binding has
// them in binary mode. docs/events.md is the page of this mapping.
//
//   key      stream                      header ce_specversion 1.0 (if id, type and source are
//   given) value    data                               ce_id ce_type ce_source ce_subject ce_time
//   time     time_ms                            ce_dataschema content-type ce_tags
//                                               ce_<extension> …   others, as they are
//
// Writing is strict, and always in this order of headers. Reading is tolerant: whatever a producer
// wrote is an event. What a record does not say is filled in when it is read; ce_ headers that
// cannot be attributes (not text, a second one of a name, a malformed list of tags) are kept among
// the plain headers. Thread: any; an EventEncoder is its owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/error.h"
#include "log/events/event.h"
#include "log/format/batch_builder.h"
#include "log/format/records.h"

namespace stele::log {

/// Longest value of an attribute that has no limit of its own.
inline constexpr std::size_t kAttributeBytesMax = 64 << 10;
/// Extensions and headers of an event, together.
inline constexpr std::size_t kAttributeCountMax = 256;

/// kInvalid names the field and its fault: a text that is too long or not UTF-8, a tag
/// (check_tags()), a time that is none, is before 1970 or contradicts the other one, an extension's
/// name that is not a-z and 0-9, is given twice or is taken, a header's name that begins with ce_
/// or is content-type.
[[nodiscard]] Result<void> check_event(const NewEvent& event);

/// Makes records of events, one after the other.
///
///   STELE_TRY(NewRecord record, encoder.encode(event, now_ms));
///   STELE_DO(builder.add(record));
class EventEncoder {
public:
  /// The record of `event`: views into the event and the encoder, valid until the next call.
  /// `now_ms` is the time of an event that brings none. kInvalid as check_event().
  [[nodiscard]] Result<NewRecord> encode(const NewEvent& event, std::int64_t now_ms);

private:
  void add_text(std::string_view name, std::string_view value);
  void add_extensions(const NewEvent& event);
  /// The text appended behind `from`; it does not move until the next encode().
  [[nodiscard]] std::string_view made_since(std::size_t from) const;

  std::vector<HeaderView> headers_;
  std::string made_;  ///< texts that the event has not as they are: tags, time, names of extensions
};

/// Where a record stands; given for each, `topic` by name.
struct RecordPlace {
  std::string_view topic;
  TopicPartition partition;
  Offset offset;
  Position position;
  std::int64_t recorded_us = 0;

  /// Of a record of a batch whose first record stands at this place.
  [[nodiscard]] RecordPlace of(const RecordView& record) const {
    return {topic, partition, offset.next(record.offset_delta), position.next(record.offset_delta),
            recorded_us};
  }
};

/// The event that a record is. `place`: the record's (RecordPlace::of()). Headers behind a
/// malformed one are not read. `version` is left to the caller, who knows it from the index.
[[nodiscard]] RecordedEvent read_event(const RecordPlace& place, const RecordView& record);

}  // namespace stele::log
