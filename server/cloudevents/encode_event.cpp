#include "log/events/event_headers.h"
#include "log/events/event_time.h"
#include "log/events/tags.h"
#include "log/events/utf8.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_reader.h"

namespace stele::cloudevents {
namespace {

using log::EventView;
using log::RecordedEvent;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_in_any_case(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

/// True if it can stand in JSON as it is (but for its line breaks).
bool is_json(std::string_view text) {
  JsonReader in(text);
  in.skip();
  return in.finish();
}

/// Checked JSON on one line: a line break in it can only be a blank.
void append_on_one_line(std::string_view json, std::string& out) {
  const std::size_t from = out.size();
  out.append(json);
  if (json.find_first_of("\r\n") == std::string_view::npos) return;
  for (std::size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
  }
}

/// How the data stands in the event: as JSON, as text, or as base64.
enum class DataForm : std::uint8_t { kJson, kText, kBase64 };

/// Without a content type JSON is told from text by looking at it, as CloudEvents takes data
/// without one for JSON.
DataForm data_form(const EventView& event, std::string_view data) {
  if (event.content_type.empty() || is_json_content(event.content_type)) {
    if (is_json(data)) return DataForm::kJson;
    return event.content_type.empty() && log::is_utf8(data) ? DataForm::kText : DataForm::kBase64;
  }
  return log::is_utf8(data) ? DataForm::kText : DataForm::kBase64;
}

/// ce_time if it is a time, else the record's timestamp; none if it has none.
void write_time(const EventView& event, JsonObject& object) {
  if (!event.time_text.empty() && log::parse_time_ms(event.time_text)) {
    object.text("time", event.time_text);
  } else if (event.time_ms >= 0) {
    std::string& out = object.at("time");
    out.push_back('"');
    log::append_time_ms(out, event.time_ms);
    out.push_back('"');
  }
}

/// name=value,… percent-encoded; a name alone: its value is null.
void write_headers(std::span<const HeaderView> headers, JsonObject& object) {
  std::string list;
  for (const HeaderView& header : headers) {
    if (&header != &headers.front()) list.push_back(',');
    log::append_encoded(list, header.key, '=');
    if (!header.value) continue;
    list.push_back('=');
    log::append_encoded(list, as_text(*header.value), '=');
  }
  object.text("headers", list);
}

void write_attributes(const EventView& event, DataForm form, JsonObject& object) {
  object.text("specversion", "1.0");
  object.text("id", event.id);
  object.text("source", event.source);
  object.text("type", event.type);
  if (!event.subject.empty()) object.text("subject", event.subject);
  write_time(event, object);
  if (!event.content_type.empty())
    object.text("datacontenttype", event.content_type);
  else if (event.data && form == DataForm::kText)
    object.text("datacontenttype", "text/plain");
  if (!event.data_schema.empty()) object.text("dataschema", event.data_schema);
  for (const HeaderView& extension : event.extensions) {
    // What a foreign producer called like one of ours would be taken for it.
    if (!extension.value || log::is_reserved_attribute(extension.key)) continue;
    object.text(extension.key, as_text(*extension.value));
  }
}

void write_place(const EventView& event, JsonObject& object) {
  if (!event.tags.empty()) {
    std::string list;
    log::append_tags(list, event.tags);
    object.text("tags", list);
  }
  if (event.stream) write_stream_name(as_text(*event.stream), object);
  if (event.version) object.wide("version", event.version->raw());
  object.wide("position", event.place.position.raw());
  std::string& out = object.at("recordedtime");
  out.push_back('"');
  log::append_time_us(out, event.place.recorded_us);
  out.push_back('"');
  object.text("topic", event.place.topic);
  object.integer("partition", event.place.partition.partition);
  object.wide("offset", event.place.offset.raw());
  if (!event.headers.empty()) write_headers(event.headers, object);
}

void write_data(std::string_view data, DataForm form, JsonObject& object) {
  if (form == DataForm::kJson) {
    append_on_one_line(data, object.at("data"));
  } else if (form == DataForm::kText) {
    object.text("data", data);
  } else {
    std::string& out = object.at("data_base64");
    out.push_back('"');
    append_base64(as_bytes(data), out);
    out.push_back('"');
  }
}

}  // namespace

bool is_json_content(std::string_view content_type) {
  std::string_view media = content_type.substr(0, content_type.find(';'));
  while (media.ends_with(' ') || media.ends_with('\t')) media.remove_suffix(1);
  constexpr std::string_view kSuffix = "+json";
  return equals_in_any_case(media, "application/json") || equals_in_any_case(media, "text/json") ||
         (media.size() > kSuffix.size() &&
          equals_in_any_case(media.substr(media.size() - kSuffix.size()), kSuffix));
}

void write_stream_name(std::string_view key, JsonObject& object) {
  if (log::is_utf8(key)) {
    object.text("stream", key);
    return;
  }
  std::string& out = object.at("streambase64");
  out.push_back('"');
  append_base64(as_bytes(key), out);
  out.push_back('"');
}

void write_event(const EventView& event, std::string& out) {
  const std::string_view data = event.data ? as_text(*event.data) : std::string_view();
  const DataForm form = event.data ? data_form(event, data) : DataForm::kJson;
  JsonObject object(out);
  write_attributes(event, form, object);
  write_place(event, object);
  if (event.data) write_data(data, form, object);
  object.close();
}

void write_event(const RecordedEvent& event, std::string& out) {
  write_event(log::ViewOf(event).view(), out);
}

void write_batch(std::span<const RecordedEvent> events, std::string& out) {
  write_array(events, out, [&](const RecordedEvent& event) { write_event(event, out); });
}

}  // namespace stele::cloudevents
