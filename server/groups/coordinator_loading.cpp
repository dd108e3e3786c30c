// The coordinator as a fold of `__consumer_offsets`.
#include <map>

#include "log/base/fail.h"
#include "server/core/log.h"
#include "server/groups/coordinator.h"

namespace stele::groups {

Result<void> Coordinator::load() {
  if (!topic_.is_there()) return {};
  for (std::int32_t partition = 0; partition < topic_.partition_count(); ++partition) {
    Loading loading;
    STELE_DO(topic_.read(partition, [&](Offset at, ByteView key, std::optional<ByteView> value) {
      fold(loading, at, key, value);
    }));
    finish_loading(loading);
  }
  std::vector<GroupRef> loaded;
  for (auto& [id, group] : groups_) {
    offset_count_ += group.offsets.count();
    if (group.consumers) group.consumers->loaded(env_.now());
    if (!group.classic && !group.consumers)
      group.classic = std::make_unique<ClassicGroup>(id, host(), settings_);
    loaded.push_back(ref(group));
  }
  for (const GroupRef& which : loaded) settle(*find(which));
  return {};
}

void Coordinator::fold(Loading& loading, Offset at, ByteView key, std::optional<ByteView> value) {
  const Result<RecordKey> known = read_record_key(key);
  if (!known) {
    ++loading.unreadable;
  } else if (known->kind == kOffsetKind || known->kind == kLegacyOffsetKind) {
    fold_offset(loading, at, key, value);
  } else if (known->kind == kGroupKind && value) {
    // A classic group: what there was of another kind before it is gone.
    if (Group* group = find(known->group)) group->consumers.reset();
    loading.classic[std::string(known->group)].assign(value->begin(), value->end());
  } else if (known->kind == kGroupKind) {
    loading.classic.erase(std::string(known->group));
  } else if (is_consumer_record(known->kind)) {
    if (value) loading.classic.erase(std::string(known->group));
    if (!value && find(known->group) == nullptr) return;
    fold_consumers(loading, key, value, known->group);
  }
}

Coordinator::Group& Coordinator::loaded(std::string_view id) {
  if (Group* group = find(id)) return *group;
  Group& group = groups_[std::string(id)];  // what was acknowledged is kept, limit or not
  group.id = id;
  group.number = ++last_number_;
  return group;
}

void Coordinator::fold_consumers(Loading& loading, ByteView key, std::optional<ByteView> value,
                                 std::string_view group_id) {
  const Result<ConsumerRecordKey> known = read_consumer_key(key);
  Group& group = loaded(group_id);
  if (!group.consumers && !value) return;
  if (!group.consumers) group.consumers = make_consumers(group.id);
  if (!known || !group.consumers->apply(*known, value)) ++loading.unreadable;
  if (group.consumers->is_blank()) group.consumers.reset();
}

void Coordinator::fold_offset(Loading& loading, Offset at, ByteView key,
                              std::optional<ByteView> value) {
  const Result<OffsetCommitKey> place = read_offset_key(key);
  if (!place) {
    ++loading.unreadable;
    return;
  }
  if (!value) {
    if (Group* group = find(place->group)) group->offsets.erase(place->topic, place->partition, at);
    return;
  }
  const Result<OffsetCommitValue> stored = read_offset_value(*value);
  if (!stored) {
    ++loading.unreadable;
    return;
  }
  loaded(place->group)
      .offsets.put(place->topic, place->partition,
                   {.offset = stored->offset,
                    .leader_epoch = stored->leader_epoch,
                    .metadata = std::string(stored->metadata),
                    .commit_ms = stored->commit_timestamp,
                    .expire_ms = stored->expire_timestamp,
                    .topic_id = stored->topic_id,
                    .written_at = at});
}

void Coordinator::finish_loading(Loading& loading) {
  for (const auto& [id, bytes] : loading.classic) {
    const Result<GroupMetadataValue> value = read_group_value(bytes);
    if (!value) {
      ++loading.unreadable;
      continue;
    }
    Group& group = loaded(id);
    group.classic = std::make_unique<ClassicGroup>(id, *value, host(), settings_);
  }
  if (loading.unreadable > 0) {
    server::log_warn("group_records_unreadable count={}", loading.unreadable);
  }
}

}  // namespace stele::groups
