#include <algorithm>
#include <array>
#include <charconv>

#include "log/base/fail.h"
#include "log/events/event_headers.h"
#include "log/events/tags.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_event.h"

namespace stele::cloudevents {
namespace {

using log::NewEvent;

constexpr std::size_t kEventsReservedMax = 4096;

enum class Member : std::uint8_t {
  kSpecVersion,
  kId,
  kType,
  kSource,
  kSubject,
  kTime,
  kDataSchema,
  kContentType,
  kTags,
  kStream,
  kStreamBase64,
  kPartitionKey,
  kHeaders,
  kTopic,
  kIgnored,
  kData,
  kDataBase64,
  kExtension,
};

struct MemberRow {
  std::string_view name;
  Member member;
};
constexpr std::array kMembers = std::to_array<MemberRow>({
    // by the size of the name
    {"id", Member::kId},
    {"type", Member::kType},
    {"time", Member::kTime},
    {"tags", Member::kTags},
    {"data", Member::kData},
    {"topic", Member::kTopic},
    {"source", Member::kSource},
    {"stream", Member::kStream},
    {"offset", Member::kIgnored},
    {"subject", Member::kSubject},
    {"headers", Member::kHeaders},
    {"version", Member::kIgnored},
    {"position", Member::kIgnored},
    {"partition", Member::kIgnored},
    {"dataschema", Member::kDataSchema},
    {"specversion", Member::kSpecVersion},
    {"data_base64", Member::kDataBase64},
    {"partitionkey", Member::kPartitionKey},
    {"recordedtime", Member::kIgnored},
    {"streambase64", Member::kStreamBase64},
    {"datacontenttype", Member::kContentType},
});
static_assert(std::ranges::is_sorted(kMembers, {},
                                     [](const MemberRow& row) { return row.name.size(); }));

constexpr std::size_t kMemberBytesMax = kMembers.back().name.size();
/// Where the names of a size begin in kMembers; those of the next size end them.
constexpr auto kMembersOfSize = [] {
  std::array<std::uint8_t, kMemberBytesMax + 2> begins{};
  for (std::size_t size = 0; size < begins.size(); ++size) {
    begins[size] = static_cast<std::uint8_t>(std::ranges::count_if(
        kMembers, [size](const MemberRow& row) { return row.name.size() < size; }));
  }
  return begins;
}();

Member member_of(std::string_view name) {
  if (name.size() > kMemberBytesMax) return Member::kExtension;
  for (std::size_t at = kMembersOfSize[name.size()]; at < kMembersOfSize[name.size() + 1]; ++at) {
    if (kMembers[at].name == name) return kMembers[at].member;
  }
  return Member::kExtension;
}

Bytes copied(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

/// The fault if there is one; what stands in `list` as ce_tags has it is added to `tags`.
const char* add_tags(std::string_view list, std::vector<std::string>& tags) {
  log::TagList read;
  if (!read.parse(list)) return "not a list of tags: comma-separated, percent-encoded";
  tags.assign(read.tags().begin(), read.tags().end());
  return nullptr;
}

/// The fault if there is one. `list`: name=value,… percent-encoded.
const char* add_headers(std::string_view list, std::vector<log::Attribute>& headers) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    const std::size_t equals = item.find('=');
    log::Attribute header;
    bool decoded = log::append_decoded(header.name, item.substr(0, equals));
    if (equals != std::string_view::npos)
      decoded = decoded && log::append_decoded(header.value.emplace(), item.substr(equals + 1));
    if (!decoded) return "not a list of headers: name=value, comma-separated, percent-encoded";
    headers.push_back(std::move(header));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return nullptr;
}

/// Where an event's stream comes from: one of three attributes; several have to say the same.
const char* set_stream(std::string key, NewEvent& event) {
  if (event.stream && *event.stream != key) return "the event names two streams";
  event.stream = std::move(key);
  return nullptr;
}

class EventObject {
public:
  EventObject(JsonReader& in, log::TopicEvent& result) : in_(in), result_(result) {}

  void read() {
    for (in_.enter_object(); in_.next_member();) read_member();
    if (!in_.failed()) decide_data();
  }

private:
  void read_member() {
    NewEvent& event = result_.event;
    const Member member = member_of(in_.key());
    if (skip_null(in_)) return check_name(member);
    switch (member) {
      case Member::kSpecVersion:
        if (in_.string() != "1.0") in_.fail("not the version 1.0 of CloudEvents");
        return;
      case Member::kId:
        return read_text(event.id);
      case Member::kType:
        return read_text(event.type);
      case Member::kSource:
        return read_text(event.source);
      case Member::kSubject:
        return read_text(event.subject);
      case Member::kTime:
        return read_text(event.time_text);
      case Member::kDataSchema:
        return read_text(event.data_schema);
      case Member::kContentType:
        return read_text(event.content_type);
      case Member::kTopic:
        return read_text(result_.topic);
      default:
        return read_own(member);
    }
  }

  void read_own(Member member) {
    NewEvent& event = result_.event;
    switch (member) {
      case Member::kTags:
        return read_tags();
      case Member::kStream:
      case Member::kPartitionKey:
        return fail_if(set_stream(std::string(in_.string()), event));
      case Member::kStreamBase64:
        return fail_if(set_stream(read_base64(in_), event));
      case Member::kHeaders:
        return read_headers();
      case Member::kData:
        raw_data_ = in_.skip();
        return fail_if(binary_ ? "data and data_base64 exclude each other" : nullptr);
      case Member::kDataBase64:
        binary_ = read_base64(in_);
        return fail_if(raw_data_ ? "data and data_base64 exclude each other" : nullptr);
      case Member::kIgnored:
        in_.skip();
        return;
      default:
        return read_extension();
    }
  }

  void fail_if(const char* fault) {
    if (fault != nullptr) in_.fail(fault);
  }

  /// A member that is null is not there, but its name still has to be one.
  void check_name(Member member) {
    if (member == Member::kExtension && !log::is_attribute_name(in_.key()))
      in_.fail("not an attribute: names are a-z and 0-9");
  }

  void read_text(std::string& to) { to = in_.string(); }

  void read_tags() {
    if (in_.kind() == JsonKind::kArray)
      result_.event.tags = read_strings(in_);
    else
      fail_if(add_tags(in_.string(), result_.event.tags));
  }

  void read_headers() {
    std::vector<log::Attribute>& headers = result_.event.headers;
    if (in_.kind() != JsonKind::kObject) return fail_if(add_headers(in_.string(), headers));
    for (in_.enter_object(); in_.next_member();) {
      log::Attribute header{std::string(in_.key()), std::nullopt};
      if (!skip_null(in_)) header.value = in_.string();
      headers.push_back(std::move(header));
    }
  }

  void read_extension() {
    log::Attribute extension{std::string(in_.key()), std::nullopt};
    check_name(Member::kExtension);
    switch (in_.kind()) {
      case JsonKind::kString:
        extension.value = in_.string();
        break;
      case JsonKind::kBool:
        extension.value = in_.boolean() ? "true" : "false";
        break;
      case JsonKind::kNumber:
        extension.value = in_.number();
        if (extension.value->find_first_of(".eE") != std::string::npos)
          in_.fail("an attribute is a string, an integer, true or false");
        break;
      default:
        in_.fail("an attribute is a string, an integer, true or false");
    }
    result_.event.extensions.push_back(std::move(extension));
  }

  /// What `data` means is known once datacontenttype is.
  void decide_data() {
    NewEvent& event = result_.event;
    if (binary_) {
      event.data = copied(*binary_);
    } else if (raw_data_ && (event.content_type.empty() || is_json_content(event.content_type))) {
      event.data = copied(*raw_data_);
      if (event.content_type.empty()) event.content_type = "application/json";
    } else if (raw_data_) {
      JsonReader text(*raw_data_);
      if (text.kind() != JsonKind::kString)
        return in_.fail("data is no string, though datacontenttype is not JSON");
      event.data = copied(text.string());
    }
  }

  JsonReader& in_;
  log::TopicEvent& result_;
  std::optional<std::string_view> raw_data_;
  std::optional<std::string> binary_;
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

/// One ce- header; the fault if there is one.
const char* take_binary(std::string_view attribute, std::string value, NewEvent& event) {
  const auto set = [&](std::string& to) {
    to = std::move(value);
    return nullptr;
  };
  switch (member_of(attribute)) {
    case Member::kSpecVersion:
      return value == "1.0" ? nullptr : "not the version 1.0 of CloudEvents";
    case Member::kId:
      return set(event.id);
    case Member::kType:
      return set(event.type);
    case Member::kSource:
      return set(event.source);
    case Member::kSubject:
      return set(event.subject);
    case Member::kTime:
      return set(event.time_text);
    case Member::kDataSchema:
      return set(event.data_schema);
    case Member::kTags:
      return add_tags(value, event.tags);
    case Member::kHeaders:
      return add_headers(value, event.headers);
    case Member::kStream:
    case Member::kPartitionKey:
      return set_stream(std::move(value), event);
    case Member::kStreamBase64: {
      std::string key;
      if (!decode_base64(value, key)) return "not base64";
      return set_stream(std::move(key), event);
    }
    case Member::kTopic:
    case Member::kIgnored:
      return nullptr;
    case Member::kContentType:
    case Member::kData:
    case Member::kDataBase64:
      return "not an attribute of binary mode";
    case Member::kExtension:
      break;
  }
  if (!log::is_attribute_name(attribute)) return "not an attribute: names are a-z and 0-9";
  event.extensions.push_back({std::string(attribute), std::move(value)});
  return nullptr;
}

/// The member or element that comes next, by one step of a JSON pointer. False: it is not there.
bool step_into(JsonReader& in, std::string_view step) {
  if (in.kind() == JsonKind::kArray) {
    std::size_t wanted = 0;
    const auto read = std::from_chars(step.data(), step.data() + step.size(), wanted);
    if (read.ec != std::errc() || read.ptr != step.data() + step.size()) return false;
    for (in.enter_array(); in.next_element(); in.skip()) {
      if (wanted-- == 0) return true;
    }
    return false;
  }
  if (in.kind() != JsonKind::kObject) return false;
  for (in.enter_object(); in.next_member(); in.skip()) {
    if (in.key() == step) return true;
  }
  return false;
}

std::string unescaped_step(std::string_view step) {
  std::string result;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const std::string_view pair = step.substr(i, 2);
    if (pair == "~0" || pair == "~1") {
      result.push_back(pair == "~0" ? '~' : '/');
      ++i;
    } else {
      result.push_back(step[i]);
    }
  }
  return result;
}

}  // namespace

void read_events(JsonReader& in, std::string_view topic, std::vector<log::TopicEvent>& into) {
  // Events of one request are much of a size: the first tells about how many there are.
  const std::size_t began = in.left();
  for (in.enter_array(); in.next_element();) {
    if (into.size() == kEventsMax)
      return in.fail(fmt::format("over {} events", kEventsMax), Code::kTooLarge);
    log::TopicEvent& event = into.emplace_back();
    EventObject(in, event).read();
    if (!topic.empty()) event.topic = topic;
    if (into.size() > 1 || in.failed()) continue;
    into.reserve(
        std::min(kEventsReservedMax, in.left() / std::max<std::size_t>(began - in.left(), 1) + 2));
  }
}

std::string read_base64(JsonReader& in) {
  std::string bytes;
  if (!decode_base64(in.string(), bytes)) in.fail("not base64");
  return bytes;
}

std::int64_t read_integer(JsonReader& in, std::int64_t min) {
  const std::string_view text = in.kind() == JsonKind::kString ? in.string() : in.number();
  if (in.failed()) return min;
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value < min)
    in.fail(fmt::format("not an integer from {} to 2^63-1", min));
  return value;
}

std::vector<std::string> read_strings(JsonReader& in) {
  std::vector<std::string> strings;
  for (in.enter_array(); in.next_element();) strings.emplace_back(in.string());
  return strings;
}

bool skip_null(JsonReader& in) {
  if (in.kind() != JsonKind::kNull) return false;
  in.null();
  return true;
}

Result<NewEvent> parse_event(std::string_view json) {
  JsonReader in(json);
  log::TopicEvent event;
  EventObject(in, event).read();
  if (!in.finish()) return std::unexpected(in.error());
  return std::move(event.event);
}

Result<std::vector<log::TopicEvent>> parse_batch(std::string_view topic, std::string_view json) {
  JsonReader in(json);
  std::vector<log::TopicEvent> events;
  read_events(in, topic, events);
  if (!in.finish()) return std::unexpected(in.error());
  return events;
}

Result<NewEvent> parse_binary(std::span<const Header> headers, std::string_view body) {
  constexpr std::string_view kPrefix = "ce-";
  NewEvent event;
  for (const Header& header : headers) {
    const std::string name = lowered(header.name);
    if (name == "content-type") event.content_type = header.value;
    if (!name.starts_with(kPrefix)) continue;
    std::string value;
    if (!log::append_decoded(value, header.value))
      return fail(Code::kInvalid, "{}: a percent sign without two hex digits behind it", name);
    const std::string_view attribute = std::string_view(name).substr(kPrefix.size());
    if (const char* fault = take_binary(attribute, std::move(value), event))
      return fail(Code::kInvalid, "{}: {}", name, fault);
  }
  event.data = copied(body);
  return event;
}

Result<std::string> find_text(std::string_view json, std::string_view place) {
  JsonReader in(json);
  std::string_view rest = place.starts_with('/') ? place.substr(1) : place;
  const bool is_pointer = place.starts_with('/');
  for (bool last = false; !last;) {
    const std::size_t slash = is_pointer ? rest.find('/') : std::string_view::npos;
    const std::string_view step = rest.substr(0, slash);
    if (!step_into(in, is_pointer ? unescaped_step(step) : std::string(step)) && !in.failed())
      return fail(Code::kInvalid, "{} is not there", place);
    last = slash == std::string_view::npos;
    if (!last) rest.remove_prefix(slash + 1);
  }
  switch (in.kind()) {
    case JsonKind::kString:
    case JsonKind::kNumber:
    case JsonKind::kBool: {
      const bool is_string = in.kind() == JsonKind::kString;
      std::string text(is_string ? in.string() : in.skip());
      if (in.failed()) return std::unexpected(in.error());
      return text;
    }
    default:
      if (in.failed()) return std::unexpected(in.error());
      return fail(Code::kInvalid, "{} is not a text", place);
  }
}

}  // namespace stele::cloudevents
