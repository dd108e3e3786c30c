#include "log/events/query.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/events/event_facts.h"
#include "log/events/event_headers.h"
#include "log/events/event_view.h"
#include "log/events/tags.h"
#include "log/events/utf8.h"

namespace stele::log {
namespace {

/// As long as a topic's name can be (Kafka's Topic.MAX_NAME_LENGTH).
constexpr std::size_t kTopicNameBytesMax = 249;

Result<void> check_names(std::string_view kind, const std::vector<std::string>& names,
                         std::size_t bytes_max) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) return fail(Code::kInvalid, "{} {} is empty", kind, i);
    if (names[i].size() > bytes_max)
      return fail(Code::kInvalid, "{} {} has {} bytes, over {}", kind, i, names[i].size(),
                  bytes_max);
    if (!is_utf8(names[i])) return fail(Code::kInvalid, "{} {} is not UTF-8", kind, i);
  }
  return {};
}

Result<void> check_item(const QueryItem& item) {
  STELE_DO(check_names("type", item.types, kTypeBytesMax));
  STELE_DO(check_names("tag", item.tags, kTagBytesMax));
  return check_names("topic", item.topics, kTopicNameBytesMax);
}

template <class Names, class Name>
bool has(const Names& names, const Name& name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

template <class Tags>
bool has_all(const Tags& tags, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& tag) { return has(tags, tag); });
}

template <class Tags>
bool item_matches(const QueryItem& item, std::string_view type, const Tags& tags,
                  std::string_view topic) {
  return (item.types.empty() || has(item.types, type)) && has_all(tags, item.tags) &&
         (item.topics.empty() || has(item.topics, topic));
}

bool attribute_is(std::span<const HeaderView> attributes, std::string_view name,
                  std::string_view value) {
  return std::ranges::any_of(attributes, [&](const HeaderView& attribute) {
    return attribute.key == name && attribute.value && as_text(*attribute.value) == value;
  });
}

/// True if the event's record has, or would have, a header of this name and value.
bool header_is(const EventView& event, std::string_view name, std::string_view value) {
  switch (event_header(name)) {
    case EventHeader::kSpecVersion:
      return value == "1.0";
    case EventHeader::kId:
      return event.id == value;
    case EventHeader::kType:
      return event.type == value;
    case EventHeader::kSource:
      return event.source == value;
    case EventHeader::kSubject:
      return event.subject == value;
    case EventHeader::kTime:
      return event.time_text == value;
    case EventHeader::kDataSchema:
      return event.data_schema == value;
    case EventHeader::kContentType:
      return event.content_type == value;
    case EventHeader::kTags: {
      std::string list;
      append_tags(list, event.tags);
      return list == value;
    }
    case EventHeader::kExtension:
      return attribute_is(event.extensions, name.substr(kAttributePrefix.size()), value);
    case EventHeader::kPlain:
      break;
  }
  return attribute_is(event.headers, name, value);
}

}  // namespace

Result<void> check_query(const Query& query) {
  if (query.items.size() > kQueryItemsMax)
    return fail(Code::kInvalid, "{} items, over {}", query.items.size(), kQueryItemsMax);
  std::size_t term_count = 0;
  for (std::size_t i = 0; i < query.items.size(); ++i) {
    const QueryItem& item = query.items[i];
    term_count += item.types.size() + item.tags.size() + item.topics.size();
    if (auto checked = check_item(item); !checked)
      return at(fmt::format("item {}", i), std::move(checked).error());
  }
  if (term_count > kQueryTermsMax)
    return fail(Code::kInvalid, "{} types, tags and topics, over {}", term_count, kQueryTermsMax);
  return {};
}

bool matches(const QueryItem& item, const RecordedEvent& event) {
  return item_matches(item, event.type, event.tags, event.topic);
}

bool matches(const Query& query, const RecordedEvent& event) {
  return query.items.empty() || std::ranges::any_of(query.items, [&](const QueryItem& item) {
           return matches(item, event);
         });
}

bool matches(const EventFilter& filter, const RecordedEvent& event) {
  return (filter.types.empty() || has(filter.types, event.type)) &&
         has_all(event.tags, filter.tags) &&
         (!filter.stream_prefix ||
          (event.stream && event.stream->starts_with(*filter.stream_prefix))) &&
         (!filter.header ||
          header_is(ViewOf(event).view(), filter.header->first, filter.header->second));
}

bool matches(const QueryItem& item, const EventFacts& facts, std::string_view topic) {
  return item_matches(item, facts.type(), facts.tags(), topic);
}

bool matches(const Query& query, const EventFacts& facts, std::string_view topic) {
  return query.items.empty() || std::ranges::any_of(query.items, [&](const QueryItem& item) {
           return matches(item, facts, topic);
         });
}

bool matches(const EventFilter& filter, const EventFacts& facts, const RecordPlace& place,
             const RecordView& record) {
  if (!filter.types.empty() && !has(filter.types, facts.type())) return false;
  if (!has_all(facts.tags(), filter.tags)) return false;
  if (filter.stream_prefix &&
      (!facts.key() || !as_text(*facts.key()).starts_with(*filter.stream_prefix)))
    return false;
  // What a header says may be filled in: the event itself is asked, the last of all.
  if (!filter.header) return true;
  EventReader reader;
  return header_is(reader.read(place, record), filter.header->first, filter.header->second);
}

}  // namespace stele::log
