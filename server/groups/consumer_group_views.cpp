// What others ask a consumer group: what it looks like, and whether a member may commit or fetch.
#include <algorithm>
#include <map>

#include "server/groups/consumer_group.h"

namespace stele::groups {
namespace {

using kafka::ErrorCode;

std::vector<TopicPartition> places_of(const MemberProgress& progress) {
  std::vector<TopicPartition> out;
  for (const HeldPartition& held : progress.assigned) out.push_back(held.place);
  for (const HeldPartition& held : progress.revoking) out.push_back(held.place);
  std::ranges::sort(out);
  return out;
}

/// Partitions of topics that are gone are left out.
kafka::DescribedConsumerAssignment described(const GroupTopics& topics,
                                             std::span<const TopicPartition> places) {
  kafka::DescribedConsumerAssignment out;
  std::optional<Uuid> gone;
  for (const TopicPartition& place : places) {
    if (gone == place.topic) continue;
    if (out.topic_partitions.empty() || out.topic_partitions.back().topic_id != place.topic) {
      std::optional<std::string> topic_name = topics.name_of(place.topic);
      if (!topic_name) {
        gone = place.topic;
        continue;
      }
      out.topic_partitions.push_back(
          {.topic_id = place.topic, .topic_name = *std::move(topic_name), .partitions = {}});
    }
    out.topic_partitions.back().partitions.push_back(place.partition);
  }
  return out;
}

}  // namespace

std::string_view ConsumerGroup::phase() const {
  if (state_.members().empty()) return "Empty";
  if (state_.group_epoch() > state_.assignment_epoch()) return "Assigning";
  const bool is_reconciled = std::ranges::all_of(state_.members(), [&](const auto& entry) {
    return entry.second.is_reconciled_to(state_.assignment_epoch());
  });
  return is_reconciled ? "Stable" : "Reconciling";
}

kafka::DescribedConsumerGroup ConsumerGroup::describe() const {
  kafka::DescribedConsumerGroup out{.group_id = id_,
                                    .group_state = std::string(phase()),
                                    .group_epoch = state_.group_epoch(),
                                    .assignment_epoch = state_.assignment_epoch(),
                                    .assignor_name = std::string(name(preferred_assignor()))};
  for (const auto& [member_id, member] : state_.members()) {
    const Subscription& wish = *member.subscription;
    out.members.push_back({.member_id = member_id,
                           .instance_id = member.profile.instance_id,
                           .rack_id = member.profile.rack_id,
                           .member_epoch = member.progress.epoch,
                           .client_id = member.profile.client_id,
                           .client_host = member.profile.client_host,
                           .subscribed_topic_names = wish.topic_names,
                           .subscribed_topic_regex = wish.regex.empty()
                                                         ? std::nullopt
                                                         : std::optional<std::string>(wish.regex),
                           .assignment = described(topics_, places_of(member.progress)),
                           .target_assignment = described(topics_, state_.target(member_id)),
                           .member_type = 1});
  }
  return out;
}

ErrorCode ConsumerGroup::check_commit(std::string_view member_id, std::int32_t epoch,
                                      std::int16_t version,
                                      std::span<const TopicPartition> places) const {
  constexpr std::int16_t kFirstVersionWithEpochs = 9;
  if (epoch < 0 && state_.members().empty()) return ErrorCode::kNone;
  const ConsumerMember* member = state_.find(member_id);
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  if (version < kFirstVersionWithEpochs) return ErrorCode::kUnsupportedVersion;
  const MemberProgress& progress = member->progress;
  if (epoch == progress.epoch) return ErrorCode::kNone;
  if (epoch > progress.epoch) return ErrorCode::kStaleMemberEpoch;
  const bool held_since = std::ranges::all_of(places, [&](const TopicPartition& place) {
    const HeldPartition* held = find_held(progress.assigned, place);
    if (held == nullptr) held = find_held(progress.revoking, place);
    return held != nullptr && epoch >= held->epoch;
  });
  return held_since ? ErrorCode::kNone : ErrorCode::kStaleMemberEpoch;
}

ErrorCode ConsumerGroup::check_fetch(std::optional<std::string_view> member_id,
                                     std::int32_t epoch) const {
  if (!member_id && epoch < 0) return ErrorCode::kNone;
  const ConsumerMember* member = member_id ? state_.find(*member_id) : nullptr;
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  return epoch == member->progress.epoch ? ErrorCode::kNone : ErrorCode::kStaleMemberEpoch;
}

}  // namespace stele::groups
