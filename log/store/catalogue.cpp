#include "log/store/catalogue.h"

#include <algorithm>
#include <charconv>

#include "log/base/fail.h"
#include "log/format/batch_builder.h"
#include "log/format/decompressor.h"
#include "log/format/records.h"

namespace stele::log {
namespace {

constexpr std::size_t kNameBytesMax = 249;
constexpr std::string_view kSettingPrefix = "setting:";
constexpr std::string_view kPropertyPrefix = "property:";
constexpr std::array<std::string_view, 5> kTypes = {
    "stele.topic.created", "stele.topic.configured", "stele.topic.deleted",
    "stele.producer_ids.reserved", "stele.properties.changed"};

Result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Code::kCorrupt, "catalogue: '{}' is not a number", text);
  }
  return number;
}

Result<void> read_header(CatalogueEvent& event, const HeaderView& header) {
  const std::string_view key = header.key;
  const std::string_view value = as_text(header.value.value_or(ByteView{}));
  if (key == "ce_type") {
    const auto type = std::ranges::find(kTypes, value);
    if (type == kTypes.end())
      return fail(Code::kCorrupt, "catalogue: unknown event type '{}'", value);
    event.kind = static_cast<CatalogueEventKind>(type - kTypes.begin());
  } else if (key == "topic_id") {
    STELE_TRY(event.topic_id, Uuid::parse(value));
  } else if (key == "partition_count") {
    STELE_TRY(const std::int64_t count, parse_number(value));
    event.partition_count = static_cast<std::int32_t>(count);
  } else if (key == "next_producer_id") {
    STELE_TRY(event.next_producer_id, parse_number(value));
  } else if (key == "internal") {
    event.internal = value == "true";
  } else if (key.starts_with(kSettingPrefix)) {
    event.settings.emplace(key.substr(kSettingPrefix.size()), value);
  } else if (key.starts_with(kPropertyPrefix)) {
    event.properties.emplace(key.substr(kPropertyPrefix.size()),
                             header.value ? std::optional<std::string>(value) : std::nullopt);
  }
  return {};
}

}  // namespace

Uuid catalogue_id() {
  return Uuid::load(as_bytes("stele.catalogue1").data());
}

TopicPtr catalogue_topic() {
  static const TopicPtr topic =
      std::make_shared<const TopicInfo>(TopicInfo{.name = std::string(kCatalogueName),
                                                  .id = catalogue_id(),
                                                  .partition_count = 1,
                                                  .settings = {},
                                                  .config = {},
                                                  .internal = true});
  return topic;
}

Result<void> check_topic_name(std::string_view name) {
  if (name.empty()) return fail(Code::kInvalid, "Topic name is empty");
  if (name == "." || name == "..") return fail(Code::kInvalid, "Topic name cannot be '.' or '..'");
  if (name.size() > kNameBytesMax) {
    return fail(Code::kInvalid, "Topic name is {} characters long, at most {} are allowed",
                name.size(), kNameBytesMax);
  }
  const bool legal = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (!legal)
    return fail(Code::kInvalid,
                "Topic name has characters other than ASCII letters, digits, '.', '_' and '-'");
  return {};
}

Result<Bytes> encode_catalogue_event(const CatalogueEvent& event, std::int64_t now_ms) {
  std::vector<std::pair<std::string, std::optional<std::string>>> fields = {
      {"ce_type", std::string(kTypes[static_cast<std::size_t>(event.kind)])}};
  if (event.kind == CatalogueEventKind::kProducerIdsReserved) {
    fields.emplace_back("next_producer_id", std::to_string(event.next_producer_id));
  } else if (event.kind != CatalogueEventKind::kPropertiesChanged) {
    fields.emplace_back("topic_id", event.topic_id.text());
    fields.emplace_back("partition_count", std::to_string(event.partition_count));
  }
  if (event.internal) fields.emplace_back("internal", "true");
  for (const auto& [name, value] : event.settings)
    fields.emplace_back(std::string(kSettingPrefix) + name, value);
  for (const auto& [name, value] : event.properties)
    fields.emplace_back(std::string(kPropertyPrefix) + name, value);
  std::vector<HeaderView> headers;
  for (const auto& [key, value] : fields)
    headers.push_back({key, value ? std::optional(as_bytes(*value)) : std::nullopt});
  BatchBuilder builder;
  STELE_DO(builder.add(
      {.key = event.topic_name.empty() ? std::nullopt : std::optional(as_bytes(event.topic_name)),
       .value = std::nullopt,
       .headers = headers,
       .timestamp_ms = now_ms}));
  return builder.finish();
}

Result<std::vector<CatalogueEvent>> decode_catalogue_events(ByteView batch) {
  STELE_TRY(const BatchHeader header, parse_batch_header(batch));
  RecordReader reader(header, batch.subspan(kBatchHeaderBytes));
  std::vector<CatalogueEvent> events;
  while (reader.next()) {
    CatalogueEvent event{};
    if (reader.record().key) event.topic_name = as_text(*reader.record().key);
    HeaderReader headers(reader.record().headers);
    while (headers.next()) STELE_DO(read_header(event, headers.header()));
    STELE_DO(headers.finish());
    events.push_back(std::move(event));
  }
  STELE_DO(reader.finish());
  return events;
}

Result<void> Catalogue::apply(const CatalogueEvent& event) {
  if (event.kind == CatalogueEventKind::kProducerIdsReserved) {
    next_producer_id_ = std::max(next_producer_id_, event.next_producer_id);
    return {};
  }
  if (event.kind == CatalogueEventKind::kPropertiesChanged) {
    put_properties(event.properties);
    return {};
  }
  const TopicPtr before = find(event.topic_name);
  if ((event.kind == CatalogueEventKind::kTopicCreated) != (before == nullptr)) {
    return fail(Code::kCorrupt, "catalogue: topic {} is created or changed out of turn",
                event.topic_name);
  }
  if (event.kind == CatalogueEventKind::kTopicDeleted) {
    partition_count_ -= before->partition_count;
    deleted_.emplace(before->id, before->name);
    by_id_.erase(before->id);
    by_name_.erase(event.topic_name);
    return {};
  }
  STELE_TRY(const TopicConfig config, TopicConfig::parse(event.settings));
  auto topic = std::make_shared<const TopicInfo>(
      TopicInfo{.name = event.topic_name,
                .id = event.topic_id,
                .partition_count = event.partition_count,
                .settings = event.settings,
                .config = config,
                .internal = before ? before->internal : event.internal});
  partition_count_ += topic->partition_count - (before ? before->partition_count : 0);
  by_id_[topic->id] = topic;
  by_name_[topic->name] = std::move(topic);
  return {};
}

Result<void> Catalogue::apply_batch(ByteView batch) {
  STELE_TRY(const auto events, decode_catalogue_events(batch));
  for (const CatalogueEvent& event : events) STELE_DO(apply(event));
  return {};
}

void Catalogue::put_properties(const PropertyChanges& changes) {
  for (const auto& [name, value] : changes) {
    if (value) {
      properties_.insert_or_assign(name, *value);
    } else {
      properties_.erase(name);
    }
  }
}

TopicPtr Catalogue::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

TopicPtr Catalogue::find(const Uuid& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<TopicPtr> Catalogue::topics() const {
  std::vector<TopicPtr> all;
  for (const auto& [name, topic] : by_name_) all.push_back(topic);
  return all;
}

}  // namespace stele::log
