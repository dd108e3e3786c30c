// Groups of KIP-848. Their state moves first and is written then, so every answer waits for the
// writes before it; if one is refused the group is read back from the log.
#include "log/base/fail.h"
#include "server/core/log.h"
#include "server/groups/coordinator.h"

namespace stele::groups {

using kafka::ErrorCode;

namespace {

kafka::ConsumerGroupHeartbeatResponse refused(ErrorCode error, std::string message) {
  kafka::ConsumerGroupHeartbeatResponse response;
  response.error_code = error;
  response.error_message = std::move(message);
  return response;
}

}  // namespace

ConsumerGroupConfig Coordinator::consumer_config(std::string_view group_id) const {
  ConsumerGroupConfig config = settings_.consumers;
  const auto member_count_max = static_cast<std::int32_t>(settings_.member_count_max);
  config.member_count_max = std::min(config.member_count_max, member_count_max);
  if (consumer_overrides_) consumer_overrides_(group_id, config);
  return config;
}

std::unique_ptr<ConsumerGroup> Coordinator::make_consumers(const std::string& id) const {
  return std::make_unique<ConsumerGroup>(id, visible_topics_, consumer_config(id));
}

void Coordinator::on_group_configured(std::string_view group_id) {
  Group* group = find(group_id);
  if (group != nullptr && group->consumers) {
    group->consumers->set_config(consumer_config(group_id));
  }
}

/// Sees to it that the group is one of KIP-848; an empty classic one becomes it.
std::optional<ErrorCode> Coordinator::prepare_consumers(
    const kafka::ConsumerGroupHeartbeatRequest& request, std::vector<GroupRecord>& records) {
  Group* group = find(request.group_id);
  if (group != nullptr && group->consumers) return std::nullopt;
  const bool joins = request.member_epoch == 0;
  const bool is_taken = group != nullptr && group->classic && !group->classic->empty();
  if (!joins || is_taken) return ErrorCode::kGroupIdNotFound;
  if (group == nullptr) group = make(request.group_id);
  if (group == nullptr) return ErrorCode::kGroupMaxSizeReached;
  if (group->classic && group->classic->generation() > 0) {
    if (auto tombstone = group_tombstone(group->id)) records.push_back(*std::move(tombstone));
  }
  group->consumers = make_consumers(group->id);
  return std::nullopt;
}

void Coordinator::heartbeat(const kafka::ConsumerGroupHeartbeatRequest& request,
                            const HeartbeatContext& context, HeartbeatDone done) {
  if (!ready()) return done(refused(ErrorCode::kCoordinatorNotAvailable, "not ready"));
  if (auto refusal = refuse_heartbeat(request, context.version)) return done(*refusal);
  std::vector<GroupRecord> records;
  if (const auto error = prepare_consumers(request, records)) {
    return done(refused(*error, fmt::format("Group {} is not a consumer group that exists or may "
                                            "be made.",
                                            request.group_id)));
  }
  Group& group = *find(request.group_id);
  if (group.is_ahead) {
    return done(refused(ErrorCode::kCoordinatorNotAvailable, "a write of the group has failed"));
  }
  HeartbeatContext now = context;
  now.now = {.steady = env_.now(), .wall_ms = wall_ms()};
  now.fresh_id = Uuid::from_random(env_.random(), env_.random());
  kafka::ConsumerGroupHeartbeatResponse response =
      group.consumers->heartbeat(request, now, records);
  if (response.error_code != ErrorCode::kNone) {
    if (group.consumers->is_blank()) group.consumers.reset();
    settle(group);
    return done(response);
  }
  group.classic.reset();
  append_consumers(group, records);
  after_writes(group, [this, which = ref(group), response = std::move(response),
                       done = std::move(done)]() mutable {
    const Group* answered = find(which);
    const bool is_lost = answered == nullptr || answered->is_ahead;
    done(is_lost ? refused(ErrorCode::kCoordinatorNotAvailable, "a write of the group has failed")
                 : response);
  });
  settle(group);
}

void Coordinator::leave_consumers(Group& group, const kafka::LeaveGroupRequest& request,
                                  LeaveDone done) {
  kafka::LeaveGroupResponse lost;
  lost.error_code = ErrorCode::kCoordinatorNotAvailable;
  if (group.is_ahead) return done(lost);
  std::vector<GroupRecord> records;
  kafka::LeaveGroupResponse response = group.consumers->remove(request, records);
  append_consumers(group, records);
  after_writes(group, [this, which = ref(group), response = std::move(response),
                       lost = std::move(lost), done = std::move(done)]() mutable {
    const Group* answered = find(which);
    done(answered == nullptr || answered->is_ahead ? lost : response);
  });
  settle(group);
}

void Coordinator::append_consumers(Group& group, std::span<const GroupRecord> records) {
  if (records.empty()) return;
  append(group, records, [this, which = ref(group)](const Result<Offset>& appended) {
    if (appended) return;
    report_refused(which.id, appended.error());
    find(which)->is_ahead = true;
  });
}

void Coordinator::drop_consumers(Group& group) {
  std::vector<GroupRecord> records;
  group.consumers->erase(records);
  append_consumers(group, records);
  group.consumers.reset();
}

/// From the log, as if the service had just started.
void Coordinator::reload(Group& group) {
  Loading loading;
  group.consumers.reset();
  group.classic.reset();
  const Result<void> read = topic_.read(
      topic_.partition_of(group.id), [&](Offset at, ByteView key, std::optional<ByteView> value) {
        const Result<RecordKey> known = read_record_key(key);
        const bool is_its = known && known->group == group.id && known->kind >= kGroupKind;
        if (is_its) fold(loading, at, key, value);
      });
  if (!read) {
    server::log_error("group_unreadable group={} reason=\"{}\"", group.id, read.error().text());
    return;  // it stays `is_ahead`, and is tried again with the next write that is answered
  }
  finish_loading(loading);
  if (group.consumers) group.consumers->loaded(env_.now());
  if (!group.classic && !group.consumers) {
    group.classic = std::make_unique<ClassicGroup>(group.id, host(), settings_);
  }
  group.is_ahead = false;
}

void Coordinator::on_topic_changed(std::string_view name) {
  for (auto& [id, group] : groups_) {
    if (group.consumers) group.consumers->topics_changed(std::span(&name, 1));
  }
}

kafka::DescribedConsumerGroup Coordinator::describe_consumers(std::string_view group_id) const {
  kafka::DescribedConsumerGroup described;
  described.group_id = group_id;
  const Group* group = find(group_id);
  if (!ready()) {
    described.error_code = ErrorCode::kCoordinatorNotAvailable;
  } else if (group == nullptr || !group->consumers) {
    described.error_code = ErrorCode::kGroupIdNotFound;
    described.error_message = group == nullptr
                                  ? fmt::format("Group {} not found.", group_id)
                                  : fmt::format("Group {} is not a consumer group.", group_id);
  } else {
    return group->consumers->describe();
  }
  return described;
}

}  // namespace stele::groups
