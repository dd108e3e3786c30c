#include "server/groups/consumer_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "log/base/check.h"

namespace stele::groups {
namespace {

using kafka::ErrorCode;
using Response = ConsumerGroup::Response;

Response refusal(ErrorCode code, std::string message) {
  return {.error_code = code, .error_message = std::move(message)};
}

bool is_blank_text(std::optional<std::string_view> text) {
  return text && text->find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

/// What Kafka calls a full request: it wants the whole assignment in the answer.
bool is_full(const ConsumerGroup::Request& request) {
  return request.member_epoch == kJoinEpoch ||
         (request.rebalance_timeout_ms != -1 &&
          (request.subscribed_topic_names || request.subscribed_topic_regex) &&
          request.topic_partitions);
}

std::optional<Response> refuse_join(const ConsumerGroup::Request& request) {
  if (request.rebalance_timeout_ms == -1) {
    return refusal(ErrorCode::kInvalidRequest,
                   "RebalanceTimeoutMs must be provided in first request.");
  }
  if (!request.topic_partitions || !request.topic_partitions->empty()) {
    return refusal(ErrorCode::kInvalidRequest, "TopicPartitions must be empty when (re-)joining.");
  }
  if (!request.subscribed_topic_names && !request.subscribed_topic_regex) {
    return refusal(ErrorCode::kInvalidRequest,
                   "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when "
                   "(re-)joining.");
  }
  return std::nullopt;
}

std::optional<Response> refuse_names(const ConsumerGroup::Request& request, std::int16_t version) {
  const bool needs_id =
      version >= 1 || request.member_epoch > 0 || request.member_epoch == kLeaveEpoch;
  if (needs_id && is_blank_text(request.member_id)) {
    return refusal(ErrorCode::kInvalidRequest, "MemberId can't be empty.");
  }
  if (is_blank_text(request.group_id)) {
    return refusal(ErrorCode::kInvalidRequest, "GroupId can't be empty.");
  }
  if (is_blank_text(request.instance_id)) {
    return refusal(ErrorCode::kInvalidRequest, "InstanceId can't be empty.");
  }
  if (is_blank_text(request.rack_id)) {
    return refusal(ErrorCode::kInvalidRequest, "RackId can't be empty.");
  }
  return std::nullopt;
}

std::optional<Response> refuse_regex(std::optional<std::string_view> regex) {
  if (!regex || regex->empty()) return std::nullopt;
  const Result<TopicPattern> compiled = TopicPattern::compile(*regex);
  if (compiled) return std::nullopt;
  return refusal(ErrorCode::kInvalidRegularExpression,
                 fmt::format("SubscribedTopicRegex `{}` is not a valid regular expression: {}.",
                             *regex, compiled.error().detail));
}

kafka::ConsumerGroupAssignment assignment_of(const HeldPartitions& held) {
  kafka::ConsumerGroupAssignment out;
  for (const HeldPartition& partition : held) {
    if (out.topic_partitions.empty() ||
        out.topic_partitions.back().topic_id != partition.place.topic) {
      out.topic_partitions.push_back({.topic_id = partition.place.topic, .partitions = {}});
    }
    out.topic_partitions.back().partitions.push_back(partition.place.partition);
  }
  return out;
}

}  // namespace

std::optional<Response> refuse_heartbeat(const ConsumerGroup::Request& request,
                                         std::int16_t version) {
  if (auto refused = refuse_names(request, version)) return refused;
  if (request.member_epoch == kJoinEpoch) {
    if (auto refused = refuse_join(request)) return refused;
  }
  if (request.member_epoch == kStaticLeaveEpoch && !request.instance_id) {
    return refusal(ErrorCode::kInvalidRequest, "InstanceId can't be null.");
  }
  if (request.member_epoch < kStaticLeaveEpoch) {
    return refusal(ErrorCode::kInvalidRequest, "MemberEpoch is invalid.");
  }
  if (request.server_assignor && !find_assignor(*request.server_assignor)) {
    return refusal(ErrorCode::kUnsupportedAssignor,
                   fmt::format("ServerAssignor {} is not supported. Supported assignors: uniform, "
                               "range.",
                               *request.server_assignor));
  }
  return refuse_regex(request.subscribed_topic_regex);
}

ConsumerGroup::ConsumerGroup(std::string group_id, const GroupTopics& topics,
                             ConsumerGroupConfig config)
    : id_(std::move(group_id)), topics_(topics), config_(config) {}

// ---- who may come in

std::optional<ConsumerGroup::Refusal> ConsumerGroup::check_epoch(const ConsumerMember& member,
                                                                 const Request& request) const {
  const MemberProgress& progress = member.progress;
  const std::int32_t received = request.member_epoch;
  if (received == kJoinEpoch) return std::nullopt;
  if (progress.state == MemberState::kUnknown &&
      (!request.topic_partitions || !request.topic_partitions->empty())) {
    return Refusal{ErrorCode::kFencedMemberEpoch,
                   "The consumer group member is in a unknown state. The member must abandon all "
                   "its partitions and rejoin."};
  }
  if (received == progress.epoch) return std::nullopt;
  // The answer that carried the new epoch may have been lost.
  if (received == progress.previous_epoch && received < progress.epoch &&
      is_covered(request.topic_partitions, progress.assigned)) {
    return std::nullopt;
  }
  return Refusal{
      ErrorCode::kFencedMemberEpoch,
      fmt::format("The consumer group member has a {} member epoch ({}) than the one known by the "
                  "group coordinator ({}). The member must abandon all its partitions and rejoin.",
                  received > progress.epoch ? "greater" : "smaller", received, progress.epoch)};
}

std::expected<ConsumerGroup::Admission, ConsumerGroup::Refusal> ConsumerGroup::admit(
    const Request& request, const HeartbeatContext& context) const {
  const ConsumerMember* member = state_.find(request.member_id);
  const auto count_max = static_cast<std::size_t>(config_.member_count_max);
  if (member_count() >= count_max && member == nullptr) {
    return std::unexpected(
        Refusal{ErrorCode::kGroupMaxSizeReached,
                fmt::format("The consumer group has reached its maximum capacity of {} members.",
                            count_max)});
  }
  Admission admission{.member_id = request.member_id.empty() ? context.fresh_id.text()
                                                             : std::string(request.member_id)};
  if (request.instance_id) return admit_static(request, std::move(admission));
  if (member == nullptr) {
    if (request.member_epoch == kJoinEpoch) return admission;
    return std::unexpected(
        Refusal{ErrorCode::kUnknownMemberId,
                fmt::format("Member {} is not a member of group {}.", request.member_id, id_)});
  }
  if (auto refused = check_epoch(*member, request)) return std::unexpected(*std::move(refused));
  return admission;
}

std::expected<ConsumerGroup::Admission, ConsumerGroup::Refusal> ConsumerGroup::admit_static(
    const Request& request, Admission admission) const {
  const std::string* present_id = state_.find_static(*request.instance_id);
  if (request.member_epoch == kJoinEpoch) {
    if (present_id == nullptr) return admission;
    if (state_.find(*present_id)->progress.epoch != kStaticLeaveEpoch) {
      return std::unexpected(
          Refusal{ErrorCode::kUnreleasedInstanceId,
                  fmt::format("Static member {} with instance id {} cannot join the group because "
                              "the instance id is owned by {} member.",
                              admission.member_id, *request.instance_id, *present_id)});
    }
    admission.replaces = present_id;
    return admission;
  }
  if (present_id == nullptr) {
    return std::unexpected(
        Refusal{ErrorCode::kUnknownMemberId,
                fmt::format("Instance id {} is unknown.", *request.instance_id)});
  }
  if (*present_id != admission.member_id) {
    return std::unexpected(
        Refusal{ErrorCode::kFencedInstanceId,
                fmt::format("Static member {} with instance id {} was fenced by member {}.",
                            admission.member_id, *request.instance_id, *present_id)});
  }
  const bool leaves = request.member_epoch < kJoinEpoch;
  if (leaves) return admission;
  if (auto refused = check_epoch(*state_.find(*present_id), request)) {
    return std::unexpected(*std::move(refused));
  }
  return admission;
}

// ---- heartbeats

ConsumerGroup::Response ConsumerGroup::heartbeat(const Request& request,
                                                 const HeartbeatContext& context,
                                                 Records& records) {
  if (auto refused = refuse_heartbeat(request, context.version)) return *std::move(refused);
  if (request.member_epoch < kJoinEpoch) return leave(request, records);
  const auto admission = admit(request, context);
  if (!admission) return refusal(admission.error().code, admission.error().message);
  return follow(request, context, *admission, records);
}

ConsumerGroup::Response ConsumerGroup::follow(const Request& request,
                                              const HeartbeatContext& context,
                                              const Admission& admission, Records& records) {
  const std::string& member_id = admission.member_id;
  if (admission.replaces != nullptr) {
    replace_static(std::string(*admission.replaces), member_id, records);
  }
  const Change change = update_member(request, context, member_id, records);
  follow_topics(change.any(), context.now, records);
  update_target(context.now, records);
  const bool reassigned = reconcile_member(request, member_id, change, context.now.steady, records);
  extend_session(member_id, context.now.steady);

  const ConsumerMember& member = *state_.find(member_id);
  Response response{.member_id = member_id,
                    .member_epoch = member.progress.epoch,
                    .heartbeat_interval_ms = interval_for(member, context.now)};
  if (reassigned || is_full(request)) response.assignment = assignment_of(member.progress.assigned);
  return response;
}

ConsumerGroup::Change ConsumerGroup::update_member(const Request& request,
                                                   const HeartbeatContext& context,
                                                   const std::string& member_id, Records& records) {
  static const ConsumerMember kNobody{};
  static const Subscription kNothing{};
  const ConsumerMember* found = state_.find(member_id);
  const ConsumerMember& old = found != nullptr ? *found : kNobody;
  const Subscription& old_wish = found != nullptr ? *found->subscription : kNothing;

  const MemberProfile& profile = old.profile;
  ConsumerGroupMemberValue value{
      .instance_id = request.instance_id ? request.instance_id : profile.instance_id,
      .rack_id = request.rack_id ? request.rack_id : profile.rack_id,
      .client_id = context.client_id,
      .client_host = context.client_host,
      .rebalance_timeout_ms = request.rebalance_timeout_ms != -1 ? request.rebalance_timeout_ms
                                                                 : profile.rebalance_timeout_ms,
      .server_assignor =
          request.server_assignor ? request.server_assignor : profile.server_assignor};
  const std::string_view regex = request.subscribed_topic_regex.value_or(old_wish.regex);
  if (!regex.empty()) value.subscribed_topic_regex = regex;
  Change change{.regex = regex != old_wish.regex};
  if (request.subscribed_topic_names) {
    value.subscribed_topic_names = *request.subscribed_topic_names;
    std::ranges::sort(value.subscribed_topic_names);
    const auto rest = std::ranges::unique(value.subscribed_topic_names);
    value.subscribed_topic_names.erase(rest.begin(), rest.end());
    change.names = !std::ranges::equal(value.subscribed_topic_names, old_wish.topic_names);
  }
  const bool same_profile =
      value.instance_id == profile.instance_id && value.rack_id == profile.rack_id &&
      value.client_id == profile.client_id && value.client_host == profile.client_host &&
      value.rebalance_timeout_ms == profile.rebalance_timeout_ms &&
      value.server_assignor == profile.server_assignor;
  if (found != nullptr && same_profile && !change.any()) return change;

  if (!request.subscribed_topic_names) {
    value.subscribed_topic_names.assign(old_wish.topic_names.begin(), old_wish.topic_names.end());
  }
  const std::string old_regex = old_wish.regex;
  put(ConsumerRecordKind::kMember, member_id, value, records);
  if (change.regex) forget_unused_regex(old_regex, records);
  return change;
}

bool ConsumerGroup::reconcile_member(const Request& request, const std::string& member_id,
                                     Change change, Nanoseconds now, Records& records) {
  const ConsumerMember& member = *state_.find(member_id);
  if (!change.any() && member.is_reconciled_to(state_.assignment_epoch())) return false;

  std::vector<Uuid> wanted;
  for (const AssignableTopic& topic : wanted_topics(*member.subscription)) {
    wanted.push_back(topic.id);
  }
  const std::function<bool(const TopicPartition&)> is_held_by_another =
      [&](const TopicPartition& place) {
        const std::string_view owner = state_.owner_of(place);
        return !owner.empty() && owner != member_id;
      };
  const std::optional<MemberProgress> next = reconcile({.present = member.progress,
                                                        .target_epoch = state_.assignment_epoch(),
                                                        .target = state_.target(member_id),
                                                        .wanted = wanted,
                                                        .subscription_changed = change.any(),
                                                        .reported = request.topic_partitions,
                                                        .is_held_by_another = is_held_by_another});
  if (!next) return false;
  const bool reassigned = next->assigned != member.progress.assigned;
  put_progress(member_id, *next, records);
  const bool must_give_up = next->state == MemberState::kUnrevoked;
  const std::chrono::milliseconds patience(member.profile.rebalance_timeout_ms);
  watch_rebalance(member_id, must_give_up ? now + patience : Nanoseconds::max());
  return reassigned;
}

std::int32_t ConsumerGroup::interval_for(const ConsumerMember& member, GroupClock now) const {
  const std::int32_t usual = config_.heartbeat_interval_ms;
  if (config_.waiting_interval_ms <= 0) return usual;
  const bool is_assigning = state_.group_epoch() > state_.assignment_epoch();
  if (!is_assigning && member.progress.state != MemberState::kUnreleased) return usual;
  std::int64_t wait_ms = config_.waiting_interval_ms;
  if (is_assigning) {
    const std::int64_t due_ms = state_.assignment_timestamp() + config_.assignment_interval_ms;
    wait_ms = std::max(wait_ms, due_ms - now.wall_ms);
  }
  return static_cast<std::int32_t>(std::min<std::int64_t>(usual, wait_ms));
}

// ---- leaving

ConsumerGroup::Response ConsumerGroup::leave(const Request& request, Records& records) {
  Admission admission{.member_id = std::string(request.member_id)};
  if (request.instance_id) {
    const auto admitted = admit_static(request, admission);
    if (!admitted) return refusal(admitted.error().code, admitted.error().message);
  } else if (state_.find(request.member_id) == nullptr) {
    return refusal(ErrorCode::kUnknownMemberId,
                   fmt::format("Member {} is not a member of group {}.", request.member_id, id_));
  }
  if (request.member_epoch == kStaticLeaveEpoch) {
    // Its partitions wait for it; what it was giving up is free, and no older epoch may commit.
    MemberProgress away = state_.find(request.member_id)->progress;
    away.epoch = kStaticLeaveEpoch;
    away.revoking.clear();
    for (HeldPartition& held : away.assigned) held.epoch = 0;
    put_progress(request.member_id, away, records);
    watch_rebalance(request.member_id, Nanoseconds::max());
  } else {
    remove_members({admission.member_id}, records);
  }
  return {.member_id = admission.member_id, .member_epoch = request.member_epoch};
}

void ConsumerGroup::replace_static(const std::string& old_id, const std::string& new_id,
                                   Records& records) {
  const ConsumerMember& old = *state_.find(old_id);
  const MemberProfile profile = old.profile;
  const Subscription wish = *old.subscription;
  const TargetPartitions target = state_.target(old_id);
  MemberProgress progress = old.progress;
  progress.epoch = kJoinEpoch;
  progress.previous_epoch = kJoinEpoch;

  put_tombstone(ConsumerRecordKind::kCurrentMember, old_id, records);
  put_tombstone(ConsumerRecordKind::kTargetMember, old_id, records);
  put_tombstone(ConsumerRecordKind::kMember, old_id, records);
  unwatch(old_id);
  put(ConsumerRecordKind::kMember, new_id,
      ConsumerGroupMemberValue{
          .instance_id = profile.instance_id,
          .rack_id = profile.rack_id,
          .client_id = profile.client_id,
          .client_host = profile.client_host,
          .subscribed_topic_names = {wish.topic_names.begin(), wish.topic_names.end()},
          .subscribed_topic_regex =
              wish.regex.empty() ? std::nullopt : std::optional<std::string_view>(wish.regex),
          .rebalance_timeout_ms = profile.rebalance_timeout_ms,
          .server_assignor = profile.server_assignor},
      records);
  put_target(new_id, target, records);
  put_progress(new_id, progress, records);
}

void ConsumerGroup::remove_members(const std::set<std::string>& ids, Records& records) {
  std::vector<std::string> regexes;
  for (const std::string& member_id : ids) {
    regexes.push_back(state_.find(member_id)->subscription->regex);
    put_tombstone(ConsumerRecordKind::kCurrentMember, member_id, records);
    put_tombstone(ConsumerRecordKind::kTargetMember, member_id, records);
    put_tombstone(ConsumerRecordKind::kMember, member_id, records);
    unwatch(member_id);
  }
  for (const std::string& regex : regexes) forget_unused_regex(regex, records);
  bump_group_epoch(records);
}

std::expected<std::string, ErrorCode> ConsumerGroup::find_leaver(
    const kafka::LeaveGroupRequestMember& leaver) const {
  if (!leaver.group_instance_id) {
    if (state_.find(leaver.member_id) == nullptr) {
      return std::unexpected(ErrorCode::kUnknownMemberId);
    }
    return std::string(leaver.member_id);
  }
  const std::string* present = state_.find_static(*leaver.group_instance_id);
  if (present == nullptr) return std::unexpected(ErrorCode::kUnknownMemberId);
  if (!leaver.member_id.empty() && leaver.member_id != *present) {
    return std::unexpected(ErrorCode::kFencedInstanceId);
  }
  return *present;
}

kafka::LeaveGroupResponse ConsumerGroup::remove(const kafka::LeaveGroupRequest& request,
                                                Records& records) {
  kafka::LeaveGroupResponse response;
  std::set<std::string> ids;
  for (const kafka::LeaveGroupRequestMember& leaver : request.members) {
    const std::expected<std::string, ErrorCode> found = find_leaver(leaver);
    if (found) ids.insert(*found);
    kafka::LeaveGroupResponseMember& answered = response.members.emplace_back();
    answered.member_id = leaver.member_id;
    answered.group_instance_id = leaver.group_instance_id;
    answered.error_code = found ? ErrorCode::kNone : found.error();
  }
  if (!ids.empty()) remove_members(ids, records);
  return response;
}

}  // namespace stele::groups
