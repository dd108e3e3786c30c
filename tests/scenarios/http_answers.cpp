#include "tests/scenarios/http_answers.h"

#include <simdjson.h>

#include <charconv>
#include <map>

#include "log/base/fail.h"
#include "log/events/event_time.h"
#include "log/events/tags.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_writer.h"

namespace stele::scenarios {
namespace {

/// The members of an object: a string's content, of anything else the text as it stands.
struct Member {
  std::string text;
  std::string raw;  ///< of a string: as it stands, with its quotes
  bool is_string = false;
  bool is_null = false;
};
using Members = std::map<std::string, Member, std::less<>>;

std::string_view trimmed(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \n\r\t") + 1);
}

// simdjson throws what is not JSON.
Members members_of(std::string_view json) {
  Members members;
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(json);
  auto document = parser.iterate(padded);
  for (auto field : document.get_object()) {
    Member member;
    const std::string name{std::string_view(field.unescaped_key())};
    simdjson::ondemand::value value = field.value();
    const simdjson::ondemand::json_type type = value.type();
    member.is_string = type == simdjson::ondemand::json_type::string;
    member.is_null = type == simdjson::ondemand::json_type::null;
    if (member.is_string) member.raw = trimmed(value.raw_json_token());
    const std::string_view text =
        member.is_string ? value.get_string().value() : simdjson::to_json_string(value).value();
    member.text = std::string(text);
    if (!members.emplace(name, std::move(member)).second)
      throw std::runtime_error(name + " is there twice");
  }
  return members;
}

std::vector<Members> objects_of(std::string_view json) {
  std::vector<Members> objects;
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(json);
  auto document = parser.iterate(padded);
  for (auto element : document.get_array())
    objects.push_back(members_of(simdjson::to_json_string(element).value()));
  return objects;
}

std::string text_of(const Members& members, std::string_view name) {
  const auto found = members.find(name);
  return found == members.end() || found->second.is_null ? "" : found->second.text;
}

std::optional<std::int64_t> number_of(const Members& members, std::string_view name) {
  const std::string text = text_of(members, name);
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size())
    throw std::runtime_error(fmt::format("{} is no number: {}", name, text));
  return value;
}

/// 64-bit integers are strings.
std::optional<std::int64_t> wide_of(const Members& members, std::string_view name) {
  const auto found = members.find(name);
  if (found != members.end() && !found->second.is_string && !found->second.is_null)
    throw std::runtime_error(fmt::format("{} is not a string", name));
  return number_of(members, name);
}

template <class Ordinal>
std::optional<Ordinal> ordinal_of(const Members& members, std::string_view name) {
  const auto value = wide_of(members, name);
  return value ? std::optional(Ordinal(*value)) : std::nullopt;
}

std::string base64_of(const Members& members, std::string_view name) {
  std::string bytes;
  if (!cloudevents::decode_base64(text_of(members, name), bytes))
    throw std::runtime_error(fmt::format("{} is not base64", name));
  return bytes;
}

std::string decoded(std::string_view text) {
  std::string value;
  if (!log::append_decoded(value, text)) throw std::runtime_error("not percent-encoded");
  return value;
}

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> parts;
  while (!list.empty()) {
    parts.push_back(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(parts.back().size() + 1, list.size()));
  }
  return parts;
}

std::vector<log::Attribute> headers_of(std::string_view list) {
  std::vector<log::Attribute> headers;
  for (const std::string_view part : split(list)) {
    const auto equals = part.find('=');
    const bool has_value = equals != std::string_view::npos;
    headers.push_back({decoded(part.substr(0, equals)),
                       has_value ? std::optional(decoded(part.substr(equals + 1))) : std::nullopt});
  }
  return headers;
}

std::optional<std::string> stream_of(const Members& members) {
  if (members.contains("stream")) return text_of(members, "stream");
  if (members.contains("streambase64")) return base64_of(members, "streambase64");
  return std::nullopt;
}

void take_data(const Members& members, log::RecordedEvent& event) {
  std::string data;
  if (members.contains("data_base64")) {
    data = base64_of(members, "data_base64");
  } else if (const auto found = members.find("data"); found != members.end()) {
    const bool is_text = found->second.is_string && !event.content_type.empty() &&
                         !cloudevents::is_json_content(event.content_type);
    data = found->second.is_string && !is_text ? found->second.raw : found->second.text;
  } else {
    return;
  }
  event.data = Bytes(as_bytes(data).begin(), as_bytes(data).end());
}

bool is_known(std::string_view name) {
  constexpr std::string_view kNames[] = {"specversion",
                                         "id",
                                         "source",
                                         "type",
                                         "subject",
                                         "time",
                                         "datacontenttype",
                                         "dataschema",
                                         "tags",
                                         "stream",
                                         "streambase64",
                                         "version",
                                         "position",
                                         "recordedtime",
                                         "topic",
                                         "partition",
                                         "offset",
                                         "headers",
                                         "data",
                                         "data_base64"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

log::RecordedEvent event_of(const Members& members) {
  if (text_of(members, "specversion") != "1.0") throw std::runtime_error("no specversion 1.0");
  log::RecordedEvent event;
  event.position = ordinal_of<Position>(members, "position").value();
  event.recorded_us = log::parse_time_us(text_of(members, "recordedtime")).value();
  event.topic = text_of(members, "topic");
  event.partition.partition = static_cast<std::int32_t>(number_of(members, "partition").value());
  event.offset = ordinal_of<Offset>(members, "offset").value();
  event.version = ordinal_of<Version>(members, "version");
  event.stream = stream_of(members);
  event.id = text_of(members, "id");
  event.type = text_of(members, "type");
  event.source = text_of(members, "source");
  event.subject = text_of(members, "subject");
  event.content_type = text_of(members, "datacontenttype");
  event.data_schema = text_of(members, "dataschema");
  event.time_ms = log::parse_time_ms(text_of(members, "time")).value();
  for (const std::string_view tag : split(text_of(members, "tags")))
    event.tags.push_back(decoded(tag));
  for (const auto& [name, member] : members)
    if (!is_known(name)) event.extensions.push_back({name, member.text});
  event.headers = headers_of(text_of(members, "headers"));
  take_data(members, event);
  return event;
}

std::vector<log::RecordedEvent> events_of(const Members& members, std::string_view name) {
  std::vector<log::RecordedEvent> events;
  if (!members.contains(name)) return events;
  for (const Members& one : objects_of(text_of(members, name))) events.push_back(event_of(one));
  return events;
}

Code code_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(Code::kTombstoned); ++i)
    if (name(static_cast<Code>(i)) == text) return static_cast<Code>(i);
  throw std::runtime_error(fmt::format("no code is called '{}'", text));
}

log::AppendedEvents appended_of(const Members& members) {
  log::AppendedEvents appended;
  for (const Members& one : objects_of(text_of(members, "events"))) {
    log::AppendedEvent& event = appended.events.emplace_back();
    event.id = text_of(one, "id");
    event.position = ordinal_of<Position>(one, "position").value();
    event.partition.partition = static_cast<std::int32_t>(number_of(one, "partition").value());
    event.offset = ordinal_of<Offset>(one, "offset").value();
    event.version = ordinal_of<Version>(one, "version");
  }
  appended.recorded_us = log::parse_time_us(text_of(members, "recordedTime")).value();
  appended.duplicate = text_of(members, "duplicate") == "true";
  appended.token = text_of(members, "token");
  return appended;
}

log::AppendRefusal refusal_of(const Members& members) {
  log::AppendRefusal refusal{{code_of(text_of(members, "code")), text_of(members, "detail")}};
  if (members.contains("expectations")) {
    for (const Members& one : objects_of(text_of(members, "expectations"))) {
      log::FailedExpectation& failed = refusal.expectations.emplace_back();
      failed.index = static_cast<std::size_t>(number_of(one, "index").value());
      failed.stream = {text_of(one, "topic"), stream_of(one).value()};
      failed.actual = ordinal_of<Version>(one, "actualVersion");
      failed.tombstoned = text_of(one, "tombstoned") == "true";
    }
  }
  if (members.contains("conditions")) {
    for (const Members& one : objects_of(text_of(members, "conditions")))
      refusal.conditions.push_back({static_cast<std::size_t>(number_of(one, "index").value()),
                                    static_cast<std::size_t>(number_of(one, "item").value()),
                                    ordinal_of<Position>(one, "position").value()});
  }
  refusal.conflicts = events_of(members, "conflicts");
  return refusal;
}

log::ReadPage page_of(const Members& members) {
  log::ReadPage page;
  page.events = events_of(members, "events");
  page.end = text_of(members, "end") == "true";
  page.as_of = ordinal_of<Position>(members, "asOf").value();
  page.next = text_of(members, "next");
  page.last_version = ordinal_of<Version>(members, "lastVersion");
  page.first_version = ordinal_of<Version>(members, "firstVersion");
  return page;
}

log::StreamInfo info_of(const Members& members) {
  log::StreamInfo info;
  info.name = {text_of(members, "topic"), stream_of(members).value()};
  info.last_version = ordinal_of<Version>(members, "lastVersion");
  info.first_version = ordinal_of<Version>(members, "firstVersion");
  info.rules.max_count = wide_of(members, "maxCount");
  info.rules.max_age_ms = wide_of(members, "maxAgeMs");
  info.rules.truncate_before = ordinal_of<Version>(members, "truncateBefore");
  info.rules.tombstoned = text_of(members, "tombstoned") == "true";
  return info;
}

/// What `read` makes of the members; what is not as it should be reads as kCorrupt.
template <class Read>
auto taken(std::string_view json, const Read& read) -> Result<decltype(read(Members()))> {
  try {
    return read(members_of(json));
  } catch (const std::exception& fault) {
    return fail(Code::kCorrupt, "{} in {}", fault.what(), json);
  }
}

}  // namespace

Result<log::RecordedEvent> event_of_json(std::string_view json) {
  return taken(json, event_of);
}

log::EventAppendResult appended_of(const HttpAnswer& answer) {
  if (answer.status >= 400) return std::unexpected(refusal_of(answer));
  auto appended = taken(answer.body, [](const Members& members) { return appended_of(members); });
  if (!appended) return std::unexpected(log::AppendRefusal{appended.error()});
  // 201: appended. 200: it was a retry.
  if (appended->duplicate != (answer.status == 200))
    return std::unexpected(
        log::AppendRefusal{{Code::kCorrupt, fmt::format("status {}", answer.status)}});
  return *std::move(appended);
}

Result<log::ReadPage> page_of(const HttpAnswer& answer) {
  if (answer.status != 200) return std::unexpected(refusal_of(answer).error);
  STELE_TRY(log::ReadPage page,
            taken(answer.body, [](const Members& members) { return page_of(members); }));
  const std::string version = page.last_version ? std::to_string(page.last_version->raw()) : "";
  if (answer.etag != version)
    return fail(Code::kCorrupt, "ETag {}, last version {}", answer.etag, version);
  return page;
}

Result<log::StreamInfo> stream_of(const HttpAnswer& answer) {
  if (answer.status != 200) return std::unexpected(refusal_of(answer).error);
  return taken(answer.body, info_of);
}

Result<void> done_of(const HttpAnswer& answer) {
  if (answer.status >= 400) return std::unexpected(refusal_of(answer).error);
  return {};
}

log::AppendRefusal refusal_of(const HttpAnswer& answer) {
  auto refusal = taken(answer.body, [](const Members& members) { return refusal_of(members); });
  if (!refusal) return {refusal.error()};
  if (cloudevents::http_status(refusal->error.code) != answer.status)
    return {{Code::kCorrupt, fmt::format("status {} of {}", answer.status, answer.body)}};
  return *std::move(refusal);
}

Result<FollowedMessage> message_of_json(std::string_view json) {
  return taken(json, [](const Members& members) {
    if (members.contains("problem"))
      return FollowedMessage{"error", "", text_of(members, "problem")};
    return FollowedMessage{text_of(members, "kind"), text_of(members, "token"),
                           text_of(members, "event")};
  });
}

}  // namespace stele::scenarios
