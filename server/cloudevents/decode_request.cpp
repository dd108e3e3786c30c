#include <charconv>
#include <limits>
#include <set>

#include "log/base/fail.h"
#include "log/events/event_time.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/json_event.h"

namespace stele::cloudevents {
namespace {

/// A member that this object does not have.
void unknown(JsonReader& in) {
  in.fail("no such member here");
}

std::int64_t read_time_us(JsonReader& in) {
  const auto time = log::parse_time_us(in.string());
  if (!time) in.fail(time.error().detail);
  return time.value_or(0);
}

/// The first millisecond that is at or after it.
std::int64_t first_ms_from(std::int64_t time_us) {
  constexpr std::int64_t kUsPerMs = 1'000;
  const std::int64_t floor = time_us / kUsPerMs - (time_us % kUsPerMs < 0 ? 1 : 0);
  return floor * kUsPerMs < time_us ? floor + 1 : floor;
}

log::ExpectedVersion read_expected(JsonReader& in) {
  const auto expected =
      parse_expected_version(in.kind() == JsonKind::kString ? in.string() : in.number());
  if (!expected) in.fail(expected.error().detail);
  return expected.value_or(log::ExpectedVersion::any());
}

log::QueryItem read_item(JsonReader& in) {
  log::QueryItem item;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "types")
      item.types = read_strings(in);
    else if (in.key() == "tags")
      item.tags = read_strings(in);
    else if (in.key() == "topics")
      item.topics = read_strings(in);
    else
      unknown(in);
  }
  return item;
}

log::Query read_query(JsonReader& in) {
  log::Query query;
  for (in.enter_object(); in.next_member();) {
    if (in.key() != "items") {
      unknown(in);
      break;
    }
    for (in.enter_array(); in.next_element();) {
      query.items.push_back(read_item(in));
      if (query.items.size() > log::kQueryItemsMax)
        in.fail(fmt::format("over {} items", log::kQueryItemsMax));
    }
  }
  if (in.failed()) return query;
  if (const auto checked = log::check_query(query); !checked) in.fail(checked.error().detail);
  return query;
}

log::StreamExpectation read_expectation(JsonReader& in) {
  log::StreamExpectation expectation;
  int streams = 0;
  bool has_version = false;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "topic") {
      expectation.stream.topic = in.string();
    } else if (in.key() == "stream") {
      expectation.stream.stream = in.string();
      ++streams;
    } else if (in.key() == "streambase64") {
      expectation.stream.stream = read_base64(in);
      ++streams;
    } else if (in.key() == "expectedVersion") {
      expectation.expected = read_expected(in);
      has_version = true;
    } else {
      unknown(in);
    }
  }
  if (streams != 1) in.fail("an expectation has one of stream and streambase64");
  if (!has_version) in.fail("an expectation has an expectedVersion");
  return expectation;
}

log::AppendCondition read_condition(JsonReader& in) {
  log::AppendCondition condition;
  bool has_query = false;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "failIfEventsMatch") {
      condition.fail_if_events_match = read_query(in);
      has_query = true;
    } else if (in.key() == "after") {
      if (!skip_null(in)) condition.after = Position(read_integer(in, 0));
    } else {
      unknown(in);
    }
  }
  if (!has_query) in.fail("a condition has a failIfEventsMatch");
  return condition;
}

/// Those without a topic get `topic`. The fault names the first that has none then, or an
/// expectation that contradicts another one.
Result<void> complete(log::EventAppend& append, const std::string& topic) {
  std::set<log::StreamName> streams;
  for (std::size_t i = 0; i < append.events.size(); ++i) {
    if (append.events[i].topic.empty()) append.events[i].topic = topic;
    if (append.events[i].topic.empty()) return fail(Code::kInvalid, "/events/{}: no topic", i);
  }
  for (std::size_t i = 0; i < append.expectations.size(); ++i) {
    log::StreamName& stream = append.expectations[i].stream;
    if (stream.topic.empty()) stream.topic = topic;
    if (stream.topic.empty()) return fail(Code::kInvalid, "/expectations/{}: no topic", i);
    if (!streams.insert(stream).second)
      return fail(Code::kInvalid, "/expectations/{}: a second one of the same stream", i);
  }
  return {};
}

log::ReadFrom read_from(JsonReader& in) {
  log::ReadFrom from;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "position")
      from.position = Position(read_integer(in, 0));
    else if (in.key() == "recordedTime")
      from.recorded_us = read_time_us(in);
    else if (in.key() == "time")
      from.event_time_ms = first_ms_from(read_time_us(in));
    else if (in.key() == "token")
      from.token = in.string();
    else
      unknown(in);
  }
  return from;
}

std::pair<std::string, std::string> read_header(JsonReader& in) {
  std::pair<std::string, std::string> header;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "name")
      header.first = in.string();
    else if (in.key() == "value")
      header.second = in.string();
    else
      unknown(in);
  }
  if (header.first.empty()) in.fail("a header has a name");
  return header;
}

log::EventFilter read_filter(JsonReader& in) {
  log::EventFilter filter;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "types")
      filter.types = read_strings(in);
    else if (in.key() == "tags")
      filter.tags = read_strings(in);
    else if (in.key() == "streamPrefix")
      filter.stream_prefix = in.string();
    else if (in.key() == "header")
      filter.header = read_header(in);
    else
      unknown(in);
  }
  return filter;
}

log::Direction read_direction(JsonReader& in) {
  const std::string_view text = in.string();
  if (text != "forward" && text != "backward") in.fail("neither forward nor backward");
  return text == "backward" ? log::Direction::kBackward : log::Direction::kForward;
}

}  // namespace

Result<log::ExpectedVersion> parse_expected_version(std::string_view text) {
  if (text == "any") return log::ExpectedVersion::any();
  if (text == "no_stream") return log::ExpectedVersion::no_stream();
  if (text == "exists") return log::ExpectedVersion::exists();
  std::int64_t version = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (fault != std::errc() || end != text.data() + text.size() || text.starts_with('-'))
    return fail(Code::kInvalid, "not any, no_stream, exists or a version from 0 to 2^63-1");
  return log::ExpectedVersion::exact(Version(version));
}

Result<log::EventAppend> parse_append(std::string_view json) {
  JsonReader in(json);
  log::EventAppend append;
  std::string topic;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "topic") {
      topic = in.string();
    } else if (in.key() == "events") {
      read_events(in, {}, append.events);
    } else if (in.key() == "expectations") {
      for (in.enter_array(); in.next_element();)
        append.expectations.push_back(read_expectation(in));
    } else if (in.key() == "conditions") {
      for (in.enter_array(); in.next_element();) append.conditions.push_back(read_condition(in));
      if (append.conditions.size() > log::kConditionsMax)
        in.fail(fmt::format("over {} conditions", log::kConditionsMax));
    } else if (in.key() == "returnConflicts") {
      append.return_conflicts = in.boolean();
    } else {
      unknown(in);
    }
  }
  if (!in.finish()) return std::unexpected(in.error());
  STELE_DO(complete(append, topic));
  return append;
}

Result<ParsedQuery> parse_query(std::string_view json) {
  JsonReader in(json);
  ParsedQuery parsed{.read = {.select = log::Query()}, .limit = {}};
  log::ReadRequest& request = parsed.read;
  for (in.enter_object(); in.next_member();) {
    if (in.key() == "query") {
      request.select = read_query(in);
    } else if (in.key() == "from") {
      request.from = read_from(in);
    } else if (in.key() == "direction") {
      request.direction = read_direction(in);
    } else if (in.key() == "limit") {
      parsed.limit = read_integer(in, 1);
    } else if (in.key() == "versions") {
      request.versions = in.boolean();
    } else if (in.key() == "filter") {
      request.filter = read_filter(in);
    } else {
      unknown(in);
    }
  }
  if (!in.finish()) return std::unexpected(in.error());
  return parsed;
}

Result<log::StreamRules> parse_limits(std::string_view json) {
  JsonReader in(json);
  log::StreamRules rules;
  for (in.enter_object(); in.next_member();) {
    const bool is_known =
        in.key() == "maxCount" || in.key() == "maxAgeMs" || in.key() == "truncateBefore";
    if (!is_known)
      unknown(in);
    else if (skip_null(in))
      continue;
    else if (in.key() == "maxCount")
      rules.max_count = read_integer(in, 1);
    else if (in.key() == "maxAgeMs")
      rules.max_age_ms = read_integer(in, 1);
    else
      rules.truncate_before = Version(read_integer(in, 0));
  }
  if (!in.finish()) return std::unexpected(in.error());
  return rules;
}

}  // namespace stele::cloudevents
