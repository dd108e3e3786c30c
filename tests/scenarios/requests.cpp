#include "tests/scenarios/requests.h"

#include <algorithm>
#include <charconv>

#include "log/base/fail.h"

namespace stele::scenarios {
namespace {

Result<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    return fail(Code::kInvalid, "'{}' is not a number", text);
  return value;
}

Result<std::optional<std::int64_t>> number_option(const Line& line, std::string_view key) {
  STELE_TRY(const auto text, option(line, key));
  if (!text) return std::nullopt;
  STELE_TRY(const std::int64_t value, number_of(*text));
  return value;
}

Result<std::vector<std::string>> list_option(const Line& line, std::string_view key) {
  for (const std::string& word : line.words)
    if (word.starts_with(key) && word.substr(key.size()).starts_with("="))
      return list_of(std::string_view(word).substr(key.size() + 1));
  return std::vector<std::string>();
}

// Every "key=name:value" of the line.
Result<std::vector<log::Attribute>> attributes_of(const Line& line, std::string_view key) {
  std::vector<log::Attribute> attributes;
  for (const std::string& word : line.words) {
    if (!word.starts_with(key) || !word.substr(key.size()).starts_with("=")) continue;
    const std::string_view pair = std::string_view(word).substr(key.size() + 1);
    const auto colon = std::min(pair.find(':'), pair.size());
    STELE_TRY(std::string value, percent_decoded(pair.substr(std::min(colon + 1, pair.size()))));
    attributes.push_back({std::string(pair.substr(0, colon)), std::move(value)});
  }
  return attributes;
}

Result<Known::Place> place_of(const Known& known, std::string_view id) {
  const auto found = known.events.find(id);
  if (found == known.events.end()) return fail(Code::kInvalid, "no event {} was appended", id);
  return found->second;
}

// event ID TOPIC/STREAM TYPE [key=value…]; an ID of - is none, a TOPIC/- belongs to no stream.
Result<log::TopicEvent> event_of(const Line& line) {
  log::TopicEvent made;
  log::NewEvent& event = made.event;
  if (line.word(1) != "-") {
    STELE_TRY(event.id, percent_decoded(line.word(1)));
  }
  STELE_TRY(log::StreamName name, stream_name(line.word(2)));
  made.topic = std::move(name.topic);
  if (!line.word(2).ends_with("/-")) event.stream = std::move(name.stream);
  if (line.word(3) != "-") {
    STELE_TRY(event.type, percent_decoded(line.word(3)));
  }
  STELE_TRY(event.tags, list_option(line, "tags"));
  STELE_TRY(const auto data, option(line, "data"));
  if (data) event.data = Bytes(as_bytes(*data).begin(), as_bytes(*data).end());
  STELE_TRY(const auto content_type, option(line, "content_type"));
  event.content_type = content_type.value_or(data ? "application/json" : "");
  STELE_TRY(const auto source, option(line, "source"));
  event.source = source.value_or("");
  STELE_TRY(const auto subject, option(line, "subject"));
  event.subject = subject.value_or("");
  STELE_TRY(const auto schema, option(line, "data_schema"));
  event.data_schema = schema.value_or("");
  STELE_TRY(event.time_ms, number_option(line, "time_ms"));
  STELE_TRY(event.extensions, attributes_of(line, "extension"));
  STELE_TRY(event.headers, attributes_of(line, "header"));
  return made;
}

Result<log::QueryItem> item_of(const Line& line) {
  log::QueryItem item;
  STELE_TRY(item.types, list_option(line, "types"));
  STELE_TRY(item.tags, list_option(line, "tags"));
  STELE_TRY(item.topics, list_option(line, "topics"));
  return item;
}

Result<log::AppendCondition> condition_of(const Line& line, const Known& known) {
  log::AppendCondition condition;
  STELE_TRY(const auto after, option(line, "after"));
  if (after) {
    STELE_TRY(const Known::Place place, place_of(known, *after));
    condition.after = place.position;
  }
  return condition;
}

Result<log::Query> query_of(const Step& step) {
  log::Query query;
  for (const Line& part : step.parts) {
    if (part.word(0) != "item")
      return fail(Code::kInvalid, "line {}: '{}'?", part.number, part.word(0));
    STELE_TRY(log::QueryItem item, item_of(part));
    query.items.push_back(std::move(item));
  }
  return query;
}

// The selection that the words from `at` on name.
Result<log::Selection> selection_of(const Step& step, std::size_t at) {
  const Line& line = step.command;
  const std::string_view kind = line.word(at);
  if (kind == "all") return log::AllSelection{};
  if (kind == "topic") return log::TopicSelection{std::string(line.word(at + 1))};
  if (kind == "type") return log::TypeSelection{std::string(line.word(at + 1))};
  if (kind == "query") return query_of(step);
  if (kind == "tag") {
    STELE_TRY(std::string tag, percent_decoded(line.word(at + 1)));
    return log::TagSelection{std::move(tag)};
  }
  if (kind == "stream") {
    STELE_TRY(log::StreamName name, stream_name(line.word(at + 1)));
    return log::StreamSelection{std::move(name.topic), std::move(name.stream)};
  }
  if (kind == "since") {
    STELE_TRY(log::StreamName name, stream_name(line.word(at + 2)));
    return log::StreamSinceTypeSelection{std::move(name.topic), std::move(name.stream),
                                         std::string(line.word(at + 1))};
  }
  return fail(Code::kInvalid, "line {}: read what? '{}'", line.number, kind);
}

Result<log::ReadFrom> from_of(const Line& line, const Known& known) {
  log::ReadFrom from;
  STELE_TRY(const auto event, option(line, "from"));
  if (event) {
    STELE_TRY(const Known::Place place, place_of(known, *event));
    from.position = place.position;
  }
  STELE_TRY(const auto version, number_option(line, "from_version"));
  if (version) from.version = Version(*version);
  STELE_TRY(const auto recorded, option(line, "recorded_since"));
  if (recorded) {
    STELE_TRY(const Known::Place place, place_of(known, *recorded));
    from.recorded_us = place.recorded_us;
  }
  STELE_TRY(from.event_time_ms, number_option(line, "event_time_ms"));
  STELE_TRY(const auto label, option(line, "token"));
  if (label) {
    const auto found = known.tokens.find(*label);
    from.token = found == known.tokens.end() ? *label : found->second;
  }
  return from;
}

bool has_word(const Line& line, std::string_view word) {
  return std::ranges::find(line.words, word) != line.words.end();
}

}  // namespace

std::string Known::name_of(Position position) const {
  for (const auto& [id, place] : events)
    if (place.position == position) return percent_encoded(id);
  return "?";
}

Result<std::optional<std::string>> option(const Line& line, std::string_view key) {
  for (const std::string& word : line.words) {
    if (!word.starts_with(key) || !word.substr(key.size()).starts_with("=")) continue;
    STELE_TRY(std::string value, percent_decoded(std::string_view(word).substr(key.size() + 1)));
    return value;
  }
  return std::nullopt;
}

Result<log::StreamName> stream_name(std::string_view word) {
  const auto slash = word.find('/');
  if (slash == std::string_view::npos) return fail(Code::kInvalid, "'{}' is no stream", word);
  STELE_TRY(std::string stream, percent_decoded(word.substr(slash + 1)));
  return log::StreamName{std::string(word.substr(0, slash)), std::move(stream)};
}

std::string text_of(const log::StreamName& name) {
  return name.topic + "/" + percent_encoded(name.stream);
}

Result<log::ExpectedVersion> expected_version(std::string_view word) {
  if (word == "any") return log::ExpectedVersion::any();
  if (word == "no_stream") return log::ExpectedVersion::no_stream();
  if (word == "exists") return log::ExpectedVersion::exists();
  STELE_TRY(const std::int64_t version, number_of(word));
  return log::ExpectedVersion::exact(Version(version));
}

Result<log::EventAppend> append_of(const Step& step, const Known& known) {
  log::EventAppend append;
  append.return_conflicts = has_word(step.command, "return_conflicts");
  for (const Line& part : step.parts) {
    const std::string_view what = part.word(0);
    if (what == "event") {
      STELE_TRY(log::TopicEvent event, event_of(part));
      append.events.push_back(std::move(event));
    } else if (what == "expect") {
      STELE_TRY(log::StreamName name, stream_name(part.word(1)));
      STELE_TRY(const log::ExpectedVersion expected, expected_version(part.word(2)));
      append.expectations.push_back({std::move(name), expected});
    } else if (what == "condition") {
      STELE_TRY(log::AppendCondition condition, condition_of(part, known));
      append.conditions.push_back(std::move(condition));
    } else if (what == "item" && !append.conditions.empty()) {
      STELE_TRY(log::QueryItem item, item_of(part));
      append.conditions.back().fail_if_events_match.items.push_back(std::move(item));
    } else {
      return fail(Code::kInvalid, "line {}: '{}'?", part.number, what);
    }
  }
  return append;
}

Result<log::ReadRequest> read_of(const Step& step, const Known& known) {
  const Line& line = step.command;
  log::ReadRequest request;
  STELE_TRY(request.select, selection_of(step, line.word(0) == "subscribe" ? 2 : 1));
  if (has_word(line, "backward")) request.direction = log::Direction::kBackward;
  request.versions = has_word(line, "versions");
  STELE_TRY(request.from, from_of(line, known));
  STELE_TRY(const auto max, number_option(line, "max"));
  if (max) request.events_max = static_cast<std::size_t>(*max);
  STELE_TRY(request.filter.types, list_option(line, "types"));
  STELE_TRY(request.filter.tags, list_option(line, "tags"));
  STELE_TRY(request.filter.stream_prefix, option(line, "prefix"));
  STELE_TRY(const auto headers, attributes_of(line, "header"));
  if (!headers.empty()) request.filter.header = {headers[0].name, headers[0].value.value_or("")};
  return request;
}

Result<log::StreamRules> limits_of(const Line& line) {
  log::StreamRules rules;
  STELE_TRY(rules.max_count, number_option(line, "max_count"));
  STELE_TRY(rules.max_age_ms, number_option(line, "max_age_ms"));
  STELE_TRY(const auto before, number_option(line, "truncate_before"));
  if (before) rules.truncate_before = Version(*before);
  return rules;
}

}  // namespace stele::scenarios
