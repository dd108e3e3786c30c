#include "server/grpc/decode.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <limits>
#include <type_traits>
#include <utility>

#include "log/store/topic_config.h"

namespace stele::rpc {

namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

template <class... Args>
std::unexpected<Fault> invalid(std::string field, fmt::format_string<Args...> format,
                               Args&&... args) {
  std::string detail =
      fmt::format("{}: {}", field, fmt::format(format, std::forward<Args>(args)...));
  return std::unexpected(Fault{{Code::kInvalid, std::move(detail)}, std::move(field)});
}

/// A number of the API as an ordinal of the store.
template <class Ordinal>
Decoded<Ordinal> ordinal(std::uint64_t value, std::string_view path) {
  if (value > kNumberMax) return invalid(std::string(path), "{} is over 2^63 - 1", value);
  return Ordinal(static_cast<std::int64_t>(value));
}

std::vector<std::string> texts(const google::protobuf::RepeatedPtrField<std::string>& from) {
  return {from.begin(), from.end()};
}

log::Query query_of(const v1::Query& from) {
  log::Query query;
  query.items.reserve(static_cast<std::size_t>(from.items_size()));
  for (const v1::QueryItem& item : from.items()) {
    query.items.push_back({texts(item.types()), texts(item.tags()), texts(item.topics())});
  }
  return query;
}

}  // namespace

bool parse(::grpc::ByteBuffer& from, google::protobuf::MessageLite& into) {
  ::grpc::Slice slice;
  if (from.TrySingleSlice(&slice).ok()) {
    return into.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  ::grpc::ProtoBufferReader reader(&from);
  return reader.status().ok() && into.ParseFromZeroCopyStream(&reader);
}

Fault malformed() {
  return {{Code::kInvalid,
           "not a message of this kind: cut off, nested too deep, or a string that is not UTF-8"}};
}

Decoded<log::AppendCondition> decode_condition(const v1::AppendCondition& from, int index) {
  if (!from.has_fail_if_events_match()) {
    return invalid(fmt::format("conditions[{}].fail_if_events_match", index), "is not set");
  }
  log::AppendCondition condition{query_of(from.fail_if_events_match()), std::nullopt};
  if (from.has_after()) {
    STELE_TRY(condition.after,
              ordinal<Position>(from.after(), fmt::format("conditions[{}].after", index)));
  }
  return condition;
}

Decoded<log::ExpectedVersion> decode_expected(const v1::ExpectedVersion& expected,
                                              std::string_view path) {
  switch (expected.expected_case()) {
    case v1::ExpectedVersion::kAny:
      return log::ExpectedVersion::any();
    case v1::ExpectedVersion::kNoStream:
      return log::ExpectedVersion::no_stream();
    case v1::ExpectedVersion::kExists:
      return log::ExpectedVersion::exists();
    case v1::ExpectedVersion::kExact: {
      STELE_TRY(const auto version,
                ordinal<Version>(expected.exact(), fmt::format("{}.exact", path)));
      return log::ExpectedVersion::exact(version);
    }
    case v1::ExpectedVersion::EXPECTED_NOT_SET:
      break;
  }
  return invalid(std::string(path), "none of any, no_stream, exists and exact is set");
}

namespace {

Decoded<log::Selection> decode_selection(const v1::Selection& from) {
  switch (from.of_case()) {
    case v1::Selection::kAll:
      return log::AllSelection{};
    case v1::Selection::kTopic:
      return log::TopicSelection{from.topic()};
    case v1::Selection::kStream:
      return log::StreamSelection{from.stream().topic(), from.stream().stream()};
    case v1::Selection::kStreamSinceType:
      return log::StreamSinceTypeSelection{from.stream_since_type().topic(),
                                           from.stream_since_type().stream(),
                                           from.stream_since_type().type()};
    case v1::Selection::kType:
      return log::TypeSelection{from.type()};
    case v1::Selection::kTag:
      return log::TagSelection{from.tag()};
    case v1::Selection::kQuery:
      return query_of(from.query());
    case v1::Selection::OF_NOT_SET:
      break;
  }
  return invalid("selection",
                 "none of all, topic, stream, stream_since_type, type, tag and query is set");
}

Decoded<log::ReadFrom> decode_from(const v1::ReadFrom& from) {
  log::ReadFrom place;
  switch (from.place_case()) {
    case v1::ReadFrom::kPosition: {
      STELE_TRY(place.position, ordinal<Position>(from.position(), "from.position"));
      break;
    }
    case v1::ReadFrom::kVersion: {
      STELE_TRY(place.version, ordinal<Version>(from.version(), "from.version"));
      break;
    }
    case v1::ReadFrom::kRecordedUs:
      if (from.recorded_us() < 0) return invalid("from.recorded_us", "is before 1970");
      place.recorded_us = from.recorded_us();
      break;
    case v1::ReadFrom::kToken:
      if (from.token().empty()) return invalid("from.token", "is empty");
      place.token = from.token();
      break;
    case v1::ReadFrom::PLACE_NOT_SET:
      break;
  }
  if (from.has_event_time_ms()) {
    if (from.event_time_ms() < 0) return invalid("from.event_time_ms", "is before 1970");
    place.event_time_ms = from.event_time_ms();
  }
  return place;
}

Decoded<log::EventFilter> decode_filter(const v1::EventFilter& from) {
  log::EventFilter filter;
  filter.types = texts(from.types());
  filter.tags = texts(from.tags());
  if (from.has_stream_prefix()) filter.stream_prefix = from.stream_prefix();
  if (from.has_header()) {
    if (from.header().name().empty()) return invalid("filter.header.name", "is empty");
    filter.header.emplace(from.header().name(), from.header().value());
  }
  return filter;
}

/// What reads and subscriptions have in common.
template <class Request>
Decoded<log::ReadRequest> decode_what(const Request& from) {
  log::ReadRequest request;
  STELE_TRY(request.select, decode_selection(from.selection()));
  STELE_TRY(request.from, decode_from(from.from()));
  STELE_TRY(request.filter, decode_filter(from.filter()));
  request.versions = from.versions();
  return request;
}

}  // namespace

Decoded<log::ReadRequest> decode_read(const v1::ReadRequest& from) {
  STELE_TRY(log::ReadRequest request, decode_what(from));
  switch (from.direction()) {
    case v1::DIRECTION_UNSPECIFIED:
    case v1::DIRECTION_FORWARD:
      return request;
    case v1::DIRECTION_BACKWARD:
      request.direction = log::Direction::kBackward;
      return request;
    default:
      return invalid("direction", "{} is not one of forward (1) and backward (2)",
                     static_cast<int>(from.direction()));
  }
}

Decoded<log::ReadRequest> decode_subscribe(const v1::SubscribeRequest& request) {
  return decode_what(request);
}

Decoded<log::StreamName> decode_stream(const std::string& topic, const std::string& stream) {
  if (topic.empty()) return invalid("topic", "is not set");
  return log::StreamName{topic, stream};
}

Decoded<log::StreamRules> decode_limits(const v1::StreamLimits& limits) {
  const auto number = [](std::uint64_t value, const char* path) -> Decoded<std::int64_t> {
    if (value == 0) return invalid(path, "is 0, which would keep nothing: tombstone the stream");
    STELE_TRY(const auto checked, ordinal<Version>(value, path));
    return checked.raw();
  };
  log::StreamRules rules;
  if (limits.has_max_count()) {
    STELE_TRY(rules.max_count, number(limits.max_count(), "limits.max_count"));
  }
  if (limits.has_max_age_ms()) {
    STELE_TRY(rules.max_age_ms, number(limits.max_age_ms(), "limits.max_age_ms"));
  }
  if (limits.has_truncate_before()) {
    STELE_TRY(rules.truncate_before,
              ordinal<Version>(limits.truncate_before(), "limits.truncate_before"));
  }
  return rules;
}

Decoded<log::TopicSpec> decode_topic(const v1::CreateTopicRequest& request) {
  log::TopicSpec spec{.name = request.name()};
  if (request.has_partition_count()) {
    if (request.partition_count() > std::numeric_limits<std::int32_t>::max()) {
      return invalid("partition_count", "{} is too many", request.partition_count());
    }
    spec.partition_count = static_cast<std::int32_t>(request.partition_count());
  }
  for (const auto& [name, value] : request.settings()) spec.settings.emplace(name, value);
  return spec;
}

}  // namespace stele::rpc
