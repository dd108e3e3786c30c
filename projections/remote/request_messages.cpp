#include "projections/remote/request_messages.h"

#include <stele/v1/refusal.pb.h>

#include "log/base/fail.h"
#include "projections/remote/event_messages.h"

namespace stele::projections {
namespace {

std::uint64_t number(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

void set_attributes(google::protobuf::RepeatedPtrField<v1::Attribute>& to,
                    const std::vector<log::Attribute>& from) {
  for (const log::Attribute& one : from) {
    v1::Attribute& attribute = *to.Add();
    attribute.set_name(one.name);
    if (one.value) attribute.set_value(*one.value);
  }
}

void set_event(v1::NewEvent& to, const log::TopicEvent& from) {
  const log::NewEvent& event = from.event;
  to.set_topic(from.topic);
  if (event.stream) to.set_stream(*event.stream);
  to.set_id(event.id);
  to.set_type(event.type);
  if (event.data) to.set_data(event.data->data(), event.data->size());
  for (const std::string& tag : event.tags) to.add_tags(tag);
  to.set_content_type(event.content_type);
  to.set_source(event.source);
  to.set_subject(event.subject);
  to.set_data_schema(event.data_schema);
  if (event.time_ms) to.set_time_ms(*event.time_ms);
  to.set_time_text(event.time_text);
  set_attributes(*to.mutable_extensions(), event.extensions);
  set_attributes(*to.mutable_headers(), event.headers);
}

void set_query(v1::Query& to, const log::Query& from) {
  for (const log::QueryItem& one : from.items) {
    v1::QueryItem& item = *to.add_items();
    item.mutable_types()->Assign(one.types.begin(), one.types.end());
    item.mutable_tags()->Assign(one.tags.begin(), one.tags.end());
    item.mutable_topics()->Assign(one.topics.begin(), one.topics.end());
  }
}

void set_expected(v1::ExpectedVersion& to, const log::ExpectedVersion& from) {
  switch (from.kind) {
    case log::ExpectedVersion::Kind::kAny:
      to.mutable_any();
      return;
    case log::ExpectedVersion::Kind::kNoStream:
      to.mutable_no_stream();
      return;
    case log::ExpectedVersion::Kind::kExists:
      to.mutable_exists();
      return;
    case log::ExpectedVersion::Kind::kExact:
      to.set_exact(number(from.version.raw()));
      return;
  }
}

struct SelectionWriter {
  v1::Selection& to;
  void operator()(const log::AllSelection& /*all*/) const { to.mutable_all(); }
  void operator()(const log::TopicSelection& one) const { to.set_topic(one.topic); }
  void operator()(const log::StreamSelection& one) const {
    to.mutable_stream()->set_topic(one.topic);
    to.mutable_stream()->set_stream(one.stream);
  }
  void operator()(const log::StreamSinceTypeSelection& one) const {
    to.mutable_stream_since_type()->set_topic(one.topic);
    to.mutable_stream_since_type()->set_stream(one.stream);
    to.mutable_stream_since_type()->set_type(one.type);
  }
  void operator()(const log::TypeSelection& one) const { to.set_type(one.type); }
  void operator()(const log::TagSelection& one) const { to.set_tag(one.tag); }
  void operator()(const log::Query& query) const { set_query(*to.mutable_query(), query); }
};

void set_from(v1::ReadFrom& to, const log::ReadFrom& from) {
  if (from.position) to.set_position(number(from.position->raw()));
  if (from.version) to.set_version(number(from.version->raw()));
  if (from.recorded_us) to.set_recorded_us(*from.recorded_us);
  if (!from.token.empty()) to.set_token(from.token);
  if (from.event_time_ms) to.set_event_time_ms(*from.event_time_ms);
}

void set_filter(v1::EventFilter& to, const log::EventFilter& from) {
  to.mutable_types()->Assign(from.types.begin(), from.types.end());
  to.mutable_tags()->Assign(from.tags.begin(), from.tags.end());
  if (from.stream_prefix) to.set_stream_prefix(*from.stream_prefix);
  if (from.header) {
    to.mutable_header()->set_name(from.header->first);
    to.mutable_header()->set_value(from.header->second);
  }
}

// REASON_… stand in the order of Code, from 1.
static_assert(v1::REASON_NOT_FOUND == static_cast<int>(Code::kNotFound) + 1);
static_assert(v1::REASON_WRONG_VERSION == static_cast<int>(Code::kWrongVersion) + 1);
static_assert(v1::REASON_OUT_OF_RANGE == static_cast<int>(Code::kOutOfRange) + 1);
static_assert(v1::REASON_CORRUPT == static_cast<int>(Code::kCorrupt) + 1);
static_assert(v1::REASON_OUTCOME_UNKNOWN == static_cast<int>(Code::kOutcomeUnknown) + 1);
static_assert(v1::REASON_FENCED == static_cast<int>(Code::kFenced) + 1);
static_assert(v1::REASON_TOMBSTONED == static_cast<int>(Code::kTombstoned) + 1);

Code code_of(v1::Reason reason) {
  if (reason < v1::REASON_NOT_FOUND || reason > v1::REASON_TOMBSTONED) return Code::kIo;
  return static_cast<Code>(static_cast<int>(reason) - 1);
}

/// Of a status without a Refusal: what gRPC itself says, or a proxy.
Code code_of(::grpc::StatusCode status) {
  switch (status) {
    case ::grpc::StatusCode::NOT_FOUND:
      return Code::kNotFound;
    case ::grpc::StatusCode::INVALID_ARGUMENT:
      return Code::kInvalid;
    case ::grpc::StatusCode::OUT_OF_RANGE:
      return Code::kOutOfRange;
    case ::grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Code::kOverloaded;
    case ::grpc::StatusCode::UNIMPLEMENTED:
      return Code::kUnsupported;
    case ::grpc::StatusCode::CANCELLED:
      return Code::kCancelled;
    case ::grpc::StatusCode::DATA_LOSS:
      return Code::kCorrupt;
    default:
      return Code::kIo;
  }
}

std::optional<v1::Refusal> told_refusal(const ::grpc::Status& status) {
  v1::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& detail : details.details()) {
    v1::Refusal refusal;
    if (detail.UnpackTo(&refusal)) return refusal;
  }
  return std::nullopt;
}

std::vector<log::RecordedEvent> owned_events(const v1::EventBatch& batch) {
  std::vector<log::RecordedEvent> events;
  MessageView view;
  for (const v1::RecordedEvent& event : batch.events())
    events.push_back(log::owned(view.read(batch, event)));
  return events;
}

}  // namespace

v1::AppendRequest append_message(const log::EventAppend& append) {
  v1::AppendRequest request;
  request.mutable_events()->Reserve(static_cast<int>(append.events.size()));
  for (const log::TopicEvent& event : append.events) set_event(*request.add_events(), event);
  for (const log::StreamExpectation& one : append.expectations) {
    v1::StreamExpectation& expectation = *request.add_expectations();
    expectation.set_topic(one.stream.topic);
    expectation.set_stream(one.stream.stream);
    set_expected(*expectation.mutable_expected(), one.expected);
  }
  for (const log::AppendCondition& one : append.conditions) {
    v1::AppendCondition& condition = *request.add_conditions();
    set_query(*condition.mutable_fail_if_events_match(), one.fail_if_events_match);
    if (one.after) condition.set_after(number(one.after->raw()));
  }
  request.set_return_conflicts(append.return_conflicts);
  return request;
}

v1::ReadRequest read_message(const log::ReadRequest& request) {
  v1::ReadRequest message;
  std::visit(SelectionWriter{*message.mutable_selection()}, request.select);
  message.set_direction(request.direction == log::Direction::kForward ? v1::DIRECTION_FORWARD
                                                                      : v1::DIRECTION_BACKWARD);
  set_from(*message.mutable_from(), request.from);
  if (!request.filter.empty()) set_filter(*message.mutable_filter(), request.filter);
  message.set_events_max(std::max<std::uint64_t>(request.events_max, 1));
  message.set_versions(request.versions);
  return message;
}

void select_topics(v1::Selection& to, const std::vector<std::string>& topics) {
  if (topics.size() == 1) return to.set_topic(topics.front());
  to.mutable_query()->add_items()->mutable_topics()->Assign(topics.begin(), topics.end());
}

log::AppendRefusal refusal_of(const v1::Refusal& refusal, const log::EventAppend& asked) {
  log::AppendRefusal to{.error = {code_of(refusal.reason()), refusal.message()}};
  for (const v1::FailedExpectation& one : refusal.expectations()) {
    log::FailedExpectation& failed = to.expectations.emplace_back();
    failed.index = one.index();
    failed.stream = {one.topic(), one.stream()};
    if (one.index() < asked.expectations.size())
      failed.expected = asked.expectations[one.index()].expected;
    if (one.has_actual()) failed.actual = Version(static_cast<std::int64_t>(one.actual()));
    failed.tombstoned = one.tombstoned();
  }
  for (const v1::FailedCondition& one : refusal.conditions()) {
    to.conditions.push_back(
        {.index = one.index(),
         .item = one.item(),
         .conflict = Position(static_cast<std::int64_t>(one.conflict_position()))});
  }
  to.conflicts = owned_events(refusal.conflicts());
  return to;
}

log::AppendRefusal refusal_of(const ::grpc::Status& status, const log::EventAppend& asked,
                              std::string_view where) {
  if (const auto told = told_refusal(status)) return refusal_of(*told, asked);
  log::AppendRefusal refusal{.error = error_of(status, where)};
  const bool no_answer = refusal.error.code == Code::kIo || refusal.error.code == Code::kCancelled;
  if (no_answer) refusal.error.code = Code::kOutcomeUnknown;
  return refusal;
}

Error error_of(const ::grpc::Status& status, std::string_view where) {
  if (const auto told = told_refusal(status)) return {code_of(told->reason()), told->message()};
  return {code_of(status.error_code()), fmt::format("{}: {}", where, status.error_message())};
}

log::AppendedEvents appended_of(const v1::Appended& from, const log::EventAppend& asked) {
  log::AppendedEvents to{.recorded_us = static_cast<std::int64_t>(from.recorded_us()),
                         .duplicate = from.duplicate(),
                         .token = from.token()};
  for (int i = 0; i < from.positions_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    log::AppendedEvent& event = to.events.emplace_back();
    event.position = Position(static_cast<std::int64_t>(from.positions(i)));
    if (i < from.partitions_size())
      event.partition.partition = static_cast<std::int32_t>(from.partitions(i));
    if (i < from.offsets_size()) event.offset = Offset(static_cast<std::int64_t>(from.offsets(i)));
    const bool has_stream = at < asked.events.size() && asked.events[at].event.stream.has_value();
    if (has_stream && i < from.versions_size())
      event.version = Version(static_cast<std::int64_t>(from.versions(i)));
    if (i < from.ids_size()) {
      event.id = from.ids(i);
    } else if (at < asked.events.size()) {
      event.id = asked.events[at].event.id;
    }
  }
  return to;
}

}  // namespace stele::projections
