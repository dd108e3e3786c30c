// An event as its record says, read without being copied: what RecordedEvent owns, as views.
//
//   EventReader reader;                                  // one for many records: its buffers are
//   kept const EventView& event = reader.read(place, record);
//
// read_event() of log/events/event_record.h is this, copied. The rules are on top of that file.
// Thread: its owner's.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/events/event_headers.h"
#include "log/events/event_record.h"
#include "log/events/tags.h"

namespace stele::log {

/// Owners: the record's bytes, the topic's name, and the EventReader until it reads the next one.
struct EventView {
  RecordPlace place;
  std::optional<Version> version;  ///< as it was given
  std::int64_t time_ms = 0;
  std::optional<ByteView> stream;
  std::optional<ByteView> data;
  std::string_view id;
  std::string_view type;
  std::string_view source;
  std::string_view subject;
  std::string_view content_type;
  std::string_view data_schema;
  std::string_view time_text;
  std::span<const std::string_view> tags;
  std::span<const HeaderView> extensions;  ///< named without "ce_"
  std::span<const HeaderView> headers;
  std::optional<HeadersView> record_headers;  ///< all, as the record has them; none: an event that
                                              ///< was read before
};

/// An event that owns what it says, seen as an EventView. Owner of the bytes: the event.
class ViewOf {
public:
  explicit ViewOf(const RecordedEvent& event);
  ViewOf(const ViewOf&) = delete;
  ViewOf& operator=(const ViewOf&) = delete;
  [[nodiscard]] const EventView& view() const { return view_; }

private:
  std::vector<std::string_view> tags_;
  std::vector<HeaderView> extensions_;
  std::vector<HeaderView> headers_;
  EventView view_;
};

/// The same as an event that owns what it says.
[[nodiscard]] RecordedEvent owned(const EventView& view);

/// Appends the id of an event whose record has none: "topic/partition/offset".
void append_made_id(std::string& to, std::string_view topic, std::int32_t partition, Offset offset);

class EventReader {
public:
  EventReader() = default;
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /// Headers behind a malformed one are not read.
  const EventView& read(const RecordPlace& place, const RecordView& record,
                        std::optional<Version> version = std::nullopt);

private:
  void take(const HeaderView& header);
  bool first(EventHeader what);
  bool take_attribute(EventHeader what, ByteView value);
  bool take_extension(const HeaderView& header);
  void fill_in();

  EventView event_;
  unsigned seen_ = 0;
  TagList tags_;
  std::vector<HeaderView> extensions_;
  std::vector<HeaderView> headers_;
  std::string made_id_;
  std::string made_source_;  ///< of the topic whose events were read last
};

}  // namespace stele::log
