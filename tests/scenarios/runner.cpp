#include "tests/scenarios/runner.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::scenarios {
namespace {

constexpr std::chrono::seconds kPushWait{20};

std::string text_of(std::optional<Version> version) {
  return version ? std::to_string(version->raw()) : "none";
}

std::string or_none(std::string text) {
  return text.empty() ? "none" : text;
}

std::string text_of(const std::vector<log::Attribute>& attributes, std::string_view name) {
  const auto found = std::ranges::find(attributes, name, &log::Attribute::name);
  return found == attributes.end() ? "" : found->value.value_or("null");
}

// What the event says of the word's key, as "key=value".
std::string attribute_told(const log::RecordedEvent& event, std::string_view word) {
  const std::string_view key = word.substr(0, word.find('='));
  const auto told = [&](std::string_view value) {
    return fmt::format("{}={}", key, percent_encoded(value));
  };
  if (key == "id") return told(event.id);
  if (key == "type") return told(event.type);
  if (key == "topic") return told(event.topic);
  if (key == "stream") return told(event.stream.value_or(""));
  if (key == "no_stream") return told(event.stream ? "no" : "yes");
  if (key == "version") return told(text_of(event.version));
  if (key == "source") return told(event.source);
  if (key == "subject") return told(event.subject);
  if (key == "content_type") return told(event.content_type);
  if (key == "data_schema") return told(event.data_schema);
  if (key == "time_ms") return told(std::to_string(event.time_ms));
  if (key == "data") return told(event.data ? as_text(*event.data) : "null");
  if (key == "tags") {
    std::vector<std::string> encoded;
    for (const std::string& tag : event.tags) encoded.push_back(percent_encoded(tag));
    return fmt::format("tags={}", fmt::join(encoded, ","));
  }
  const std::string_view pair = word.substr(std::min(word.find('=') + 1, word.size()));
  const std::string_view name = pair.substr(0, pair.find(':'));
  const auto& all = key == "header" ? event.headers : event.extensions;
  return fmt::format("{}={}:{}", key, name, percent_encoded(text_of(all, name)));
}

// The line's words with their values encoded as attribute_told() does.
std::string normal(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return std::string(word);
  const std::string_view key = word.substr(0, equals);
  std::string_view value = word.substr(equals + 1);
  std::string name;
  if (key == "header" || key == "extension") {
    const auto colon = std::min(value.find(':'), value.size());
    name = std::string(value.substr(0, colon)) + ":";
    value.remove_prefix(std::min(colon + 1, value.size()));
  }
  if (key == "tags") {
    std::vector<std::string> encoded;
    for (const std::string& tag : list_of(value).value_or(std::vector<std::string>{}))
      encoded.push_back(percent_encoded(tag));
    return fmt::format("tags={}", fmt::join(encoded, ","));
  }
  return fmt::format("{}={}{}", key, name, percent_encoded(percent_decoded(value).value_or("?")));
}

}  // namespace

std::vector<std::string> Runner::run(const Scenario& scenario) {
  for (const Step& step : scenario.steps) {
    run(step);
    if (!problems_.empty()) break;
  }
  following_.clear();
  return problems_;
}

void Runner::run(const Step& step) {
  const std::string_view what = step.command.word(0);
  if (what == "topic") return topic(step);
  if (what == "append") return append(step);
  if (what == "read") return read(step);
  if (what == "stream") return stream(step);
  if (what == "limits") return limits(step);
  if (what == "tombstone") return tombstone(step);
  if (what == "subscribe") return subscribe(step);
  if (what == "resume" || what == "next") return next(step);
  if (what == "restart") {
    for (auto& [name, one] : following_) one.subscription.reset();
    return compare_ok(step, driver_.restart());
  }
  differs(step.command.number, fmt::format("no command is called '{}'", what));
}

// topic NAME [partitions N]
void Runner::topic(const Step& step) {
  const auto partitions = option(step.command, "partitions").value_or(std::nullopt).value_or("1");
  compare_ok(step, driver_.create_topic(std::string(step.command.word(1)), std::stoi(partitions)));
}

void Runner::append(const Step& step) {
  const auto asked = append_of(step, known_);
  if (!asked) return differs(step.command.number, asked.error().text());
  const auto done = driver_.append(*asked);
  if (!done) return compare(step, told(done.error()));
  compare(step, told(*done));
  if (!problems_.empty()) return;
  if (done->events.size() != asked->events.size())
    return differs(step.command.number, fmt::format("{} events appended", done->events.size()));
  remember(*asked, *done);
  const auto label = option(step.command, "as").value_or(std::nullopt);
  if (label) known_.tokens[*label] = done->token;
}

void Runner::remember(const log::EventAppend& append, const log::AppendedEvents& appended) {
  for (std::size_t i = 0; i < append.events.size(); ++i) {
    const log::AppendedEvent& event = appended.events[i];
    const std::string& id = append.events[i].event.id;
    if (!id.empty() && event.id != id) differs(0, fmt::format("{} came back as {}", id, event.id));
    if (appended.duplicate) {
      const auto found = known_.events.find(id);
      if (found == known_.events.end() || found->second.position != event.position)
        differs(0, fmt::format("the retry of {} is at {}", id, event.position.raw()));
      continue;
    }
    if (i > 0 && event.position != appended.events[i - 1].position.next())
      differs(0, fmt::format("{} is not behind the event before", event.id));
    if (!appended_.empty() && event.position <= appended_.rbegin()->first)
      differs(0, fmt::format("{} is before what was appended before", event.id));
    appended_[event.position] = event;
    if (!id.empty()) known_.events[id] = {event.position, appended.recorded_us};
  }
}

std::vector<std::string> Runner::told(const log::AppendedEvents& appended) const {
  std::string line = appended.duplicate ? "duplicate versions" : "success versions";
  for (const log::AppendedEvent& event : appended.events)
    line += event.version ? fmt::format(" {}", event.version->raw()) : " -";
  return {line};
}

std::vector<std::string> Runner::told(const log::AppendRefusal& refusal) const {
  std::vector<std::string> lines{std::string(name(refusal.error.code))};
  for (const log::FailedExpectation& one : refusal.expectations)
    lines.push_back(fmt::format("expectation {} {} actual {}", one.index,
                                scenarios::text_of(one.stream),
                                one.tombstoned ? "tombstoned" : text_of(one.actual)));
  for (const log::FailedCondition& one : refusal.conditions)
    lines.push_back(fmt::format("condition {} item {} conflict {}", one.index, one.item,
                                known_.name_of(one.conflict)));
  if (!refusal.conflicts.empty())
    lines.push_back(fmt::format("conflicts {}", ids_of(refusal.conflicts)));
  return lines;
}

void Runner::read(const Step& step) {
  auto request = read_of(step, known_);
  if (!request) return differs(step.command.number, request.error().text());
  const bool all_pages = std::ranges::find(step.command.words, "pages") != step.command.words.end();
  auto page = driver_.read(*request);
  for (int pages = 1; all_pages && page && !page->end && pages < 1000; ++pages) {
    request->from = {};
    request->from.token = page->next;
    auto more = driver_.read(*request);
    if (!more) return differs(step.command.number, more.error().text());
    std::ranges::move(more->events, std::back_inserter(page->events));
    page->next = more->next;
    page->end = more->end;
  }
  if (!page) return compare(step, {std::string(name(page.error().code))});
  check_events(*request, page->events);
  for (const Line& wanted : step.expected) {
    std::string line;
    for (const std::string& word : wanted.words) line += (line.empty() ? "" : " ") + normal(word);
    const std::string got = told(wanted, *page);
    if (got != line) differs(wanted.number, fmt::format("wanted '{}', got '{}'", line, got));
  }
  const auto label = option(step.command, "as").value_or(std::nullopt);
  if (label) known_.tokens[*label] = page->next;
}

std::string Runner::told(const Line& wanted, const log::ReadPage& page) const {
  const std::string_view what = wanted.word(0);
  if (what == "events") return fmt::format("events {}", or_none(ids_of(page.events)));
  if (what == "count") return fmt::format("count {}", page.events.size());
  if (what == "end") return page.end ? "end yes" : "end no";
  if (what == "last_version") return "last_version " + text_of(page.last_version);
  if (what == "first_version") return "first_version " + text_of(page.first_version);
  if (what == "versions") {
    std::string line = "versions";
    for (const auto& event : page.events) line += " " + text_of(event.version);
    return line;
  }
  if (what != "event") return fmt::format("a page of {} events", page.events.size());
  const auto found = std::ranges::find_if(page.events, [&](const log::RecordedEvent& event) {
    return event.id == wanted.word(1) || known_.name_of(event.position) == wanted.word(1);
  });
  if (found == page.events.end()) return fmt::format("no event {}", wanted.word(1));
  std::string line = fmt::format("event {}", wanted.word(1));
  for (std::size_t i = 2; i < wanted.words.size(); ++i)
    line += " " + attribute_told(*found, wanted.words[i]);
  return line;
}

std::string Runner::ids_of(const std::vector<log::RecordedEvent>& events) const {
  std::string ids;
  for (const log::RecordedEvent& event : events) {
    const auto found = known_.events.find(event.id);
    const bool right = found != known_.events.end() && found->second.position == event.position;
    ids += fmt::format("{}{}", ids.empty() ? "" : " ", right ? percent_encoded(event.id) : "?");
  }
  return ids;
}

void Runner::check_events(const log::ReadRequest& request,
                          const std::vector<log::RecordedEvent>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const log::RecordedEvent& event = events[i];
    const auto found = appended_.find(event.position);
    if (found == appended_.end()) continue;  // written by something else
    if (event.id != found->second.id || event.partition != found->second.partition ||
        event.offset != found->second.offset ||
        (event.version && event.version != found->second.version))
      differs(0, fmt::format("{} is not read as it was appended: {} version {}", found->second.id,
                             event.id, text_of(event.version)));
    if (i == 0) continue;
    const bool ascends = events[i - 1].position < event.position;
    if (ascends != (request.direction == log::Direction::kForward))
      differs(0, fmt::format("{} comes out of order", event.id));
  }
}

// stream TOPIC/STREAM
void Runner::stream(const Step& step) {
  const auto name = stream_name(step.command.word(1));
  if (!name) return differs(step.command.number, name.error().text());
  const auto info = driver_.stream(*name);
  if (!info) return compare(step, {std::string(stele::name(info.error().code))});
  std::vector<std::string> got;
  for (const Line& wanted : step.expected) {
    const std::string_view what = wanted.word(0);
    const auto number = [&](std::optional<std::int64_t> value) {
      got.push_back(fmt::format("{} {}", what, value ? std::to_string(*value) : "none"));
    };
    if (what == "last_version") got.push_back("last_version " + text_of(info->last_version));
    if (what == "first_version") got.push_back("first_version " + text_of(info->first_version));
    if (what == "max_count") number(info->rules.max_count);
    if (what == "max_age_ms") number(info->rules.max_age_ms);
    if (what == "truncate_before")
      got.push_back("truncate_before " + text_of(info->rules.truncate_before));
    if (what == "tombstoned") got.emplace_back(info->rules.tombstoned ? "tombstoned" : "not");
  }
  compare(step, got);
}

// limits TOPIC/STREAM [max_count=N] [max_age_ms=N] [truncate_before=N]
void Runner::limits(const Step& step) {
  const auto name = stream_name(step.command.word(1));
  const auto rules = limits_of(step.command);
  if (!name || !rules) return differs(step.command.number, "not a stream and its limits");
  compare_ok(step, driver_.set_limits(*name, *rules));
}

// tombstone TOPIC/STREAM EXPECTED
void Runner::tombstone(const Step& step) {
  const auto name = stream_name(step.command.word(1));
  const auto expected = expected_version(step.command.word(2));
  if (!name || !expected) return differs(step.command.number, "not a stream and what is expected");
  compare_ok(step, driver_.tombstone(*name, *expected));
}

// subscribe NAME <what, as read does>
void Runner::subscribe(const Step& step) {
  auto request = read_of(step, known_);
  if (!request) return differs(step.command.number, request.error().text());
  const std::string name(step.command.word(1));
  following_[name] = {};
  open_subscription(name, *std::move(request));
  if (problems_.empty()) wait_for_pushed(step);
}

// next NAME: what comes then. resume NAME: the same on a new connection, from the newest token.
void Runner::next(const Step& step) {
  const auto found = following_.find(std::string(step.command.word(1)));
  if (found == following_.end()) return differs(step.command.number, "nothing is subscribed so");
  if (step.command.word(0) == "resume") {
    Following& one = found->second;
    one.subscription.reset();
    one.caught_up = false;
    log::ReadRequest request = one.request;
    if (!one.token.empty()) {
      request.from = {};
      request.from.token = one.token;
    }
    open_subscription(found->first, std::move(request));
  }
  if (problems_.empty()) wait_for_pushed(step);
}

void Runner::open_subscription(const std::string& name, log::ReadRequest request) {
  Following& one = following_[name];
  auto opened = driver_.subscribe(request);
  if (!opened) return differs(0, "subscribe: " + opened.error().text());
  one.request = std::move(request);
  one.subscription = *std::move(opened);
}

void Runner::wait_for_pushed(const Step& step) {
  Following& one = following_[std::string(step.command.word(1))];
  if (!one.subscription) return differs(step.command.number, "it is not connected");
  for (const Line& wanted : step.expected) {
    const bool caught_up = wanted.word(0) == "caught_up";
    const std::size_t count = caught_up || wanted.word(1) == "none" ? 0 : wanted.words.size() - 1;
    while (one.events.size() < count || (caught_up && !one.caught_up)) {
      auto pushed = one.subscription->next(kPushWait);
      if (!pushed) return differs(wanted.number, pushed.error().text());
      for (log::RecordedEvent& event : pushed->events) {
        if (event.position <= one.last) differs(wanted.number, event.id + " comes again");
        one.last = event.position;
        one.events.push_back(std::move(event));
      }
      one.caught_up = one.caught_up || pushed->caught_up;
      if (!pushed->token.empty()) one.token = pushed->token;
    }
    check_events(one.request, one.events);
    const std::string got =
        caught_up ? "caught_up" : fmt::format("events {}", or_none(ids_of(one.events)));
    if (got != wanted.text())
      differs(wanted.number, fmt::format("wanted '{}', got '{}'", wanted.text(), got));
    if (!caught_up) one.events.clear();
  }
}

void Runner::compare(const Step& step, const std::vector<std::string>& got) {
  std::vector<std::string> wanted;
  for (const Line& line : step.expected) wanted.push_back(line.text());
  if (wanted != got)
    differs(step.command.number,
            fmt::format("wanted '{}', got '{}'", fmt::join(wanted, "; "), fmt::join(got, "; ")));
}

// Without an expectation it must work.
void Runner::compare_ok(const Step& step, const Result<void>& got) {
  const std::string line = got ? "ok" : std::string(name(got.error().code));
  const std::string wanted = step.expected.empty() ? "ok" : step.expected[0].text();
  if (line == wanted) return;
  differs(step.command.number, fmt::format("wanted '{}', got '{}'{}", wanted, line,
                                           got ? "" : " (" + got.error().text() + ")"));
}

void Runner::differs(int number, const std::string& what) {
  problems_.push_back(number == 0 ? what : fmt::format("line {}: {}", number, what));
}

}  // namespace stele::scenarios
