#include "log/events/event_facts.h"

#include "log/events/event_headers.h"
#include "log/events/utf8.h"

namespace stele::log {
namespace {

/// The value as text; empty if it is null or not UTF-8.
std::string_view text_of(const HeaderView& header) {
  if (!header.value) return {};
  const std::string_view text = as_text(*header.value);
  return is_utf8(text) ? text : std::string_view();
}

}  // namespace

void EventFacts::read(const RecordView& record) {
  key_ = record.key;
  type_ = {};
  id_ = {};
  tags_.clear();
  // The first header of a name counts, whatever is in it.
  bool type_seen = false;
  bool id_seen = false;
  bool tags_seen = false;
  HeaderReader reader(record.headers);
  while (reader.next()) {
    const HeaderView& header = reader.header();
    if (!type_seen && header.key == "ce_type") {
      type_seen = true;
      type_ = text_of(header);
    } else if (!id_seen && header.key == "ce_id") {
      id_seen = true;
      id_ = text_of(header);
    } else if (!tags_seen && header.key == "ce_tags") {
      tags_seen = true;
      tags_.parse(header.value ? as_text(*header.value) : std::string_view());
    }
  }
}

}  // namespace stele::log
