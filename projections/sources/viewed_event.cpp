#include "projections/sources/viewed_event.h"

#include "log/events/event_headers.h"
#include "log/events/tags.h"

namespace stele::projections {

const InputEvent& ViewedEvent::read(const log::EventView& view) {
  headers_.clear();
  if (view.record_headers)
    take_record_headers(*view.record_headers);
  else
    make_headers(view);
  event_ = {.topic = view.place.topic,
            .partition = view.place.partition.partition,
            .offset = view.place.offset,
            .position = view.place.position,
            .recorded_us = view.place.recorded_us,
            .time_ms = view.time_ms,
            .stream = view.stream,
            .data = view.data,
            .type = view.type,
            .headers = headers_};
  return event_;
}

void ViewedEvent::take_record_headers(const HeadersView& headers) {
  HeaderReader reader(headers);
  while (reader.next()) headers_.push_back(reader.header());
}

void ViewedEvent::add(std::string_view name, std::string_view value) {
  if (!value.empty()) headers_.push_back({.key = name, .value = as_bytes(value)});
}

void ViewedEvent::make_headers(const log::EventView& view) {
  using log::EventHeader;
  const auto attribute = [&](EventHeader header, std::string_view value) {
    add(log::header_name(header), value);
  };
  if (!view.id.empty() && !view.type.empty() && !view.source.empty())
    attribute(EventHeader::kSpecVersion, "1.0");
  attribute(EventHeader::kId, view.id);
  attribute(EventHeader::kType, view.type);
  attribute(EventHeader::kSource, view.source);
  attribute(EventHeader::kSubject, view.subject);
  attribute(EventHeader::kTime, view.time_text);
  attribute(EventHeader::kDataSchema, view.data_schema);
  attribute(EventHeader::kContentType, view.content_type);
  tags_.clear();
  log::append_tags(tags_, view.tags);
  attribute(EventHeader::kTags, tags_);
  names_.clear();
  names_.reserve(view.extensions.size());
  for (const HeaderView& extension : view.extensions) {
    names_.push_back(std::string(log::kAttributePrefix) + std::string(extension.key));
    headers_.push_back({.key = names_.back(), .value = extension.value});
  }
  headers_.insert(headers_.end(), view.headers.begin(), view.headers.end());
}

}  // namespace stele::projections
