// StoreImpl's topics: each change is an event of the catalogue, sequenced like any append.
#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/store/store_impl.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::size_t kPropertyBytesMax = 1024;
constexpr std::size_t kPropertiesBytesMax = 16 << 10;
constexpr std::size_t kPropertyOverheadBytes = 32;  // of a record header
constexpr std::size_t kPropertyCountMax = 10'000;

}  // namespace

TopicPtr StoreImpl::find_topic(std::string_view name) const {
  return parts().table.find(name);
}
TopicPtr StoreImpl::find_topic(const Uuid& id) const {
  return parts().table.find(id);
}
std::vector<TopicPtr> StoreImpl::topics() const {
  return parts().table.topics();
}

// The event becomes the operation's one batch.
Result<void> StoreImpl::set_event(Operation& operation, const CatalogueEvent& event) {
  const std::int64_t now_ms = parts().env.wall_us() / kUsPerMs;
  STELE_TRY(Bytes bytes, encode_catalogue_event(event, now_ms));
  auto batch = std::make_shared<const Bytes>(std::move(bytes));
  operation.request.batches = {{.to = {catalogue_id(), 0},
                                .batch = *batch,
                                .min_timestamp_ms = now_ms,
                                .max_timestamp_ms = now_ms}};
  operation.request.owner = std::move(batch);
  return {};
}

Operation StoreImpl::topic_creation(TopicSpec spec, std::shared_ptr<TopicPtr> created) {
  auto event = std::make_shared<CatalogueEvent>();
  event->kind = CatalogueEventKind::kTopicCreated;
  event->topic_name = std::move(spec.name);
  event->partition_count = spec.partition_count;
  event->settings = std::move(spec.settings);
  event->internal = spec.internal;
  Operation operation;
  operation.prepare = [this, event](Operation* self) -> Result<void> {
    StoreParts& parts = core_.parts();
    STELE_DO(check_topic_name(event->topic_name));
    if (event->topic_name == kCatalogueName)
      return fail(Code::kInvalid, "{} is internal", event->topic_name);
    if (event->partition_count < 1) {
      return fail(Code::kInvalid, "a topic has at least 1 partition, not {}",
                  event->partition_count);
    }
    const Catalogue& catalogue = parts.sequencer.catalogue();
    if (catalogue.find(event->topic_name) != nullptr) {
      return fail(Code::kAlreadyExists, "Topic '{}' already exists.", event->topic_name);
    }
    if (catalogue.partition_count() + event->partition_count > parts.options.partition_count_max) {
      return fail(Code::kOverloaded, "the store has {} partitions; partition_count_max is {}",
                  catalogue.partition_count(), parts.options.partition_count_max);
    }
    const auto config = TopicConfig::parse(event->settings);
    if (!config) return std::unexpected(Error{Code::kInvalid, config.error().detail});
    event->topic_id = Uuid::from_random(parts.env.random(), parts.env.random());
    return set_event(*self, *event);
  };
  operation.on_sequenced = [this, event, created] {
    StoreParts& parts = core_.parts();
    const auto applied = parts.sequencer.catalogue().apply(*event);
    STELE_CHECK(applied.has_value());
    *created = parts.sequencer.catalogue().find(event->topic_id);
    parts.sequencer.add_topic(parts.make_topic(*created));
  };
  operation.on_commit = [this, created] {
    if (TopicEntry* topic = core_.parts().sequencer.find_topic((*created)->id))
      core_.parts().table.put(*topic);
  };
  return operation;
}

// Readers that hold the partitions learn that they are gone; the files go with the next checkpoint.
void StoreImpl::forget_topic(const TopicEntry& topic) {
  StoreParts& parts = core_.parts();
  parts.table.remove(topic.info->id);
  parts.streams->remove_topic(topic.info->id);
  for (const PartitionPtr& partition : topic.partitions) {
    partition->set_removed();
    for (const auto& segment : *partition->segments()) {
      parts.files.forget(segment->path());
      parts.files.forget(segment->index_path());
    }
  }
  core_.compactor().remove_topic_folder(topic.info->id);
}

// The name and partition count of the topic that the event is about; the catalogue itself is not to
// be changed.
Result<void> StoreImpl::name_topic(CatalogueEvent& event) {
  const TopicEntry* found = core_.parts().sequencer.find_topic(event.topic_id);
  if (found == nullptr)
    return fail(Code::kNotFound, "topic {} does not exist", event.topic_id.text());
  const bool is_kept = event.kind == CatalogueEventKind::kTopicDeleted && found->info->internal;
  if (is_kept || event.topic_id == catalogue_id())
    return fail(Code::kInvalid, "topic {} is internal", found->info->name);
  event.topic_name = found->info->name;
  event.partition_count = found->info->partition_count;
  return {};
}

Operation StoreImpl::topic_deletion(const Uuid& topic) {
  auto event = std::make_shared<CatalogueEvent>();
  event->kind = CatalogueEventKind::kTopicDeleted;
  event->topic_id = topic;
  auto removed = std::make_shared<TopicEntry>();
  Operation operation;
  operation.prepare = [this, event](Operation* self) -> Result<void> {
    STELE_DO(name_topic(*event));
    return set_event(*self, *event);
  };
  operation.on_sequenced = [this, event, removed] {
    Sequencer& sequencer = core_.parts().sequencer;
    *removed = *sequencer.find_topic(event->topic_id);
    const auto applied = sequencer.catalogue().apply(*event);
    STELE_CHECK(applied.has_value());
    sequencer.remove_topic(event->topic_id);
  };
  operation.on_commit = [this, removed] { forget_topic(*removed); };
  return operation;
}

// Partitions that the topic gets beyond those it has.
Result<void> StoreImpl::check_partition_count(const CatalogueEvent& event,
                                              std::int32_t added) const {
  if (added < 1) {
    return fail(Code::kInvalid,
                "Topic '{}' has {} partitions already; they can only grow in number.",
                event.topic_name, event.partition_count);
  }
  const std::int64_t total = parts().sequencer.catalogue().partition_count();
  if (total + added > parts().options.partition_count_max) {
    return fail(Code::kOverloaded, "the store has {} partitions; partition_count_max is {}", total,
                parts().options.partition_count_max);
  }
  return {};
}

Operation StoreImpl::topic_change(const Uuid& topic, TopicChange change,
                                  std::shared_ptr<TopicPtr> changed) {
  auto event = std::make_shared<CatalogueEvent>();
  event->kind = CatalogueEventKind::kTopicConfigured;
  event->topic_id = topic;
  Operation operation;
  operation.prepare = [this, event, change = std::move(change)](Operation* self) -> Result<void> {
    STELE_DO(name_topic(*event));
    event->settings = change.settings
                          ? *change.settings
                          : core_.parts().sequencer.find_topic(event->topic_id)->info->settings;
    const auto config = TopicConfig::parse(event->settings);
    if (!config) return std::unexpected(Error{Code::kInvalid, config.error().detail});
    const TopicInfo& before = *core_.parts().sequencer.find_topic(event->topic_id)->info;
    if (config->indexed != before.config.indexed)
      return fail(Code::kInvalid, "stele.index is said when a topic is created, for good");
    if (change.partition_count != 0) {
      STELE_DO(check_partition_count(*event, change.partition_count - event->partition_count));
      event->partition_count = change.partition_count;
    }
    return set_event(*self, *event);
  };
  operation.on_sequenced = [this, event, changed] {
    StoreParts& parts = core_.parts();
    const auto applied = parts.sequencer.catalogue().apply(*event);
    STELE_CHECK(applied.has_value());
    *changed = parts.sequencer.catalogue().find(event->topic_id);
    TopicEntry& topic_entry = *parts.sequencer.find_topic(event->topic_id);
    topic_entry.info = *changed;
    parts.add_partitions(topic_entry);
  };
  operation.on_commit = [this, changed] {
    if (TopicEntry* topic_entry = core_.parts().sequencer.find_topic((*changed)->id)) {
      core_.parts().table.put(*topic_entry);
    }
  };
  return operation;
}

Operation StoreImpl::producer_reservation(std::int32_t count, std::shared_ptr<std::int64_t> first) {
  auto event = std::make_shared<CatalogueEvent>();
  event->kind = CatalogueEventKind::kProducerIdsReserved;
  Operation operation;
  operation.prepare = [this, event, count, first](Operation* self) -> Result<void> {
    if (count < 1)
      return fail(Code::kInvalid, "at least one producer id is reserved, not {}", count);
    *first = core_.parts().sequencer.catalogue().next_producer_id();
    event->next_producer_id = *first + count;
    return set_event(*self, *event);
  };
  operation.on_sequenced = [this, event] {
    const auto applied = core_.parts().sequencer.catalogue().apply(*event);
    STELE_CHECK(applied.has_value());
  };
  return operation;
}

Result<TopicPtr> StoreImpl::create_topic(const TopicSpec& spec) {
  auto created = std::make_shared<TopicPtr>();
  STELE_DO(run_blocking(topic_creation(spec, created)));
  return *created;
}

void StoreImpl::submit_topic_operation(Operation operation, std::shared_ptr<TopicPtr> topic,
                                       TopicDone done) {
  operation.done = [topic = std::move(topic),
                    done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    if (result) {
      done(*topic);
    } else {
      done(std::unexpected(result.error()));
    }
  };
  enqueue(std::move(operation));
}

void StoreImpl::create_topic_async(TopicSpec spec, TopicDone done) {
  auto created = std::make_shared<TopicPtr>();
  submit_topic_operation(topic_creation(std::move(spec), created), created, std::move(done));
}

Result<void> StoreImpl::delete_topic(const Uuid& topic) {
  STELE_DO(run_blocking(topic_deletion(topic)));
  return {};
}

void StoreImpl::delete_topic_async(const Uuid& topic, Done done) {
  Operation operation = topic_deletion(topic);
  operation.done = [done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    done(result ? Result<void>{} : std::unexpected(result.error()));
  };
  enqueue(std::move(operation));
}

Result<TopicPtr> StoreImpl::configure_topic(const Uuid& topic, const TopicSettings& settings) {
  auto changed = std::make_shared<TopicPtr>();
  STELE_DO(run_blocking(topic_change(topic, {.settings = settings}, changed)));
  return *changed;
}

void StoreImpl::configure_topic_async(const Uuid& topic, TopicSettings settings, TopicDone done) {
  auto changed = std::make_shared<TopicPtr>();
  submit_topic_operation(topic_change(topic, {.settings = std::move(settings)}, changed), changed,
                         std::move(done));
}

Result<TopicPtr> StoreImpl::add_partitions(const Uuid& topic, std::int32_t partition_count) {
  auto changed = std::make_shared<TopicPtr>();
  STELE_DO(run_blocking(topic_change(topic, {.partition_count = partition_count}, changed)));
  return *changed;
}

void StoreImpl::add_partitions_async(const Uuid& topic, std::int32_t partition_count,
                                     TopicDone done) {
  auto changed = std::make_shared<TopicPtr>();
  submit_topic_operation(topic_change(topic, {.partition_count = partition_count}, changed),
                         changed, std::move(done));
}

void StoreImpl::put_properties_async(PropertyChanges changes, Done done) {
  std::size_t bytes = 0;
  bool legal = !changes.empty();
  for (const auto& [name, value] : changes) {
    const std::size_t value_bytes = value ? value->size() : 0;
    legal = legal && !name.empty() && name.size() <= kPropertyBytesMax &&
            value_bytes <= kPropertyBytesMax;
    bytes += name.size() + value_bytes + kPropertyOverheadBytes;
  }
  if (!legal || bytes > kPropertiesBytesMax) {
    return done(fail(Code::kInvalid,
                     "property names have 1 to {0} bytes, values at most {0}, and one change {1}",
                     kPropertyBytesMax, kPropertiesBytesMax));
  }
  auto event = std::make_shared<CatalogueEvent>();
  event->kind = CatalogueEventKind::kPropertiesChanged;
  event->properties = std::move(changes);
  Operation operation;
  operation.control_bytes_max = kControlBytesMax + bytes;
  operation.prepare = [this, event](Operation* self) -> Result<void> {
    if (core_.parts().sequencer.catalogue().properties().size() + event->properties.size() >
        kPropertyCountMax) {
      return fail(Code::kOverloaded, "there are {} properties already", kPropertyCountMax);
    }
    return set_event(*self, *event);
  };
  operation.on_sequenced = [this, event] {
    const auto applied = core_.parts().sequencer.catalogue().apply(*event);
    STELE_CHECK(applied.has_value());
  };
  operation.on_commit = [this] {
    properties_ =
        std::make_shared<const Properties>(core_.parts().sequencer.catalogue().properties());
  };
  operation.done = [done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    done(result ? Result<void>{} : std::unexpected(result.error()));
  };
  enqueue(std::move(operation));
}

Result<std::int64_t> StoreImpl::reserve_producer_ids(std::int32_t count) {
  auto first = std::make_shared<std::int64_t>();
  STELE_DO(run_blocking(producer_reservation(count, first)));
  return *first;
}

void StoreImpl::reserve_producer_ids_async(
    std::int32_t count, std::move_only_function<void(Result<std::int64_t>)> done) {
  auto first = std::make_shared<std::int64_t>();
  Operation operation = producer_reservation(count, first);
  operation.done = [first, done = std::move(done)](const Result<AppendOutcome>& result) mutable {
    if (result) {
      done(*first);
    } else {
      done(std::unexpected(result.error()));
    }
  };
  enqueue(std::move(operation));
}

}  // namespace stele::log
