#include "projections/process/rekey.h"

#include <array>

#include "log/events/event_headers.h"
#include "log/events/event_view.h"
#include "log/format/varint.h"
#include "projections/process/lasting_tag.h"

namespace stele::projections {
namespace {

void add_length(Bytes& to, std::size_t length) {
  std::array<std::byte, kVarintBytesMax> varint;
  std::byte* end = write_varint(varint.data(), static_cast<std::int32_t>(length));
  to.insert(to.end(), varint.data(), end);
}

/// Headers as a record has them: what EventReader reads.
Bytes record_headers(std::span<const HeaderView> headers) {
  Bytes bytes;
  const auto add = [&bytes](ByteView field) {
    add_length(bytes, field.size());
    bytes.insert(bytes.end(), field.begin(), field.end());
  };
  for (const HeaderView& header : headers) {
    add(as_bytes(header.key));
    if (header.value)
      add(*header.value);
    else
      bytes.push_back(std::byte{1});  // a length of -1
  }
  return bytes;
}

bool is_of_one_happening(const log::Attribute& extension) {
  return extension.name == "causationid" || extension.name == "timer" ||
         log::is_reserved_attribute(extension.name);
}

log::NewEvent to_append(log::RecordedEvent event) {
  std::erase_if(event.tags, is_lasting_tag);
  std::erase_if(event.extensions, is_of_one_happening);
  std::erase_if(event.headers, [](const log::Attribute& header) {
    return header.name.starts_with(log::kAttributePrefix) ||
           log::event_header(header.name) != log::EventHeader::kPlain;
  });
  log::NewEvent copy{.stream = std::move(event.stream),
                     .type = std::move(event.type),
                     .source = std::move(event.source),
                     .subject = std::move(event.subject),
                     .content_type = std::move(event.content_type),
                     .data_schema = std::move(event.data_schema),
                     .tags = std::move(event.tags),
                     .time_text = std::move(event.time_text),
                     .data = std::move(event.data),
                     .extensions = std::move(event.extensions),
                     .headers = std::move(event.headers)};
  if (event.time_ms >= 0) copy.time_ms = event.time_ms;
  return copy;
}

}  // namespace

Result<log::NewEvent> copied(const InputEvent& event) {
  const Bytes headers = record_headers(event.headers);
  log::EventReader reader;
  const log::EventView& view = reader.read(
      {.topic = event.topic, .partition = {{}, event.partition}, .offset = event.offset},
      {.timestamp_ms = event.time_ms,
       .key = event.stream,
       .value = event.data,
       .headers = {.bytes = headers, .count = static_cast<std::int32_t>(event.headers.size())}});
  log::NewEvent copy = to_append(log::owned(view));
  STELE_DO(log::check_event(copy));
  return copy;
}

}  // namespace stele::projections
