// The catalogue: which topics there are, event sourced. Its events are records of partition 0 of
// the internal topic
// `__stele_catalogue`, which has a fixed id and is read first at start. docs/formats.md lists the
// events.
//
//   key = topic name, header ce_type = stele.topic.created | .configured | .deleted |
//   stele.producer_ids.reserved | stele.properties.changed, the rest in headers (topic_id,
//   partition_count, internal, setting:<name>, next_producer_id, property:<name>); value null
//
// Thread: the core; what it gives out (TopicPtr) is immutable.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "log/base/bytes.h"
#include "log/store/store.h"

namespace stele::log {

inline constexpr std::string_view kCatalogueName = "__stele_catalogue";
/// Bytes "stele.catalogue1".
[[nodiscard]] Uuid catalogue_id();
[[nodiscard]] TopicPtr catalogue_topic();

/// 1 to 249 of [a-zA-Z0-9._-], not "." or "..". kInvalid says what is wrong.
Result<void> check_topic_name(std::string_view name);

enum class CatalogueEventKind : std::uint8_t {
  kTopicCreated,
  kTopicConfigured,
  kTopicDeleted,
  kProducerIdsReserved,
  kPropertiesChanged
};

struct CatalogueEvent {
  CatalogueEventKind kind;
  std::string topic_name;
  Uuid topic_id;
  std::int32_t partition_count = 0;
  bool internal = false;  ///< of a topic's creation
  TopicSettings settings;
  std::int64_t next_producer_id = 0;
  PropertyChanges properties;
};

/// One record batch that holds the event.
[[nodiscard]] Result<Bytes> encode_catalogue_event(const CatalogueEvent& event,
                                                   std::int64_t now_ms);
/// All events of a batch. kCorrupt: not what encode wrote.
[[nodiscard]] Result<std::vector<CatalogueEvent>> decode_catalogue_events(ByteView batch);

/// The fold of the events.
class Catalogue {
public:
  /// kCorrupt if the event does not fit what was before.
  Result<void> apply(const CatalogueEvent& event);
  /// The same of all events of a batch, in order.
  Result<void> apply_batch(ByteView batch);

  [[nodiscard]] TopicPtr find(std::string_view name) const;
  [[nodiscard]] TopicPtr find(const Uuid& id) const;
  /// Deleted topics' folders may be removed; a folder that the catalogue never heard of may not.
  [[nodiscard]] bool was_deleted(const Uuid& id) const { return deleted_.contains(id); }
  [[nodiscard]] std::vector<TopicPtr> topics() const;
  [[nodiscard]] std::int64_t next_producer_id() const { return next_producer_id_; }
  [[nodiscard]] std::int64_t partition_count() const { return partition_count_; }
  [[nodiscard]] const Properties& properties() const { return properties_; }

private:
  void put_properties(const PropertyChanges& changes);

  std::map<std::string, TopicPtr, std::less<>> by_name_;
  std::unordered_map<Uuid, TopicPtr> by_id_;
  std::unordered_map<Uuid, std::string> deleted_;
  std::int64_t next_producer_id_ = 0;
  std::int64_t partition_count_ = 0;
  Properties properties_;
};

}  // namespace stele::log
