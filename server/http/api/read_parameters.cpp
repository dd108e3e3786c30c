#include "server/http/api/read_parameters.h"

#include <fmt/format.h>

#include <algorithm>

#include "log/base/fail.h"
#include "log/events/event_time.h"
#include "server/cloudevents/decode.h"

namespace stele::http {

namespace {

/// A token is never all digits.
bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_on(std::string_view value) {
  return value.empty() || value == "true" || value == "1";
}

Result<bool> flag(std::string_view name, std::string_view value) {
  if (is_on(value)) return true;
  if (value == "false" || value == "0") return false;
  return fail(Code::kInvalid, "{} is neither true nor false", name);
}

bool is_stream(const log::Selection& select) {
  return std::holds_alternative<log::StreamSelection>(select);
}

/// Puts the parameters into a ReadCall, one by one.
class Parameters {
public:
  explicit Parameters(ReadCall& into) : into_(into) {}

  Result<void> take(const std::string& name, const std::string& value) {
    log::ReadRequest& read = into_.read;
    if (name == "type") return add(read.filter.types, name, value);
    if (name == "tag") return add(read.filter.tags, name, value);
    if (name == "from") return take_from(value);
    if (name == "fromTime") return take_time(name, value, read.from.recorded_us, 1);
    if (name == "fromEventTime") return take_time(name, value, read.from.event_time_ms, 1000);
    if (name == "direction") return take_direction(value);
    if (name == "limit") return take_limit(value);
    if (name == "streamPrefix") return once(read.filter.stream_prefix, name, value);
    if (name == "header") return take_header(value);
    if (name == "sinceType") return take_since(value);
    if (name == "versions") {
      STELE_TRY(read.versions, flag(name, value));
      return {};
    }
    if (name == "follow" || (name == "encoding" && is_stream_)) return {};
    return fail(Code::kInvalid, "there is no query parameter {} here", name);
  }
  void note_stream() { is_stream_ = is_stream(into_.read.select); }

private:
  template <class Value>
  static Result<void> once(std::optional<Value>& to, std::string_view name, Value value) {
    if (to) return fail(Code::kInvalid, "{} is given twice", name);
    to = std::move(value);
    return {};
  }
  static Result<void> add(std::vector<std::string>& to, std::string_view name,
                          const std::string& value) {
    if (value.empty()) return fail(Code::kInvalid, "{} is empty", name);
    to.push_back(value);
    return {};
  }
  Result<void> take_from(const std::string& value) {
    log::ReadFrom& from = into_.read.from;
    if (from.position || from.version || !from.token.empty()) {
      return fail(Code::kInvalid, "from is given twice");
    }
    if (value.empty()) return fail(Code::kInvalid, "from is empty");
    if (!is_number(value)) {
      from.token = value;
      return {};
    }
    STELE_TRY(const std::int64_t number, parse_whole(value, "from"));
    if (is_stream_) {
      from.version = Version(number);
    } else {
      from.position = Position(number);
    }
    return {};
  }
  static Result<void> take_time(std::string_view name, const std::string& value,
                                std::optional<std::int64_t>& to, std::int64_t divisor) {
    const auto time_us = log::parse_time_us(value);
    if (!time_us) return fail(Code::kInvalid, "{}: {}", name, time_us.error().detail);
    // The first moment that is at or after it.
    const std::int64_t floor = *time_us / divisor - (*time_us % divisor < 0 ? 1 : 0);
    return once(to, name, floor * divisor < *time_us ? floor + 1 : floor);
  }
  Result<void> take_direction(std::string_view value) {
    if (value != "forward" && value != "backward") {
      return fail(Code::kInvalid, "direction is neither forward nor backward");
    }
    into_.read.direction =
        value == "forward" ? log::Direction::kForward : log::Direction::kBackward;
    return {};
  }
  Result<void> take_limit(std::string_view value) {
    STELE_TRY(const std::int64_t limit, parse_whole(value, "limit"));
    if (limit == 0) return fail(Code::kInvalid, "limit is 0");
    return once(into_.limit, "limit", limit);
  }
  Result<void> take_header(const std::string& value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string::npos || colon == 0) {
      return fail(Code::kInvalid, "header is not name:value");
    }
    return once(into_.read.filter.header, "header",
                std::pair(value.substr(0, colon), value.substr(colon + 1)));
  }
  Result<void> take_since(const std::string& value) {
    if (!is_stream_) return fail(Code::kInvalid, "sinceType is for streams");
    auto* stream = std::get_if<log::StreamSelection>(&into_.read.select);
    if (stream == nullptr) return fail(Code::kInvalid, "sinceType is given twice");
    if (value.empty()) return fail(Code::kInvalid, "sinceType is empty");
    into_.read.select =
        log::StreamSinceTypeSelection{std::move(stream->topic), std::move(stream->stream), value};
    return {};
  }

  ReadCall& into_;
  bool is_stream_ = false;
};

/// Types and tags of a read of everything, or of a topic, are a query: the index finds its events.
void make_query(log::ReadRequest& read) {
  if (read.filter.types.empty() && read.filter.tags.empty()) return;
  const auto* topic = std::get_if<log::TopicSelection>(&read.select);
  if (topic == nullptr && !std::holds_alternative<log::AllSelection>(read.select)) return;
  log::QueryItem item{std::move(read.filter.types), std::move(read.filter.tags), {}};
  read.filter.types.clear();
  read.filter.tags.clear();
  if (topic != nullptr) item.topics.push_back(topic->topic);
  read.select = log::Query{{std::move(item)}};
}

Result<void> check(ReadCall& read) {
  const bool follows = read.form == ReadForm::kEventStream || read.form == ReadForm::kWebSocket;
  if (follows && read.read.direction == log::Direction::kBackward) {
    return fail(Code::kInvalid, "what is followed goes forward");
  }
  const bool is_page = read.form == ReadForm::kPage || read.form == ReadForm::kBatch;
  if (is_page && read.limit.value_or(0) > static_cast<std::int64_t>(kPageEventsMax)) {
    return fail(Code::kInvalid, "limit is over {}: ask for {}", kPageEventsMax, kNdjson);
  }
  const log::ReadFrom& from = read.read.from;
  // What "since a type" begins with was found when the first page was read.
  auto* since = std::get_if<log::StreamSinceTypeSelection>(&read.read.select);
  if (since != nullptr && !from.token.empty()) {
    read.read.select = log::StreamSelection{std::move(since->topic), std::move(since->stream)};
  }
  const int given = (from.position ? 1 : 0) + (from.version ? 1 : 0) + (from.recorded_us ? 1 : 0) +
                    (from.token.empty() ? 0 : 1);
  if (given > 1) return fail(Code::kInvalid, "from and fromTime contradict each other");
  if (is_page) {
    read.read.events_max =
        static_cast<std::size_t>(read.limit.value_or(static_cast<std::int64_t>(kPageEvents)));
  }
  return {};
}

/// What the headers say, and whether all of it goes together.
Result<ReadCall> completed(const Request& request, ReadCall read) {
  STELE_TRY(read.form, read_form(request));
  // What an interrupted follower has seen last.
  if (const Header* seen = request.find("last-event-id"); seen != nullptr) {
    read.read.from = {.event_time_ms = read.read.from.event_time_ms,
                      .token = std::string(seen->value)};
  }
  STELE_DO(check(read));
  return read;
}

}  // namespace

Result<ReadForm> read_form(const Request& request) {
  if (request.wants_upgrade && list_names(request.header("upgrade"), "websocket")) {
    return ReadForm::kWebSocket;
  }
  if (const std::string* follow = request.url.parameter("follow")) {
    STELE_TRY(const bool follows, flag("follow", *follow));
    if (follows) return ReadForm::kEventStream;
  }
  const Header* accept = request.find("accept");
  if (accept == nullptr || accept->value.empty()) return ReadForm::kPage;
  if (list_names(accept->value, kEventStream)) return ReadForm::kEventStream;
  if (list_names(accept->value, kNdjson)) return ReadForm::kLines;
  if (list_names(accept->value, kBatch)) return ReadForm::kBatch;
  for (const std::string_view any :
       {kJson, std::string_view("*/*"), std::string_view("application/*")}) {
    if (list_names(accept->value, any)) return ReadForm::kPage;
  }
  return fail(Code::kUnsupported, "there is {}, {}, {} and {}", kJson, kBatch, kNdjson,
              kEventStream);
}

Result<ReadCall> parse_query_read(const Call& call) {
  STELE_DO(call.check_parameters({"follow"}));
  STELE_TRY(cloudevents::ParsedQuery parsed, cloudevents::parse_query(call.request.body));
  return completed(call.request, {.read = std::move(parsed.read), .limit = parsed.limit});
}

Result<ReadCall> parse_read(const Call& call, log::Selection select) {
  ReadCall read;
  read.read.select = std::move(select);
  Parameters parameters(read);
  parameters.note_stream();
  for (const auto& [name, value] : call.request.url.query) {
    STELE_DO(parameters.take(name, value));
  }
  STELE_TRY(read, completed(call.request, std::move(read)));
  make_query(read.read);
  return read;
}

std::string next_link(const Request& request, std::string_view token) {
  std::string link = "Link: <";
  link += request.target.substr(0, request.target.find('?'));
  fmt::format_to(std::back_inserter(link), "?from={}", percent_encoded(token));
  for (const auto& [name, value] : request.url.query) {
    if (name == "from" || name == "fromTime" || name == "sinceType") continue;
    fmt::format_to(std::back_inserter(link), "&{}={}", percent_encoded(name),
                   percent_encoded(value));
  }
  return link + ">; rel=\"next\"\r\n";
}

}  // namespace stele::http
