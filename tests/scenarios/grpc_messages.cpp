#include "tests/scenarios/grpc_messages.h"

#include "log/base/fail.h"

namespace stele::scenarios {
namespace {

Code code_of(v1::Reason reason) {
  // The reasons are the codes in their order, behind "unspecified".
  return reason == v1::REASON_UNSPECIFIED ? Code::kIo
                                          : static_cast<Code>(static_cast<int>(reason) - 1);
}

void put(const std::vector<log::Attribute>& from, auto* into) {
  for (const log::Attribute& one : from) {
    auto* attribute = into->Add();
    attribute->set_name(one.name);
    if (one.value) attribute->set_value(*one.value);
  }
}

void put(const log::TopicEvent& from, v1::NewEvent& into) {
  const log::NewEvent& event = from.event;
  into.set_topic(from.topic);
  if (event.stream) into.set_stream(*event.stream);
  into.set_id(event.id);
  into.set_type(event.type);
  if (event.data) into.set_data(std::string(as_text(*event.data)));
  for (const std::string& tag : event.tags) into.add_tags(tag);
  into.set_content_type(event.content_type);
  into.set_source(event.source);
  into.set_subject(event.subject);
  into.set_data_schema(event.data_schema);
  if (event.time_ms) into.set_time_ms(*event.time_ms);
  put(event.extensions, into.mutable_extensions());
  put(event.headers, into.mutable_headers());
}

void put(const log::Query& from, v1::Query& into) {
  for (const log::QueryItem& one : from.items) {
    v1::QueryItem& item = *into.add_items();
    for (const std::string& type : one.types) item.add_types(type);
    for (const std::string& tag : one.tags) item.add_tags(tag);
    for (const std::string& topic : one.topics) item.add_topics(topic);
  }
}

std::vector<log::Attribute> attributes_of(const auto& from) {
  std::vector<log::Attribute> attributes;
  for (const v1::Attribute& one : from)
    attributes.push_back({one.name(), one.has_value() ? std::optional(one.value()) : std::nullopt});
  return attributes;
}

log::RecordedEvent event_of(const v1::RecordedEvent& from, const std::string& topic) {
  log::RecordedEvent event;
  event.position = position_of(from.position());
  event.recorded_us = static_cast<std::int64_t>(from.recorded_us());
  event.topic = topic;
  event.partition.partition = static_cast<std::int32_t>(from.partition());
  event.offset = Offset(static_cast<std::int64_t>(from.offset()));
  if (from.has_version()) event.version = version_of(from.version());
  event.time_ms = from.time_ms();
  if (from.has_stream()) event.stream = from.stream();
  event.id = from.id();
  event.type = from.type();
  event.source = from.source().empty() ? "/topics/" + topic : from.source();
  event.subject = from.subject();
  event.content_type = from.content_type();
  event.data_schema = from.data_schema();
  event.time_text = from.time_text();
  event.tags.assign(from.tags().begin(), from.tags().end());
  if (from.has_data())
    event.data = Bytes(as_bytes(from.data()).begin(), as_bytes(from.data()).end());
  event.extensions = attributes_of(from.extensions());
  event.headers = attributes_of(from.headers());
  return event;
}

}  // namespace

void put(const log::ExpectedVersion& from, v1::ExpectedVersion& into) {
  using Kind = log::ExpectedVersion::Kind;
  switch (from.kind) {
    case Kind::kAny:
      into.mutable_any();
      break;
    case Kind::kNoStream:
      into.mutable_no_stream();
      break;
    case Kind::kExists:
      into.mutable_exists();
      break;
    case Kind::kExact:
      into.set_exact(raw(from.version));
      break;
  }
}

v1::AppendRequest message_of(const log::EventAppend& from) {
  v1::AppendRequest into;
  for (const log::TopicEvent& event : from.events) put(event, *into.add_events());
  for (const log::StreamExpectation& one : from.expectations) {
    v1::StreamExpectation& expectation = *into.add_expectations();
    expectation.set_topic(one.stream.topic);
    expectation.set_stream(one.stream.stream);
    put(one.expected, *expectation.mutable_expected());
  }
  for (const log::AppendCondition& one : from.conditions) {
    v1::AppendCondition& condition = *into.add_conditions();
    put(one.fail_if_events_match, *condition.mutable_fail_if_events_match());
    if (one.after) condition.set_after(raw(*one.after));
  }
  into.set_return_conflicts(from.return_conflicts);
  return into;
}

void put(const log::Selection& from, v1::Selection& into) {
  struct Put {
    v1::Selection& into;
    void operator()(const log::AllSelection&) const { into.mutable_all(); }
    void operator()(const log::TopicSelection& one) const { into.set_topic(one.topic); }
    void operator()(const log::StreamSelection& one) const {
      into.mutable_stream()->set_topic(one.topic);
      into.mutable_stream()->set_stream(one.stream);
    }
    void operator()(const log::StreamSinceTypeSelection& one) const {
      into.mutable_stream_since_type()->set_topic(one.topic);
      into.mutable_stream_since_type()->set_stream(one.stream);
      into.mutable_stream_since_type()->set_type(one.type);
    }
    void operator()(const log::TypeSelection& one) const { into.set_type(one.type); }
    void operator()(const log::TagSelection& one) const { into.set_tag(one.tag); }
    void operator()(const log::Query& one) const { put(one, *into.mutable_query()); }
  };
  std::visit(Put{into}, from);
}

void put(const log::ReadFrom& from, v1::ReadFrom& into) {
  if (from.position) into.set_position(raw(*from.position));
  if (from.version) into.set_version(raw(*from.version));
  if (from.recorded_us) into.set_recorded_us(*from.recorded_us);
  if (!from.token.empty()) into.set_token(from.token);
  if (from.event_time_ms) into.set_event_time_ms(*from.event_time_ms);
}

void put(const log::EventFilter& from, v1::EventFilter& into) {
  for (const std::string& type : from.types) into.add_types(type);
  for (const std::string& tag : from.tags) into.add_tags(tag);
  if (from.stream_prefix) into.set_stream_prefix(*from.stream_prefix);
  if (!from.header) return;
  into.mutable_header()->set_name(from.header->first);
  into.mutable_header()->set_value(from.header->second);
}

void add(const v1::EventBatch& from, std::vector<log::RecordedEvent>& into) {
  for (const v1::RecordedEvent& event : from.events())
    into.push_back(event_of(event, from.topics(static_cast<int>(event.topic_index()))));
}

log::AppendRefusal refusal_of(const v1::Refusal& from) {
  log::AppendRefusal refusal{{code_of(from.reason()), from.message()}};
  for (const v1::FailedExpectation& one : from.expectations())
    refusal.expectations.push_back(
        {.index = one.index(),
         .stream = {one.topic(), one.stream()},
         .expected = {},
         .actual = one.has_actual() ? std::optional(version_of(one.actual())) : std::nullopt,
         .tombstoned = one.tombstoned()});
  for (const v1::FailedCondition& one : from.conditions())
    refusal.conditions.push_back({one.index(), one.item(), position_of(one.conflict_position())});
  add(from.conflicts(), refusal.conflicts);
  return refusal;
}

log::AppendRefusal refusal_of(const grpc::Status& status) {
  v1::Status details;
  if (details.ParseFromString(status.error_details()))
    for (const auto& any : details.details()) {
      v1::Refusal refusal;
      if (any.UnpackTo(&refusal)) return refusal_of(refusal);
    }
  return {{Code::kUnsupported,
           fmt::format("status {} without a Refusal: {}", static_cast<int>(status.error_code()),
                       status.error_message())}};
}

log::AppendedEvents appended_of(const v1::Appended& from, const log::EventAppend& asked) {
  log::AppendedEvents appended;
  for (int i = 0; i < from.positions_size(); ++i) {
    const log::NewEvent& event = asked.events[static_cast<std::size_t>(i)].event;
    log::AppendedEvent one;
    one.position = position_of(from.positions(i));
    one.partition.partition = static_cast<std::int32_t>(from.partitions(i));
    one.offset = Offset(static_cast<std::int64_t>(from.offsets(i)));
    if (event.stream) one.version = version_of(from.versions(i));
    one.id = from.ids_size() > i ? from.ids(i) : event.id;
    appended.events.push_back(std::move(one));
  }
  appended.recorded_us = static_cast<std::int64_t>(from.recorded_us());
  appended.duplicate = from.duplicate();
  appended.token = from.token();
  return appended;
}

}  // namespace stele::scenarios
