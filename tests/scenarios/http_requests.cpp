#include "tests/scenarios/http_requests.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/events/event_time.h"
#include "log/events/tags.h"
#include "log/events/utf8.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_reader.h"
#include "server/cloudevents/json_writer.h"
#include "tests/scenarios/scenario.h"

namespace stele::scenarios {
namespace {

using cloudevents::JsonObject;
using cloudevents::write_array;
using cloudevents::write_json_string;

constexpr const char* kJson = "application/json";

std::string topic_path(const std::string& topic) {
  return "/v1/topics/" + percent_encoded(topic);
}

std::string stream_path(const log::StreamName& name) {
  return topic_path(name.topic) + "/streams/" + percent_encoded(name.stream);
}

void write_strings(const std::vector<std::string>& strings, std::string& out) {
  write_array(strings, out, [&](const std::string& one) { write_json_string(one, out); });
}

std::string time_text(std::int64_t time_us) {
  std::string text;
  log::append_time_us(text, time_us);
  return text;
}

bool can_stand_in_json(std::string_view text) {
  cloudevents::JsonReader in(text);
  in.skip();
  return in.finish();
}

void write_data(const log::NewEvent& event, JsonObject& object) {
  const std::string_view data = as_text(*event.data);
  const bool is_json = cloudevents::is_json_content(event.content_type);
  if (is_json && can_stand_in_json(data)) {
    object.at("data").append(data);
  } else if (!is_json && !event.content_type.empty() && log::is_utf8(data)) {
    object.text("data", data);
  } else {
    std::string& out = object.at("data_base64");
    out.push_back('"');
    cloudevents::append_base64(*event.data, out);
    out.push_back('"');
  }
}

void write_event(const log::NewEvent& event, const std::string& topic, std::string& out) {
  JsonObject object(out);
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) object.text(name, value);
  };
  text("topic", topic);
  if (event.stream) cloudevents::write_stream_name(*event.stream, object);
  text("id", event.id);
  text("type", event.type);
  text("source", event.source);
  text("subject", event.subject);
  text("datacontenttype", event.content_type);
  text("dataschema", event.data_schema);
  if (event.time_ms) object.text("time", time_text(*event.time_ms * 1000));
  if (!event.tags.empty()) write_strings(event.tags, object.at("tags"));
  for (const log::Attribute& one : event.extensions) object.text(one.name, *one.value);
  if (!event.headers.empty()) {
    JsonObject headers(object.at("headers"));
    for (const log::Attribute& one : event.headers) headers.text(one.name, *one.value);
    headers.close();
  }
  if (event.data) write_data(event, object);
  object.close();
}

void write_query(const log::Query& query, std::string& out) {
  JsonObject object(out);
  write_array(query.items, object.at("items"), [&](const log::QueryItem& item) {
    JsonObject one(out);
    if (!item.types.empty()) write_strings(item.types, one.at("types"));
    if (!item.tags.empty()) write_strings(item.tags, one.at("tags"));
    if (!item.topics.empty()) write_strings(item.topics, one.at("topics"));
    one.close();
  });
  object.close();
}

void write_expected(const log::ExpectedVersion& expected, JsonObject& object) {
  using Kind = log::ExpectedVersion::Kind;
  if (expected.kind == Kind::kExact) return object.wide("expectedVersion", expected.version.raw());
  object.text("expectedVersion", expected.kind == Kind::kNoStream ? "no_stream"
                                 : expected.kind == Kind::kExists ? "exists"
                                                                  : "any");
}

void put_precondition(const log::ExpectedVersion& expected, HttpRequest& request) {
  using Kind = log::ExpectedVersion::Kind;
  if (expected.kind == Kind::kNoStream) request.headers.emplace_back("If-None-Match", "*");
  if (expected.kind == Kind::kExists) request.headers.emplace_back("If-Match", "*");
  if (expected.kind == Kind::kExact)
    request.headers.emplace_back("If-Match", fmt::format("\"{}\"", expected.version.raw()));
}

HttpRequest append_to_many(const log::EventAppend& append) {
  HttpRequest request{"POST", "/v1/events", {{"Content-Type", kJson}}, ""};
  JsonObject object(request.body);
  write_array(append.events, object.at("events"),
              [&](const log::TopicEvent& one) { write_event(one.event, one.topic, request.body); });
  write_array(append.expectations, object.at("expectations"),
              [&](const log::StreamExpectation& one) {
                JsonObject expectation(request.body);
                expectation.text("topic", one.stream.topic);
                cloudevents::write_stream_name(one.stream.stream, expectation);
                write_expected(one.expected, expectation);
                expectation.close();
              });
  write_array(append.conditions, object.at("conditions"), [&](const log::AppendCondition& one) {
    JsonObject condition(request.body);
    write_query(one.fail_if_events_match, condition.at("failIfEventsMatch"));
    if (one.after) condition.wide("after", one.after->raw());
    condition.close();
  });
  if (append.return_conflicts) object.boolean("returnConflicts", true);
  object.close();
  return request;
}

/// The body is the data, the attributes are headers.
void put_binary(const log::NewEvent& event, HttpRequest& request) {
  const auto put = [&](const std::string& name, std::string_view value) {
    std::string encoded;
    log::append_encoded(encoded, value, '"');
    if (!value.empty()) request.headers.emplace_back("ce-" + name, encoded);
  };
  request.headers.emplace_back("Content-Type", event.content_type);
  put("specversion", "1.0");
  put("id", event.id);
  put("type", event.type);
  put("source", event.source);
  put("subject", event.subject);
  put("dataschema", event.data_schema);
  if (event.time_ms) put("time", time_text(*event.time_ms * 1000));
  std::string tags;
  log::append_tags(tags, event.tags);
  put("tags", tags);
  for (const log::Attribute& one : event.extensions) put(one.name, *one.value);
  request.body = as_text(*event.data);
}

/// `to_topic`: the events say their streams; else the URL does.
HttpRequest append_to_one(std::vector<log::TopicEvent> events, bool to_topic) {
  const std::string topic = events.front().topic;
  HttpRequest request{"POST", topic_path(topic) + "/events", {}, ""};
  if (!to_topic) {
    request.target = stream_path({topic, *events.front().event.stream});
    for (log::TopicEvent& one : events) one.event.stream.reset();
  }
  const log::NewEvent& first = events.front().event;
  const bool is_binary = events.size() == 1 && !first.stream && first.data &&
                         !first.content_type.empty() && first.headers.empty() &&
                         first.tags.size() <= log::kTagCountMax;
  if (is_binary) {
    put_binary(first, request);
  } else if (events.size() == 1) {
    request.headers.emplace_back("Content-Type", "application/cloudevents+json");
    write_event(first, "", request.body);
  } else {
    request.headers.emplace_back("Content-Type", "application/cloudevents-batch+json");
    write_array(events, request.body,
                [&](const log::TopicEvent& one) { write_event(one.event, "", request.body); });
  }
  return request;
}

class QueryString {
public:
  void add(const char* name, std::string_view value) {
    text_ += text_.empty() ? '?' : '&';
    text_ += fmt::format("{}={}", name, percent_encoded(value));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

private:
  std::string text_;
};

HttpRequest read_query(const log::ReadRequest& read, const log::Query& query, bool follows) {
  HttpRequest request{"POST", "/v1/events/query", {{"Content-Type", kJson}}, ""};
  JsonObject object(request.body);
  write_query(query, object.at("query"));
  JsonObject from(object.at("from"));
  if (read.from.position) from.wide("position", read.from.position->raw());
  if (read.from.recorded_us) from.text("recordedTime", time_text(*read.from.recorded_us));
  if (read.from.event_time_ms) from.text("time", time_text(*read.from.event_time_ms * 1000));
  if (!read.from.token.empty()) from.text("token", read.from.token);
  from.close();
  object.text("direction", read.direction == log::Direction::kForward ? "forward" : "backward");
  if (!follows) object.wide("limit", static_cast<std::int64_t>(read.events_max));
  object.boolean("versions", read.versions);
  JsonObject filter(object.at("filter"));
  write_strings(read.filter.types, filter.at("types"));
  write_strings(read.filter.tags, filter.at("tags"));
  if (read.filter.stream_prefix) filter.text("streamPrefix", *read.filter.stream_prefix);
  if (read.filter.header) {
    JsonObject header(filter.at("header"));
    header.text("name", read.filter.header->first);
    header.text("value", read.filter.header->second);
    header.close();
  }
  filter.close();
  object.close();
  return request;
}

void put_parameters(const log::ReadRequest& read, QueryString& query) {
  if (read.from.position) query.add("from", std::to_string(read.from.position->raw()));
  if (read.from.version) query.add("from", std::to_string(read.from.version->raw()));
  if (!read.from.token.empty()) query.add("from", read.from.token);
  if (read.from.recorded_us) query.add("fromTime", time_text(*read.from.recorded_us));
  if (read.from.event_time_ms)
    query.add("fromEventTime", time_text(*read.from.event_time_ms * 1000));
  if (read.direction == log::Direction::kBackward) query.add("direction", "backward");
  for (const std::string& type : read.filter.types) query.add("type", type);
  for (const std::string& tag : read.filter.tags) query.add("tag", tag);
  if (read.filter.stream_prefix) query.add("streamPrefix", *read.filter.stream_prefix);
  if (read.filter.header)
    query.add("header", read.filter.header->first + ":" + read.filter.header->second);
  if (read.versions) query.add("versions", "true");
}

bool says(const log::EventAppend& append, const log::StreamName& name) {
  return std::ranges::all_of(append.events, [&](const log::TopicEvent& one) {
    return one.topic == name.topic && one.event.stream == name.stream;
  });
}

}  // namespace

HttpRequest http_append(const log::EventAppend& append) {
  const bool is_plain = append.conditions.empty() && !append.return_conflicts;
  if (append.events.empty() || !is_plain) return append_to_many(append);
  const log::TopicEvent& first = append.events.front();
  if (first.event.stream && append.expectations.size() <= 1) {
    const log::StreamName name{first.topic, *first.event.stream};
    const bool expects_it =
        append.expectations.empty() || append.expectations.front().stream == name;
    if (expects_it && says(append, name)) {
      HttpRequest request = append_to_one(append.events, false);
      if (!append.expectations.empty())
        put_precondition(append.expectations.front().expected, request);
      return request;
    }
  }
  const bool one_topic = std::ranges::all_of(
      append.events, [&](const log::TopicEvent& one) { return one.topic == first.topic; });
  return one_topic && append.expectations.empty() ? append_to_one(append.events, true)
                                                  : append_to_many(append);
}

Result<HttpRequest> http_read(const log::ReadRequest& read, bool follows) {
  if (const auto* query = std::get_if<log::Query>(&read.select))
    return read_query(read, *query, follows);
  HttpRequest request{"GET", "/v1/events", {}, ""};
  QueryString parameters;
  bool is_stream = false;
  if (const auto* topic = std::get_if<log::TopicSelection>(&read.select)) {
    request.target = topic_path(topic->topic) + "/events";
  } else if (const auto* stream = std::get_if<log::StreamSelection>(&read.select)) {
    is_stream = true;
    request.target = stream_path({stream->topic, stream->stream});
  } else if (const auto* since = std::get_if<log::StreamSinceTypeSelection>(&read.select)) {
    is_stream = true;
    request.target = stream_path({since->topic, since->stream});
    parameters.add("sinceType", since->type);
  } else if (const auto* type = std::get_if<log::TypeSelection>(&read.select)) {
    // Types of a URL are alternatives: this one and others are a query's item and its filter.
    if (!read.filter.types.empty()) return read_query(read, {{{{type->type}, {}, {}}}}, follows);
    parameters.add("type", type->type);
  } else if (const auto* tag = std::get_if<log::TagSelection>(&read.select)) {
    parameters.add("tag", tag->tag);
  }
  if (is_stream && read.from.position)
    return fail(Code::kUnsupported, "a stream is read from a version");
  put_parameters(read, parameters);
  if (!follows) parameters.add("limit", std::to_string(read.events_max));
  request.target += parameters.text();
  return request;
}

HttpRequest http_limits(const log::StreamName& name) {
  return {"GET", stream_path(name) + "/limits", {}, ""};
}

HttpRequest http_set_limits(const log::StreamName& name, const log::StreamRules& limits) {
  HttpRequest request{"PUT", stream_path(name) + "/limits", {{"Content-Type", kJson}}, ""};
  JsonObject object(request.body);
  if (limits.max_count) object.wide("maxCount", *limits.max_count);
  if (limits.max_age_ms) object.wide("maxAgeMs", *limits.max_age_ms);
  if (limits.truncate_before) object.wide("truncateBefore", limits.truncate_before->raw());
  object.close();
  return request;
}

HttpRequest http_tombstone(const log::StreamName& name, const log::ExpectedVersion& expected) {
  HttpRequest request{"DELETE", stream_path(name), {}, ""};
  put_precondition(expected, request);
  return request;
}

HttpRequest http_create_topic(const std::string& name, std::int32_t partition_count) {
  HttpRequest request{"POST", "/v1/topics", {{"Content-Type", kJson}}, ""};
  JsonObject object(request.body);
  object.text("name", name);
  object.integer("partitions", partition_count);
  object.close();
  return request;
}

}  // namespace stele::scenarios
