// What a filter or the index asks of a record, read without making an event of it: key, type, id
// and tags, as views. Says the same as read_event() of log/events/event_record.h.
//
//   EventFacts facts;                       // one for many records: its buffers are kept
//   while (reader.next()) {
//     facts.read(reader.record());
//     if (matches(item, facts, topic)) …
//   }
//
// Thread: its owner's.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "log/base/bytes.h"
#include "log/events/event.h"
#include "log/events/event_record.h"
#include "log/events/query.h"
#include "log/events/tags.h"
#include "log/format/records.h"

namespace stele::log {

class EventFacts {
public:
  /// Forgets the record before. Headers behind a malformed one don't count. The views are valid
  /// until the next read(), as long as the record's bytes.
  void read(const RecordView& record);

  /// None: the event belongs to no stream.
  [[nodiscard]] std::optional<ByteView> key() const { return key_; }
  /// Empty: the record has none, or bytes that are not UTF-8.
  [[nodiscard]] std::string_view type() const { return type_; }
  /// Empty: the record has none, or bytes that are not UTF-8.
  [[nodiscard]] std::string_view id() const { return id_; }
  /// None: the record has no list of tags, or a malformed one. No tag twice.
  [[nodiscard]] std::span<const std::string_view> tags() const { return tags_.tags(); }

private:
  std::optional<ByteView> key_;
  std::string_view type_;
  std::string_view id_;
  TagList tags_;
};

/// As matches() of query.h. `topic`: the record's, by name.
[[nodiscard]] bool matches(const QueryItem& item, const EventFacts& facts, std::string_view topic);
[[nodiscard]] bool matches(const Query& query, const EventFacts& facts, std::string_view topic);
/// `place`, `record`: of the record that the facts were read from.
[[nodiscard]] bool matches(const EventFilter& filter, const EventFacts& facts,
                           const RecordPlace& place, const RecordView& record);

}  // namespace stele::log
