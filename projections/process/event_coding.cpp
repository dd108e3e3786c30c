#include "projections/process/event_coding.h"

namespace stele::projections {
namespace {

constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

void write_text(ByteWriter& to, std::string_view text) {
  write_bytes(to, as_bytes(text));
}

void write_attributes(ByteWriter& to, const std::vector<log::Attribute>& attributes) {
  to.put(static_cast<std::uint32_t>(attributes.size()));
  for (const auto& [name, value] : attributes) {
    write_text(to, name);
    to.put(static_cast<std::uint8_t>(value.has_value()));
    if (value) write_text(to, *value);
  }
}

std::vector<log::Attribute> read_attributes(ByteReader& from) {
  std::vector<log::Attribute> attributes(from.get_count(kLengthBytes + 1));
  for (auto& [name, value] : attributes) {
    name = read_text(from);
    if (from.get<std::uint8_t>() != 0) value = read_text(from);
  }
  return attributes;
}

}  // namespace

void write_bytes(ByteWriter& to, ByteView bytes) {
  to.put(static_cast<std::uint32_t>(bytes.size()));
  to.put_bytes(bytes);
}

std::string_view read_text(ByteReader& from) {
  return as_text(from.get_bytes(from.get<std::uint32_t>()));
}

void write_event(ByteWriter& to, const log::NewEvent& event) {
  to.put(static_cast<std::uint8_t>((event.stream ? 1 : 0) | (event.time_ms ? 2 : 0) |
                                   (event.data ? 4 : 0)));
  if (event.stream) write_text(to, *event.stream);
  if (event.time_ms) to.put(*event.time_ms);
  if (event.data) write_bytes(to, *event.data);
  for (const std::string* text : {&event.id, &event.type, &event.source, &event.subject,
                                  &event.content_type, &event.data_schema, &event.time_text})
    write_text(to, *text);
  to.put(static_cast<std::uint32_t>(event.tags.size()));
  for (const std::string& tag : event.tags) write_text(to, tag);
  write_attributes(to, event.extensions);
  write_attributes(to, event.headers);
}

log::NewEvent read_event(ByteReader& from) {
  log::NewEvent event;
  const auto there = from.get<std::uint8_t>();
  if ((there & 1) != 0) event.stream = read_text(from);
  if ((there & 2) != 0) event.time_ms = from.get<std::int64_t>();
  if ((there & 4) != 0) {
    const ByteView data = as_bytes(read_text(from));
    event.data.emplace(data.begin(), data.end());
  }
  for (std::string* text : {&event.id, &event.type, &event.source, &event.subject,
                            &event.content_type, &event.data_schema, &event.time_text})
    *text = read_text(from);
  event.tags.resize(from.get_count(kLengthBytes));
  for (std::string& tag : event.tags) tag = read_text(from);
  event.extensions = read_attributes(from);
  event.headers = read_attributes(from);
  return event;
}

}  // namespace stele::projections
