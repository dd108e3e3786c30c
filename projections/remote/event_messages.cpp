#include "projections/remote/event_messages.h"

#include "log/events/event_headers.h"
#include "log/events/tags.h"

namespace stele::projections {
namespace {

constexpr std::size_t kArenaBytes = 2 << 20;  // more than a packed message's objects take
constexpr std::string_view kSourcePrefix = "/topics/";
constexpr std::string_view kSpecVersion = "1.0";

google::protobuf::ArenaOptions arena_options() {
  google::protobuf::ArenaOptions options;
  options.start_block_size = 64 << 10;
  options.max_block_size = kArenaBytes;
  return options;
}

void view_attributes(std::vector<HeaderView>& to,
                     const google::protobuf::RepeatedPtrField<v1::Attribute>& from) {
  to.clear();
  for (const v1::Attribute& one : from) {
    HeaderView& header = to.emplace_back(HeaderView{one.name(), std::nullopt});
    if (one.has_value()) header.value = as_bytes(one.value());
  }
}

bool is_made_id(std::string_view id, std::string_view topic, const v1::RecordedEvent& event) {
  if (!id.starts_with(topic)) return false;
  std::string made;
  log::append_made_id(made, topic, static_cast<std::int32_t>(event.partition()),
                      Offset(static_cast<std::int64_t>(event.offset())));
  return id == made;
}

bool is_made_source(std::string_view source, std::string_view topic) {
  return source.starts_with(kSourcePrefix) && source.substr(kSourcePrefix.size()) == topic;
}

}  // namespace

std::string_view topic_of(const v1::EventBatch& batch, const v1::RecordedEvent& event) {
  if (event.topic_index() >= static_cast<std::uint32_t>(batch.topics_size())) return {};
  return batch.topics(static_cast<int>(event.topic_index()));
}

const log::EventView& MessageView::read(const v1::EventBatch& batch,
                                        const v1::RecordedEvent& event) {
  tags_.assign(event.tags().begin(), event.tags().end());
  view_attributes(extensions_, event.extensions());
  view_attributes(headers_, event.headers());
  view_ = {.place = {.topic = topic_of(batch, event),
                     .partition = {{}, static_cast<std::int32_t>(event.partition())},
                     .offset = Offset(static_cast<std::int64_t>(event.offset())),
                     .position = Position(static_cast<std::int64_t>(event.position())),
                     .recorded_us = static_cast<std::int64_t>(event.recorded_us())},
           .time_ms = event.time_ms(),
           .id = event.id(),
           .type = event.type(),
           .source = event.source(),
           .subject = event.subject(),
           .content_type = event.content_type(),
           .data_schema = event.data_schema(),
           .time_text = event.time_text(),
           .tags = tags_,
           .extensions = extensions_,
           .headers = headers_};
  if (event.has_version()) view_.version = Version(static_cast<std::int64_t>(event.version()));
  if (event.has_stream()) view_.stream = as_bytes(event.stream());
  if (event.has_data()) view_.data = as_bytes(event.data());
  return view_;
}

MessageLot::MessageLot()
    : arena_(arena_options()),
      message_(google::protobuf::Arena::CreateMessage<v1::SubscribeResponse>(&arena_)) {}

void MessageLot::take_events() {
  const v1::EventBatch& batch = message_->batch();
  const auto count = static_cast<std::size_t>(batch.events_size());
  events_.resize(count);
  std::vector<std::size_t> headers_begin(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const v1::RecordedEvent& from = batch.events(static_cast<int>(i));
    InputEvent& event = events_[i];
    event.topic = topic_of(batch, from);
    event.partition = static_cast<std::int32_t>(from.partition());
    event.offset = Offset(static_cast<std::int64_t>(from.offset()));
    event.position = Position(static_cast<std::int64_t>(from.position()));
    event.recorded_us = static_cast<std::int64_t>(from.recorded_us());
    event.time_ms = from.time_ms();
    if (from.has_stream()) event.stream = as_bytes(from.stream());
    if (from.has_data()) event.data = as_bytes(from.data());
    if (from.has_version()) event.version = Version(static_cast<std::int64_t>(from.version()));
    event.type = from.type();
    headers_begin[i] = headers_.size();
    add_headers(event.topic, from);
  }
  headers_begin.back() = headers_.size();
  for (std::size_t i = 0; i < count; ++i) {
    events_[i].headers =
        std::span(headers_).subspan(headers_begin[i], headers_begin[i + 1] - headers_begin[i]);
  }
  events = events_;
}

void MessageLot::add_header(std::string_view name, std::string_view value) {
  if (!value.empty()) headers_.push_back({name, as_bytes(value)});
}

void MessageLot::add_headers(std::string_view topic, const v1::RecordedEvent& event) {
  using log::EventHeader;
  const std::string_view source = event.source();
  const bool gave_id = !is_made_id(event.id(), topic, event);
  const bool gave_source = !is_made_source(source, topic);
  const bool is_cloud_event = gave_id && gave_source && !event.type().empty();
  if (is_cloud_event) add_header(log::header_name(EventHeader::kSpecVersion), kSpecVersion);
  if (gave_id) add_header(log::header_name(EventHeader::kId), event.id());
  add_header(log::header_name(EventHeader::kType), event.type());
  if (gave_source) add_header(log::header_name(EventHeader::kSource), source);
  add_header(log::header_name(EventHeader::kSubject), event.subject());
  add_header(log::header_name(EventHeader::kTime), event.time_text());
  add_header(log::header_name(EventHeader::kDataSchema), event.data_schema());
  add_header(log::header_name(EventHeader::kContentType), event.content_type());
  if (event.tags_size() > 0) {
    std::string& list = made_.emplace_back();
    log::append_tags(list, event.tags());
    add_header(log::header_name(EventHeader::kTags), list);
  }
  for (const v1::Attribute& one : event.extensions()) {
    const std::string& name = made_.emplace_back(std::string(log::kAttributePrefix) + one.name());
    headers_.push_back({name, std::nullopt});
    if (one.has_value()) headers_.back().value = as_bytes(one.value());
  }
  for (const v1::Attribute& one : event.headers()) {
    headers_.push_back({one.name(), std::nullopt});
    if (one.has_value()) headers_.back().value = as_bytes(one.value());
  }
}

}  // namespace stele::projections
