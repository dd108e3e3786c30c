// Offsets: committed, fetched, deleted, expired.
#include <algorithm>

#include "log/base/fail.h"
#include "server/core/log.h"
#include "server/groups/coordinator.h"

namespace stele::groups {

using kafka::ErrorCode;

namespace {

constexpr std::int16_t kTopicIdsFrom = 10;      // of OffsetCommit and OffsetFetch
constexpr std::int16_t kGroupNotFoundFrom = 9;  // of OffsetCommit

kafka::OffsetFetchResponsePartition fetched(std::int32_t partition, const CommittedOffset* offset) {
  kafka::OffsetFetchResponsePartition answered;
  answered.partition = partition;
  answered.committed_offset = -1;
  if (offset == nullptr) return answered;
  answered.committed_offset = offset->offset;
  answered.committed_leader_epoch = offset->leader_epoch;
  answered.metadata = offset->metadata;
  return answered;
}

ErrorCode commit_error(const Error& error) {
  const bool is_final = error.code == Code::kTooLarge || error.code == Code::kInvalid;
  return is_final ? ErrorCode::kInvalidCommitOffsetSize : ErrorCode::kCoordinatorNotAvailable;
}

/// Those that exist.
std::vector<TopicPartition> places_of(const log::Store& store,
                                      const kafka::OffsetCommitRequest& request,
                                      std::int16_t version) {
  std::vector<TopicPartition> places;
  for (const kafka::OffsetCommitRequestTopic& topic : request.topics) {
    const log::TopicPtr found =
        version >= kTopicIdsFrom ? store.find_topic(topic.topic_id) : store.find_topic(topic.name);
    if (!found) continue;
    for (const auto& partition : topic.partitions)
      places.push_back({found->id, partition.partition});
  }
  return places;
}

}  // namespace

/// A commit on its way to the disk.
struct Coordinator::Commit {
  struct Row {
    std::size_t topic = 0;  ///< where its answer stands
    std::size_t partition = 0;
    std::string name;
    CommittedOffset offset;
  };
  GroupRef group;
  kafka::OffsetCommitResponse response;
  std::vector<Row> rows;
  std::vector<GroupRecord> records;  ///< one for each row
  std::size_t new_count = 0;         ///< partitions without an offset so far
  CommitDone done;
};

ErrorCode Coordinator::check_commit(const kafka::OffsetCommitRequest& request,
                                    std::int16_t version) {
  if (!ready()) return ErrorCode::kCoordinatorNotAvailable;
  Group* group = find(request.group_id);
  if (group != nullptr && group->classic) return group->classic->check_commit(request);
  if (group != nullptr && group->consumers) {
    if (group->is_ahead) return ErrorCode::kCoordinatorNotAvailable;
    return group->consumers->check_commit(request.member_id, request.generation_id_or_member_epoch,
                                          version, places_of(store_, request, version));
  }
  // Nobody's: an administrator's or a consumer's that assigns partitions itself.
  if (request.generation_id_or_member_epoch >= 0) {
    return version >= kGroupNotFoundFrom ? ErrorCode::kGroupIdNotFound
                                         : ErrorCode::kIllegalGeneration;
  }
  if (group == nullptr) group = make(request.group_id);
  if (group == nullptr) return ErrorCode::kInvalidCommitOffsetSize;
  group->classic = std::make_unique<ClassicGroup>(group->id, host(), settings_);
  return ErrorCode::kNone;
}

void Coordinator::commit(const kafka::OffsetCommitRequest& request, std::int16_t version,
                         CommitDone done) {
  const ErrorCode error = check_commit(request, version);
  auto commit = std::make_unique<Commit>();
  commit->done = std::move(done);
  Group* group = find(request.group_id);
  for (const kafka::OffsetCommitRequestTopic& topic : request.topics) {
    kafka::OffsetCommitResponseTopic& answered = commit->response.topics.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    answered.partitions.reserve(topic.partitions.size());
    for (const kafka::OffsetCommitRequestPartition& partition : topic.partitions) {
      answered.partitions.push_back({partition.partition, error});
    }
    if (error == ErrorCode::kNone) add_to_commit(*commit, *group, topic, request, version);
  }
  if (commit->rows.empty()) {
    commit->done(commit->response);
    if (group != nullptr) settle(*group);
    return;
  }
  commit->group = ref(*group);
  offset_count_ += commit->new_count;  // until it is known how many there are
  const std::vector<GroupRecord> records = std::move(commit->records);
  append(*group, records,
         [this, commit = std::move(commit)](Result<Offset> base) { finish_commit(*commit, base); });
  settle(*group);
}

void Coordinator::add_to_commit(Commit& commit, const Group& group,
                                const kafka::OffsetCommitRequestTopic& topic,
                                const kafka::OffsetCommitRequest& request, std::int16_t version) {
  const bool by_id = version >= kTopicIdsFrom;
  const log::TopicPtr found =
      by_id ? store_.find_topic(topic.topic_id) : store_.find_topic(topic.name);
  const std::size_t topic_index = commit.response.topics.size() - 1;
  const std::int64_t now_ms = wall_ms();
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    const kafka::OffsetCommitRequestPartition& asked = topic.partitions[i];
    ErrorCode& error = commit.response.topics[topic_index].partitions[i].error_code;
    const std::string_view metadata = asked.committed_metadata.value_or("");
    const bool is_new = !found || group.offsets.find(found->name, asked.partition) == nullptr;
    if (!found) {
      error = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    } else if (asked.partition < 0 || asked.partition >= found->partition_count) {
      error = ErrorCode::kUnknownTopicOrPartition;
    } else if (metadata.size() > static_cast<std::size_t>(settings_.metadata_bytes_max)) {
      error = ErrorCode::kOffsetMetadataTooLarge;
    } else if (is_new && offset_count_ + commit.new_count >= settings_.offset_count_max) {
      error = ErrorCode::kInvalidCommitOffsetSize;
    }
    if (error != ErrorCode::kNone) continue;
    CommittedOffset offset{.offset = asked.committed_offset,
                           .leader_epoch = asked.committed_leader_epoch,
                           .metadata = std::string(metadata),
                           .commit_ms = now_ms,
                           .topic_id = found->id};
    if (request.retention_time_ms >= 0) offset.expire_ms = now_ms + request.retention_time_ms;
    auto record = offset_record({group.id, found->name, asked.partition},
                                {.offset = offset.offset,
                                 .leader_epoch = offset.leader_epoch,
                                 .metadata = offset.metadata,
                                 .commit_timestamp = offset.commit_ms,
                                 .expire_timestamp = offset.expire_ms,
                                 .topic_id = offset.topic_id});
    if (!record) {
      error = commit_error(record.error());
      continue;
    }
    commit.new_count += is_new ? 1 : 0;
    commit.records.push_back(*std::move(record));
    commit.rows.push_back({topic_index, i, found->name, std::move(offset)});
  }
}

void Coordinator::finish_commit(Commit& commit, const Result<Offset>& base) {
  Group& group = *find(commit.group);
  offset_count_ -= commit.new_count;
  if (!base) {
    refused_count_ += static_cast<std::int64_t>(commit.rows.size());
    for (const Commit::Row& row : commit.rows) {
      commit.response.topics[row.topic].partitions[row.partition].error_code =
          commit_error(base.error());
    }
    return commit.done(commit.response);
  }
  offset_count_ -= group.offsets.count();
  for (std::size_t i = 0; i < commit.rows.size(); ++i) {
    Commit::Row& row = commit.rows[i];
    row.offset.written_at = base->next(static_cast<std::int64_t>(i));
    group.offsets.put(row.name,
                      commit.response.topics[row.topic].partitions[row.partition].partition,
                      std::move(row.offset));
  }
  offset_count_ += group.offsets.count();
  committed_count_ += static_cast<std::int64_t>(commit.rows.size());
  commit.done(commit.response);
}

/// Offsets of a topic that has gone, or has been made anew under the same name, are nobody's.
bool Coordinator::is_current(const CommittedOffset& offset, const log::TopicPtr& topic) const {
  return offset.topic_id.is_zero() || (topic != nullptr && topic->id == offset.topic_id);
}

void Coordinator::fetch(const kafka::OffsetFetchRequestGroup& request, std::int16_t version,
                        FetchDone done) {
  kafka::OffsetFetchResponseGroup response;
  response.group_id = request.group_id;
  Group* group = find(request.group_id);
  if (!ready()) {
    response.error_code = ErrorCode::kCoordinatorNotAvailable;
  } else if (group != nullptr && group->consumers) {
    response.error_code =
        group->is_ahead ? ErrorCode::kCoordinatorNotAvailable
                        : group->consumers->check_fetch(request.member_id, request.member_epoch);
  }
  if (response.error_code != ErrorCode::kNone) return done(std::move(response));
  if (group == nullptr || group->writing.empty()) {
    fill(response, group, request.topics ? wanted_of(*request.topics, version) : all_of(group),
         version);
    return done(std::move(response));
  }
  // A client that commits and asks at once gets what it has committed.
  auto wanted = request.topics ? std::optional(wanted_of(*request.topics, version)) : std::nullopt;
  after_writes(*group, [this, which = ref(*group), version, wanted = std::move(wanted),
                        response = std::move(response), done = std::move(done)]() mutable {
    const Group* written = find(which);
    fill(response, written, wanted ? std::move(*wanted) : all_of(written), version);
    done(std::move(response));
  });
}

std::vector<Coordinator::WantedTopic> Coordinator::wanted_of(
    const std::vector<kafka::OffsetFetchRequestTopic>& topics, std::int16_t version) const {
  std::vector<WantedTopic> wanted;
  for (const kafka::OffsetFetchRequestTopic& asked : topics) {
    WantedTopic& topic = wanted.emplace_back();
    const bool by_id = version >= kTopicIdsFrom;
    const log::TopicPtr found =
        by_id ? store_.find_topic(asked.topic_id) : store_.find_topic(asked.name);
    topic.name = by_id ? (found ? found->name : std::string()) : std::string(asked.name);
    topic.id = by_id ? asked.topic_id : (found ? found->id : Uuid());
    topic.is_there = found != nullptr;
    topic.partitions = asked.partition_indexes;
  }
  return wanted;
}

std::vector<Coordinator::WantedTopic> Coordinator::all_of(const Group* group) const {
  std::vector<WantedTopic> wanted;
  if (group == nullptr) return wanted;
  for (const auto& [name, partitions] : group->offsets.topics()) {
    const log::TopicPtr found = store_.find_topic(name);
    WantedTopic topic{.name = name, .id = found ? found->id : Uuid(), .is_there = found != nullptr};
    for (const auto& [partition, offset] : partitions) {
      if (is_current(offset, found)) topic.partitions.push_back(partition);
    }
    if (!topic.partitions.empty()) wanted.push_back(std::move(topic));
  }
  return wanted;
}

void Coordinator::fill(kafka::OffsetFetchResponseGroup& response, const Group* group,
                       const std::vector<WantedTopic>& wanted, std::int16_t version) const {
  for (const WantedTopic& topic : wanted) {
    const log::TopicPtr found = topic.is_there ? store_.find_topic(topic.id) : nullptr;
    kafka::OffsetFetchResponseTopic& answered = response.topics.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.id;
    for (const std::int32_t partition : topic.partitions) {
      const CommittedOffset* offset =
          group == nullptr ? nullptr : group->offsets.find(topic.name, partition);
      if (offset != nullptr && !is_current(*offset, found)) offset = nullptr;
      answered.partitions.push_back(fetched(partition, offset));
      const bool is_unknown = version >= kTopicIdsFrom && !found;
      if (is_unknown) answered.partitions.back().error_code = ErrorCode::kUnknownTopicId;
    }
  }
}

void Coordinator::delete_offsets(const kafka::OffsetDeleteRequest& request, OffsetDeleteDone done) {
  kafka::OffsetDeleteResponse response;
  Group* group = find(request.group_id);
  if (request.group_id.empty()) {
    response.error_code = ErrorCode::kInvalidGroupId;
  } else if (!ready()) {
    response.error_code = ErrorCode::kCoordinatorNotAvailable;
  } else if (group == nullptr || (!group->classic && !group->consumers)) {
    response.error_code = ErrorCode::kGroupIdNotFound;
  } else if (group->classic && !group->classic->empty() &&
             group->classic->protocol_type() != "consumer") {
    response.error_code = ErrorCode::kNonEmptyGroup;
  }
  if (response.error_code != ErrorCode::kNone) return done(response);
  std::vector<OffsetPlace> places;
  for (const kafka::OffsetDeleteRequestTopic& topic : request.topics) {
    kafka::OffsetDeleteResponseTopic& answered = response.topics.emplace_back();
    answered.name = topic.name;
    const bool is_subscribed = is_subscribed_to(*group, topic.name);
    const log::TopicPtr found = store_.find_topic(topic.name);
    for (const auto& [partition] : topic.partitions) {
      kafka::OffsetDeleteResponsePartition& row = answered.partitions.emplace_back();
      row.partition = partition;
      if (!found || partition < 0 || partition >= found->partition_count) {
        row.error_code = ErrorCode::kUnknownTopicOrPartition;
      } else if (is_subscribed) {
        row.error_code = ErrorCode::kGroupSubscribedToTopic;
      } else if (group->offsets.find(topic.name, partition) != nullptr) {
        places.push_back({std::string(topic.name), partition});
      }
    }
  }
  if (places.empty()) return done(response);
  erase_offsets(*group, std::move(places), false,
                [response = std::move(response), done = std::move(done)](ErrorCode error) mutable {
                  response.error_code = error;
                  if (error != ErrorCode::kNone) response.topics.clear();
                  done(response);
                });
}

bool Coordinator::is_subscribed_to(const Group& group, std::string_view topic) {
  return group.classic ? group.classic->subscribes_to(topic)
                       : group.consumers->subscribes_to(topic);
}

/// Tombstones for the offsets and, if asked, for the group; gone when they are durable.
void Coordinator::erase_offsets(Group& group, std::vector<OffsetPlace> places, bool and_group,
                                ErrorDone done) {
  std::vector<GroupRecord> records;
  const auto add = [&records](Result<GroupRecord> record) {
    if (record) records.push_back(*std::move(record));
  };
  for (const OffsetPlace& place : places) {
    add(offset_tombstone({group.id, place.topic, place.partition}));
  }
  if (and_group && group.consumers) {
    group.consumers->erase(records);
  } else if (and_group) {
    add(group_tombstone(group.id));
  }
  topic_.append_tombstones(
      group.id, std::move(records),
      then(group, [this, which = ref(group), places = std::move(places),
                   done = std::move(done)](const Result<Offset>& appended) mutable {
        if (!appended) return done(commit_error(appended.error()));
        forget_offsets(*find(which), places, *appended);
        done(ErrorCode::kNone);
      }));
}

void Coordinator::forget_offsets(Group& group, const std::vector<OffsetPlace>& places,
                                 Offset written_at) {
  offset_count_ -= group.offsets.count();
  for (const OffsetPlace& place : places) {
    group.offsets.erase(place.topic, place.partition, written_at);
  }
  offset_count_ += group.offsets.count();
}

void Coordinator::on_topic_deleted(std::string_view name) {
  on_topic_changed(name);
  if (!topic_.is_there()) return;
  for (auto& [id, group] : groups_) {
    const auto found = group.offsets.topics().find(name);
    if (found == group.offsets.topics().end()) continue;
    std::vector<OffsetPlace> places;
    for (const auto& [partition, offset] : found->second) {
      places.push_back({std::string(name), partition});
    }
    erase_offsets(group, std::move(places), false, [](ErrorCode) {});
  }
}

// --- retention

bool Coordinator::is_expired(const Group& group, std::string_view topic,
                             const CommittedOffset& offset, std::int64_t now_ms) const {
  if (!is_current(offset, store_.find_topic(topic))) return true;
  if (group.consumers) {
    if (group.consumers->subscribes_to(topic)) return false;
    return now_ms - offset.commit_ms >= settings_.retention_ms;
  }
  const ClassicGroup& classic = *group.classic;
  std::int64_t since_ms = offset.commit_ms;
  if (!classic.protocol_type().empty()) {
    if (classic.empty()) {
      if (classic.state_since_ms() >= 0) since_ms = classic.state_since_ms();
    } else if (classic.protocol_type() != "consumer" || classic.state() != ClassicState::kStable ||
               classic.subscribes_to(topic)) {
      return false;  // in use
    }
  }
  if (offset.expire_ms >= 0) return now_ms >= offset.expire_ms;
  return now_ms - since_ms >= settings_.retention_ms;
}

void Coordinator::check_retention() {
  retention_timer_ =
      timers_.add(env_.now() + std::chrono::milliseconds(settings_.retention_check_ms),
                  [this] { check_retention(); });
  if (!ready()) return;
  const std::int64_t now_ms = wall_ms();
  std::vector<GroupRef> all;
  for (const auto& [id, group] : groups_) all.push_back(ref(group));
  for (const GroupRef& which : all) {
    Group* group = find(which);
    // What is being written is newer than anything that could expire: look again next time.
    if (group != nullptr && group->writing.empty()) check_retention_of(*group, now_ms);
  }
}

void Coordinator::check_retention_of(Group& group, std::int64_t now_ms) {
  if (group.is_ahead || (!group.classic && !group.consumers)) return;
  std::vector<OffsetPlace> expired;
  for (const auto& [topic, partitions] : group.offsets.topics()) {
    for (const auto& [partition, offset] : partitions) {
      if (is_expired(group, topic, offset, now_ms)) expired.push_back({topic, partition});
    }
  }
  expired_count_ += static_cast<std::int64_t>(expired.size());
  const bool all = expired.size() == group.offsets.count();
  if (all && is_unused(group)) {
    erase_group(group, std::move(expired), [](ErrorCode) {});
  } else if (!expired.empty()) {
    erase_offsets(group, std::move(expired), false, [](ErrorCode) {});
  }
}

bool Coordinator::is_unused(const Group& group) {
  return group.classic ? group.classic->unused() : group.consumers->member_count() == 0;
}

/// The group with all its offsets; it stays if somebody joins meanwhile.
void Coordinator::erase_group(Group& group, std::vector<OffsetPlace> places, ErrorDone done) {
  const bool is_classic = group.classic != nullptr;
  const std::int32_t generation = is_classic ? group.classic->generation() : 0;
  erase_offsets(group, std::move(places), true,
                [this, which = ref(group), is_classic, generation,
                 done = std::move(done)](ErrorCode error) mutable {
                  Group& erased = *find(which);
                  const bool is_same = is_classic && erased.classic && is_unused(erased) &&
                                       erased.classic->generation() == generation;
                  if (error == ErrorCode::kNone && is_same) erased.classic.reset();
                  // settle() forgets what is left
                  done(error);
                });
  if (!is_classic) group.consumers.reset();
}

}  // namespace stele::groups
