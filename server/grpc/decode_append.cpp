#include "server/grpc/decode_append.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include <stele/v1/event_store.pb.h>
#include "server/grpc/decode.h"
#include "server/grpc/wire_reader.h"

namespace stele::rpc {

namespace {

constexpr std::uint64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

std::unexpected<Fault> invalid(std::string field, std::string_view why) {
  std::string detail = fmt::format("{}: {}", field, why);
  return std::unexpected(Fault{{Code::kInvalid, std::move(detail)}, std::move(field)});
}

// --- events ---

log::Attribute read_attribute(WireReader& outer) {
  using A = v1::Attribute;
  log::Attribute attribute;
  WireReader in(outer.bytes());
  while (in.next()) {
    if (in.field() == A::kNameFieldNumber) attribute.name = in.text();
    if (in.field() == A::kValueFieldNumber) attribute.value.emplace(in.bytes());
  }
  if (in.failed()) outer.fail();
  return attribute;
}

void read_field(log::TopicEvent& into, WireReader& in) {
  using E = v1::NewEvent;
  log::NewEvent& event = into.event;
  switch (in.field()) {
    case E::kTopicFieldNumber:
      into.topic = in.text();
      break;
    case E::kStreamFieldNumber:
      event.stream.emplace(in.bytes());
      break;
    case E::kIdFieldNumber:
      event.id = in.text();
      break;
    case E::kTypeFieldNumber:
      event.type = in.text();
      break;
    case E::kDataFieldNumber: {
      const ByteView data = as_bytes(in.bytes());
      event.data.emplace(data.begin(), data.end());
      break;
    }
    case E::kTagsFieldNumber:
      event.tags.emplace_back(in.text());
      break;
    case E::kContentTypeFieldNumber:
      event.content_type = in.text();
      break;
    case E::kSourceFieldNumber:
      event.source = in.text();
      break;
    case E::kSubjectFieldNumber:
      event.subject = in.text();
      break;
    case E::kDataSchemaFieldNumber:
      event.data_schema = in.text();
      break;
    case E::kTimeMsFieldNumber:
      event.time_ms = static_cast<std::int64_t>(in.number());
      break;
    case E::kExtensionsFieldNumber:
      event.extensions.push_back(read_attribute(in));
      break;
    case E::kHeadersFieldNumber:
      event.headers.push_back(read_attribute(in));
      break;
    case E::kTimeTextFieldNumber:
      event.time_text = in.text();
      break;
    default:
      break;
  }
}

bool read_event(std::string_view bytes, log::TopicEvent& into) {
  WireReader in(bytes);
  while (in.next()) read_field(into, in);
  return !in.failed();
}

// --- expectations and conditions ---

/// None: nothing is set.
struct ReadExpected {
  std::optional<log::ExpectedVersion> expected;
  bool too_large = false;
};

bool read_expected(std::string_view bytes, ReadExpected& into) {
  using E = v1::ExpectedVersion;
  WireReader in(bytes);
  while (in.next()) {
    if (in.field() < E::kAnyFieldNumber || in.field() > E::kExactFieldNumber) continue;
    into.too_large = false;
    if (in.field() == E::kExactFieldNumber) {
      const std::uint64_t version = in.number();
      into.too_large = version > kNumberMax;
      into.expected = log::ExpectedVersion::exact(
          Version(static_cast<std::int64_t>(into.too_large ? 0 : version)));
      continue;
    }
    WireReader empty(in.bytes());
    while (empty.next()) continue;
    if (empty.failed()) return false;
    into.expected = in.field() == E::kAnyFieldNumber        ? log::ExpectedVersion::any()
                    : in.field() == E::kNoStreamFieldNumber ? log::ExpectedVersion::no_stream()
                                                            : log::ExpectedVersion::exists();
  }
  return !in.failed();
}

struct ReadExpectation {
  log::StreamName stream;
  ReadExpected expected;
};

bool read_expectation(std::string_view bytes, ReadExpectation& into) {
  using E = v1::StreamExpectation;
  WireReader in(bytes);
  while (in.next()) {
    if (in.field() == E::kTopicFieldNumber) into.stream.topic = in.text();
    if (in.field() == E::kStreamFieldNumber) into.stream.stream = in.bytes();
    if (in.field() == E::kExpectedFieldNumber && !read_expected(in.bytes(), into.expected))
      return false;
  }
  return !in.failed();
}

/// An append as it is read, before topics and conditions are checked.
struct ReadAppend {
  log::EventAppend append;
  std::string topic;  ///< of events and expectations that name none
  std::vector<ReadExpectation> expectations;
  std::vector<v1::AppendCondition> conditions;
};

/// How many there are, so that their memory is taken once.
std::size_t count_events(std::string_view bytes) {
  std::size_t count = 0;
  for (WireReader in(bytes); in.next();) {
    count += in.field() == v1::AppendRequest::kEventsFieldNumber ? 1 : 0;
  }
  return count;
}

bool read_append(std::string_view bytes, ReadAppend& into) {
  using A = v1::AppendRequest;
  log::EventAppend& append = into.append;
  append.events.reserve(count_events(bytes));
  WireReader in(bytes);
  bool whole = true;
  while (whole && in.next()) {
    switch (in.field()) {
      case A::kTopicFieldNumber:
        into.topic = in.text();
        break;
      case A::kEventsFieldNumber:
        whole = read_event(in.bytes(), append.events.emplace_back());
        break;
      case A::kExpectationsFieldNumber:
        whole = read_expectation(in.bytes(), into.expectations.emplace_back());
        break;
      case A::kConditionsFieldNumber: {
        const std::string_view condition = in.bytes();
        whole = into.conditions.emplace_back().ParseFromArray(condition.data(),
                                                              static_cast<int>(condition.size()));
        break;
      }
      case A::kReturnConflictsFieldNumber:
        append.return_conflicts = in.number() != 0;
        break;
      default:
        break;
    }
  }
  return whole && !in.failed();
}

Decoded<void> fill_topics(ReadAppend& read, bool& wants_ids) {
  std::vector<log::TopicEvent>& events = read.append.events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].topic.empty()) events[i].topic = read.topic;
    if (events[i].topic.empty()) return invalid(fmt::format("events[{}].topic", i), "is not set");
    wants_ids = wants_ids || events[i].event.id.empty();
  }
  return {};
}

Decoded<log::StreamExpectation> checked(ReadExpectation& read, const std::string& default_topic,
                                        std::size_t index) {
  if (read.stream.topic.empty()) read.stream.topic = default_topic;
  const auto path = [&](const char* field) {
    return fmt::format("expectations[{}].{}", index, field);
  };
  if (read.stream.topic.empty()) return invalid(path("topic"), "is not set");
  if (!read.expected.expected)
    return invalid(path("expected"), "none of any, no_stream, exists and exact is set");
  if (read.expected.too_large) return invalid(path("expected.exact"), "is over 2^63 - 1");
  return log::StreamExpectation{std::move(read.stream), *read.expected.expected};
}

}  // namespace

WholeMessage::WholeMessage(const ::grpc::ByteBuffer& message) {
  if (!message.TrySingleSlice(&slice_).ok() && !message.DumpToSingleSlice(&slice_).ok())
    slice_ = ::grpc::Slice();
}

Decoded<DecodedAppend> decode_append(std::string_view request) {
  ReadAppend read;
  if (!read_append(request, read)) return std::unexpected(malformed());
  DecodedAppend decoded;
  STELE_DO(fill_topics(read, decoded.wants_ids));
  for (std::size_t i = 0; i < read.expectations.size(); ++i) {
    STELE_TRY(auto expectation, checked(read.expectations[i], read.topic, i));
    read.append.expectations.push_back(std::move(expectation));
  }
  for (std::size_t i = 0; i < read.conditions.size(); ++i) {
    STELE_TRY(auto condition, decode_condition(read.conditions[i], static_cast<int>(i)));
    read.append.conditions.push_back(std::move(condition));
  }
  decoded.append = std::move(read.append);
  return decoded;
}

Decoded<std::vector<PipelinedAppend>> decode_appends(std::string_view request,
                                                     std::size_t count_max) {
  using P = v1::PipelinedAppend;
  std::vector<PipelinedAppend> appends;
  WireReader in(request);
  while (in.next()) {
    if (in.field() != v1::AppendStreamRequest::kAppendsFieldNumber) continue;
    if (appends.size() == count_max) {
      return std::unexpected(Fault{
          {Code::kTooLarge, fmt::format("over {} appends in a message", count_max)}, "appends"});
    }
    std::uint64_t correlation_id = 0;
    std::string_view append;
    WireReader one(in.bytes());
    while (one.next()) {
      if (one.field() == P::kCorrelationIdFieldNumber) correlation_id = one.number();
      if (one.field() == P::kAppendFieldNumber) append = one.bytes();
    }
    if (one.failed()) return std::unexpected(malformed());
    appends.push_back({correlation_id, decode_append(append)});
  }
  if (in.failed()) return std::unexpected(malformed());
  return appends;
}

}  // namespace stele::rpc
