#include "log/events/event_record.h"

#include <algorithm>
#include <array>

#include "log/base/fail.h"
#include "log/events/event_headers.h"
#include "log/events/event_time.h"
#include "log/events/event_view.h"
#include "log/events/tags.h"
#include "log/events/utf8.h"

namespace stele::log {
namespace {

constexpr std::size_t kTimeTextRoom = 32;  ///< for append_time_ms()

Result<void> check_text(std::string_view field, std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max)
    return fail(Code::kInvalid, "{} has {} bytes, over {}", field, text.size(), bytes_max);
  if (!is_utf8(text)) return fail(Code::kInvalid, "{} is not UTF-8", field);
  return {};
}

Result<void> check_time(const NewEvent& event) {
  std::optional<std::int64_t> time_ms = event.time_ms;
  if (!event.time_text.empty()) {
    auto parsed = parse_time_ms(event.time_text);
    if (!parsed) return at("time", std::move(parsed).error());
    if (time_ms && *time_ms != *parsed)
      return fail(Code::kInvalid, "time is given twice: as text, and as {} ms", *time_ms);
    time_ms = *parsed;
  }
  if (time_ms && (*time_ms < 0 || *time_ms > kTimeMsMax))
    return fail(Code::kInvalid, "time is before 1970 or after 9999");
  return {};
}

Result<void> check_extension(const NewEvent& event, std::size_t index) {
  const Attribute& extension = event.extensions[index];
  if (!is_attribute_name(extension.name))
    return fail(Code::kInvalid, "extension {}: its name is not 1 to {} of a-z and 0-9", index,
                kAttributeNameBytesMax);
  if (is_reserved_attribute(extension.name))
    return fail(Code::kInvalid, "extension {}: the name is taken", extension.name);
  for (std::size_t i = 0; i < index; ++i) {
    if (event.extensions[i].name == extension.name)
      return fail(Code::kInvalid, "extension {} is given twice", extension.name);
  }
  if (!extension.value) return {};
  if (auto checked = check_text(extension.name, *extension.value, kAttributeBytesMax); !checked)
    return at("extension", std::move(checked).error());
  return {};
}

Result<void> check_header(const Attribute& header, std::size_t index) {
  if (auto checked = check_text("name", header.name, kAttributeBytesMax); !checked)
    return at(fmt::format("header {}", index), std::move(checked).error());
  if (header.name.starts_with(kAttributePrefix) || event_header(header.name) != EventHeader::kPlain)
    return fail(Code::kInvalid, "header {}: the name {} is that of an attribute", index,
                header.name);
  return {};
}

}  // namespace

Result<void> check_event(const NewEvent& event) {
  STELE_DO(check_text("id", event.id, kEventIdBytesMax));
  STELE_DO(check_text("type", event.type, kTypeBytesMax));
  STELE_DO(check_text("source", event.source, kAttributeBytesMax));
  STELE_DO(check_text("subject", event.subject, kAttributeBytesMax));
  STELE_DO(check_text("datacontenttype", event.content_type, kAttributeBytesMax));
  STELE_DO(check_text("dataschema", event.data_schema, kAttributeBytesMax));
  STELE_DO(check_tags(event.tags));
  STELE_DO(check_time(event));
  if (event.extensions.size() + event.headers.size() > kAttributeCountMax)
    return fail(Code::kInvalid, "{} extensions and headers, over {}",
                event.extensions.size() + event.headers.size(), kAttributeCountMax);
  for (std::size_t i = 0; i < event.extensions.size(); ++i) STELE_DO(check_extension(event, i));
  for (std::size_t i = 0; i < event.headers.size(); ++i)
    STELE_DO(check_header(event.headers[i], i));
  return {};
}

Result<NewRecord> EventEncoder::encode(const NewEvent& event, std::int64_t now_ms) {
  STELE_DO(check_event(event));
  headers_.clear();
  made_.clear();
  std::size_t room = kTimeTextRoom;
  for (const std::string& tag : event.tags) room += 3 * tag.size() + 1;
  for (const Attribute& extension : event.extensions)
    room += kAttributePrefix.size() + extension.name.size();
  made_.reserve(room);  // views into it stay valid while it grows

  if (!event.id.empty() && !event.type.empty() && !event.source.empty())
    add_text("ce_specversion", "1.0");
  add_text("ce_id", event.id);
  add_text("ce_type", event.type);
  add_text("ce_source", event.source);
  add_text("ce_subject", event.subject);
  std::int64_t time_ms = event.time_ms.value_or(now_ms);
  if (!event.time_text.empty()) {
    STELE_TRY(time_ms, parse_time_ms(event.time_text));
    add_text("ce_time", event.time_text);
  } else if (event.time_ms) {
    append_time_ms(made_, *event.time_ms);
    add_text("ce_time", made_);
  }
  add_text("ce_dataschema", event.data_schema);
  add_text("content-type", event.content_type);
  const std::size_t tags_from = made_.size();
  append_tags(made_, event.tags);
  add_text("ce_tags", made_since(tags_from));
  add_extensions(event);
  for (const Attribute& header : event.headers) {
    headers_.push_back(
        {header.name, header.value ? std::optional(as_bytes(*header.value)) : std::nullopt});
  }
  return NewRecord{.key = event.stream ? std::optional(as_bytes(*event.stream)) : std::nullopt,
                   .value = event.data ? std::optional(ByteView(*event.data)) : std::nullopt,
                   .headers = headers_,
                   .timestamp_ms = time_ms};
}

void EventEncoder::add_text(std::string_view name, std::string_view value) {
  if (!value.empty()) headers_.push_back({name, as_bytes(value)});
}

void EventEncoder::add_extensions(const NewEvent& event) {
  for (const Attribute& extension : event.extensions) {
    const std::size_t from = made_.size();
    made_.append(kAttributePrefix).append(extension.name);
    headers_.push_back({made_since(from), extension.value
                                              ? std::optional(as_bytes(*extension.value))
                                              : std::nullopt});
  }
}

std::string_view EventEncoder::made_since(std::size_t from) const {
  return std::string_view(made_).substr(from);
}

RecordedEvent read_event(const RecordPlace& place, const RecordView& record) {
  return owned(EventReader().read(place, record));
}

}  // namespace stele::log
