#include "log/events/event_headers.h"

#include <algorithm>
#include <array>

namespace stele::log {
namespace {

struct Row {
  std::string_view name;
  EventHeader header;
};
constexpr std::array kHeaders = std::to_array<Row>({
    {"ce_specversion", EventHeader::kSpecVersion},
    {"ce_id", EventHeader::kId},
    {"ce_type", EventHeader::kType},
    {"ce_source", EventHeader::kSource},
    {"ce_subject", EventHeader::kSubject},
    {"ce_time", EventHeader::kTime},
    {"ce_dataschema", EventHeader::kDataSchema},
    {"content-type", EventHeader::kContentType},
    {"ce_tags", EventHeader::kTags},
});

constexpr std::array kReserved = std::to_array<std::string_view>({
    // CloudEvents; partitionkey is the record's key
    "specversion",
    "id",
    "type",
    "source",
    "subject",
    "time",
    "dataschema",
    "datacontenttype",
    "data",
    "database64",
    "partitionkey",
    // Stele
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
});

}  // namespace

EventHeader event_header(std::string_view header_name) {
  // Few names are as long as a known one, so that the rest costs one comparison at most.
  for (const Row& row : kHeaders) {
    if (row.name == header_name) return row.header;
  }
  if (!header_name.starts_with(kAttributePrefix)) return EventHeader::kPlain;
  return is_attribute_name(header_name.substr(kAttributePrefix.size())) ? EventHeader::kExtension
                                                                        : EventHeader::kPlain;
}

std::string_view header_name(EventHeader header) {
  return kHeaders[static_cast<std::size_t>(header)].name;
}

bool is_attribute_name(std::string_view name) {
  return !name.empty() && name.size() <= kAttributeNameBytesMax &&
         std::ranges::all_of(
             name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

bool is_reserved_attribute(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

}  // namespace stele::log
