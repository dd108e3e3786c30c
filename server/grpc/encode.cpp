#include "server/grpc/encode.h"

#include <vector>

#include <stele/v1/event_store.pb.h>
#include "log/events/utf8.h"

namespace stele::rpc {

namespace {

using E = v1::RecordedEvent;

std::uint64_t raw(auto ordinal) {
  return static_cast<std::uint64_t>(ordinal.raw());
}

void write_attributes(WireWriter& to, std::uint32_t field, std::span<const HeaderView> attributes) {
  for (const HeaderView& attribute : attributes) {
    const auto mark = to.begin(field);
    if (log::is_utf8(attribute.key)) {
      to.text(v1::Attribute::kNameFieldNumber, attribute.key);
    } else {
      to.text(v1::Attribute::kNameFieldNumber, valid_text(attribute.key));
    }
    if (attribute.value) to.text(v1::Attribute::kValueFieldNumber, *attribute.value);
    to.end(mark);
  }
}

void write_event(WireWriter& to, const log::EventView& event, std::size_t topic_index) {
  const log::RecordPlace& place = event.place;
  const auto mark = to.begin(v1::EventBatch::kEventsFieldNumber);
  to.number_unless_0(E::kPositionFieldNumber, raw(place.position));
  to.number_unless_0(E::kTopicIndexFieldNumber, topic_index);
  if (event.stream) to.text(E::kStreamFieldNumber, *event.stream);
  if (event.version) to.number(E::kVersionFieldNumber, raw(*event.version));
  to.text_unless_empty(E::kIdFieldNumber, event.id);
  to.text_unless_empty(E::kTypeFieldNumber, event.type);
  if (event.data) to.text(E::kDataFieldNumber, *event.data);
  for (const std::string_view tag : event.tags) to.text(E::kTagsFieldNumber, tag);
  to.fixed64(E::kRecordedUsFieldNumber, static_cast<std::uint64_t>(place.recorded_us));
  to.number_unless_0(E::kTimeMsFieldNumber, static_cast<std::uint64_t>(event.time_ms));
  to.number_unless_0(E::kPartitionFieldNumber,
                     static_cast<std::uint64_t>(place.partition.partition));
  to.number_unless_0(E::kOffsetFieldNumber, raw(place.offset));
  to.text_unless_empty(E::kContentTypeFieldNumber, event.content_type);
  to.text_unless_empty(E::kSourceFieldNumber, event.source);
  to.text_unless_empty(E::kSubjectFieldNumber, event.subject);
  to.text_unless_empty(E::kDataSchemaFieldNumber, event.data_schema);
  to.text_unless_empty(E::kTimeTextFieldNumber, event.time_text);
  write_attributes(to, E::kExtensionsFieldNumber, event.extensions);
  write_attributes(to, E::kHeadersFieldNumber, event.headers);
  to.end(mark);
}

}  // namespace

std::string valid_text(std::string_view text) {
  if (log::is_utf8(text)) return std::string(text);
  std::string valid;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length < 4 && at + length <= text.size() && !log::is_utf8(text.substr(at, length))) {
      ++length;
    }
    const std::string_view piece = text.substr(at, length);
    const bool is_character = length <= 4 && piece.size() == length && log::is_utf8(piece);
    valid += is_character ? piece : std::string_view("\xef\xbf\xbd");
    at += is_character ? length : 1;
  }
  return valid;
}

void BatchWriter::take(const log::EventView& event) {
  if (left_ == 0) return;
  --left_;
  if (count_++ == 0) mark_ = to_.begin(field_);
  write_event(to_, event, index_of(event.place.topic));
}

std::size_t BatchWriter::index_of(std::string_view topic) {
  if (last_ < topics_.size() && topics_[last_] == topic) return last_;
  if (const auto known = indexes_.find(topic); known != indexes_.end())
    return last_ = known->second;
  last_ = topics_.size();
  indexes_.emplace(topics_.emplace_back(topic), last_);
  return last_;
}

void BatchWriter::finish() {
  if (count_ == 0) return;
  for (const std::string& topic : topics_) to_.text(v1::EventBatch::kTopicsFieldNumber, topic);
  to_.end(mark_);
}

void write_batch(WireWriter& to, std::uint32_t field, std::span<const log::RecordedEvent> events) {
  BatchWriter batch(to, field);
  for (const log::RecordedEvent& event : events) batch.take(log::ViewOf(event).view());
  batch.finish();
}

namespace {

/// A packed list of what `number_of` says of each event.
template <class NumberOf>
void write_column(WireWriter& to, std::uint32_t field, const log::AppendedEvents& appended,
                  const NumberOf& number_of) {
  const auto mark = to.begin(field);
  for (const log::AppendedEvent& event : appended.events) to.element(number_of(event));
  to.end(mark);
}

}  // namespace

void write_appended(WireWriter& to, std::uint32_t field, const log::AppendedEvents& appended,
                    bool with_ids) {
  using A = v1::Appended;
  using Event = log::AppendedEvent;
  const auto mark = to.begin(field);
  write_column(to, A::kPositionsFieldNumber, appended,
               [](const Event& event) { return raw(event.position); });
  write_column(to, A::kVersionsFieldNumber, appended, [](const Event& event) {
    return event.version ? raw(*event.version) : std::uint64_t{0};
  });
  write_column(to, A::kPartitionsFieldNumber, appended, [](const Event& event) {
    return static_cast<std::uint64_t>(event.partition.partition);
  });
  write_column(to, A::kOffsetsFieldNumber, appended,
               [](const Event& event) { return raw(event.offset); });
  if (with_ids) {
    for (const Event& event : appended.events) to.text(A::kIdsFieldNumber, event.id);
  }
  to.fixed64(A::kRecordedUsFieldNumber, static_cast<std::uint64_t>(appended.recorded_us));
  to.number_unless_0(A::kDuplicateFieldNumber, appended.duplicate ? 1 : 0);
  to.text(A::kTokenFieldNumber, appended.token);
  to.end(mark);
}

void write_summary(WireWriter& to, const log::PageSummary& page) {
  using R = v1::ReadResponse;
  to.text_unless_empty(R::kNextTokenFieldNumber, page.next);
  to.number_unless_0(R::kEndFieldNumber, page.end ? 1 : 0);
  to.number_unless_0(R::kAsOfFieldNumber, raw(page.as_of));
  if (page.last_version) to.number(R::kLastVersionFieldNumber, raw(*page.last_version));
  if (page.first_version) to.number(R::kFirstVersionFieldNumber, raw(*page.first_version));
}

}  // namespace stele::rpc
