#include "log/events/event_view.h"

#include <charconv>

#include "log/events/utf8.h"

namespace stele::log {
namespace {

constexpr std::string_view kSourcePrefix = "/topics/";
constexpr std::size_t kNumberBytesMax = 20;

void append_number(std::string& to, std::int64_t number) {
  std::array<char, kNumberBytesMax> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), end);
}

std::vector<Attribute> owned(std::span<const HeaderView> views) {
  std::vector<Attribute> attributes;
  attributes.reserve(views.size());
  for (const HeaderView& view : views) {
    Attribute& attribute = attributes.emplace_back(Attribute{std::string(view.key), std::nullopt});
    if (view.value) attribute.value.emplace(as_text(*view.value));
  }
  return attributes;
}

std::vector<HeaderView> viewed(std::span<const Attribute> attributes) {
  std::vector<HeaderView> views;
  views.reserve(attributes.size());
  for (const Attribute& attribute : attributes) {
    HeaderView& view = views.emplace_back(HeaderView{attribute.name, std::nullopt});
    if (attribute.value) view.value = as_bytes(*attribute.value);
  }
  return views;
}

}  // namespace

ViewOf::ViewOf(const RecordedEvent& event)
    : tags_(event.tags.begin(), event.tags.end()),
      extensions_(viewed(event.extensions)),
      headers_(viewed(event.headers)),
      view_{.place = {.topic = event.topic,
                      .partition = event.partition,
                      .offset = event.offset,
                      .position = event.position,
                      .recorded_us = event.recorded_us},
            .version = event.version,
            .time_ms = event.time_ms,
            .id = event.id,
            .type = event.type,
            .source = event.source,
            .subject = event.subject,
            .content_type = event.content_type,
            .data_schema = event.data_schema,
            .time_text = event.time_text,
            .tags = tags_,
            .extensions = extensions_,
            .headers = headers_} {
  if (event.stream) view_.stream = as_bytes(*event.stream);
  if (event.data) view_.data = *event.data;
}

RecordedEvent owned(const EventView& view) {
  RecordedEvent event{.position = view.place.position,
                      .recorded_us = view.place.recorded_us,
                      .topic = std::string(view.place.topic),
                      .partition = view.place.partition,
                      .offset = view.place.offset,
                      .version = view.version,
                      .time_ms = view.time_ms,
                      .id = std::string(view.id),
                      .type = std::string(view.type),
                      .source = std::string(view.source),
                      .subject = std::string(view.subject),
                      .content_type = std::string(view.content_type),
                      .data_schema = std::string(view.data_schema),
                      .time_text = std::string(view.time_text),
                      .tags = {view.tags.begin(), view.tags.end()},
                      .extensions = owned(view.extensions),
                      .headers = owned(view.headers)};
  if (view.stream) event.stream.emplace(as_text(*view.stream));
  if (view.data) event.data.emplace(view.data->begin(), view.data->end());
  return event;
}

void append_made_id(std::string& to, std::string_view topic, std::int32_t partition,
                    Offset offset) {
  to.append(topic);
  to += '/';
  append_number(to, partition);
  to += '/';
  append_number(to, offset.raw());
}

const EventView& EventReader::read(const RecordPlace& place, const RecordView& record,
                                   std::optional<Version> version) {
  event_ = {.place = place,
            .version = version,
            .time_ms = record.timestamp_ms,
            .stream = record.key,
            .data = record.value,
            .record_headers = record.headers};
  seen_ = 0;
  tags_.clear();
  extensions_.clear();
  headers_.clear();
  HeaderReader reader(record.headers);
  while (reader.next()) take(reader.header());
  event_.tags = tags_.tags();
  event_.extensions = extensions_;
  event_.headers = headers_;
  fill_in();
  return event_;
}

// What a record does not say.
void EventReader::fill_in() {
  if (event_.id.empty()) {
    made_id_.clear();
    append_made_id(made_id_, event_.place.topic, event_.place.partition.partition,
                   event_.place.offset);
    event_.id = made_id_;
  }
  if (!event_.source.empty()) return;
  if (made_source_.empty() ||
      std::string_view(made_source_).substr(kSourcePrefix.size()) != event_.place.topic) {
    made_source_.assign(kSourcePrefix).append(event_.place.topic);
  }
  event_.source = made_source_;
}

void EventReader::take(const HeaderView& header) {
  const EventHeader what = event_header(header.key);
  const bool taken = what == EventHeader::kExtension ? take_extension(header)
                     : what == EventHeader::kPlain   ? false
                     : header.value.has_value()      ? take_attribute(what, *header.value)
                                                     : first(what);
  if (!taken) headers_.push_back(header);
}

// True for the first header of an attribute: the others are no attributes.
bool EventReader::first(EventHeader what) {
  const unsigned bit = 1U << static_cast<unsigned>(what);
  const bool is_first = (seen_ & bit) == 0;
  seen_ |= bit;
  return is_first;
}

bool EventReader::take_attribute(EventHeader what, ByteView value) {
  const std::string_view text = as_text(value);
  if (!first(what) || !is_utf8(text)) return false;
  switch (what) {
    case EventHeader::kId:
      event_.id = text;
      return true;
    case EventHeader::kType:
      event_.type = text;
      return true;
    case EventHeader::kSource:
      event_.source = text;
      return true;
    case EventHeader::kSubject:
      event_.subject = text;
      return true;
    case EventHeader::kTime:
      event_.time_text = text;
      return true;
    case EventHeader::kDataSchema:
      event_.data_schema = text;
      return true;
    case EventHeader::kContentType:
      event_.content_type = text;
      return true;
    case EventHeader::kTags:
      return tags_.parse(text);
    case EventHeader::kSpecVersion:
    case EventHeader::kExtension:
    case EventHeader::kPlain:
      return true;
  }
  return true;
}

bool EventReader::take_extension(const HeaderView& header) {
  const std::string_view name = header.key.substr(kAttributePrefix.size());
  if (header.value && !is_utf8(as_text(*header.value))) return false;
  for (const HeaderView& extension : extensions_) {
    if (extension.key == name) return false;
  }
  extensions_.push_back({name, header.value});
  return true;
}

}  // namespace stele::log
