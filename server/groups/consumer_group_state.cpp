#include "server/groups/consumer_group_state.h"

#include <algorithm>
#include <utility>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::groups {
namespace {

template <class T>
void sort_unique(std::vector<T>& items) {
  std::ranges::sort(items);
  const auto rest = std::ranges::unique(items);
  items.erase(rest.begin(), rest.end());
}

HeldPartitions held_partitions(const std::vector<CurrentTopicValue>& topics, std::int32_t epoch) {
  HeldPartitions out;
  for (const CurrentTopicValue& topic : topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      out.push_back({.place = {topic.topic_id, topic.partitions[i]},
                     .epoch = topic.assignment_epochs ? (*topic.assignment_epochs)[i] : epoch});
    }
  }
  std::ranges::sort(out);
  const auto rest = std::ranges::unique(out, {}, &HeldPartition::place);
  out.erase(rest.begin(), rest.end());
  return out;
}

std::optional<std::string> owned(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// Numbers that can be counted on from. No group lives to see these.
constexpr std::int32_t kEpochMax = 1 << 30;
constexpr std::int64_t kTimestampMax = std::int64_t{1} << 60;

Result<void> check(const ConsumerGroupMetadataValue& value) {
  if (value.epoch >= 0 && value.epoch <= kEpochMax) return {};
  return fail(Code::kInvalid, "group epoch {}", value.epoch);
}

Result<void> check(const ConsumerGroupTargetEpochValue& value) {
  const bool in_time =
      value.assignment_timestamp >= 0 && value.assignment_timestamp <= kTimestampMax;
  const bool in_order = value.assignment_epoch >= 0 && value.assignment_epoch <= kEpochMax;
  if (in_time && in_order) return {};
  return fail(Code::kInvalid, "assignment epoch {} at {}", value.assignment_epoch,
              value.assignment_timestamp);
}

Result<void> check(const auto& /*anything goes*/) {
  return {};
}

/// Every partition with its epoch, or none has one.
Result<void> check_epochs(const std::vector<CurrentTopicValue>& topics) {
  for (const CurrentTopicValue& topic : topics) {
    if (topic.assignment_epochs && topic.assignment_epochs->size() != topic.partitions.size()) {
      return fail(Code::kInvalid, "{} epochs for {} partitions", topic.assignment_epochs->size(),
                  topic.partitions.size());
    }
  }
  return {};
}

Result<void> check(const ConsumerGroupCurrentMemberValue& value) {
  STELE_DO(check_epochs(value.assigned_partitions));
  return check_epochs(value.partitions_pending_revocation);
}

}  // namespace

// ---- reading a record

Result<void> ConsumerGroupState::apply(const ConsumerRecordKey& key,
                                       std::optional<ByteView> value) {
  if (!value) {
    erase(key.kind, key.name);
    return {};
  }
  const auto read_and_apply = [&]<class Value>(const Value&) -> Result<void> {
    STELE_TRY(Value read, read_consumer_value<Value>(*value));
    STELE_DO(check(read));
    if constexpr (requires { read.partitions_pending_revocation; }) {
      if (planted(Plant::kForgetRevoking)) read.partitions_pending_revocation.clear();
    }
    apply(key.name, read);
    return {};
  };
  switch (key.kind) {
    case ConsumerRecordKind::kGroup:
      return read_and_apply(ConsumerGroupMetadataValue{});
    case ConsumerRecordKind::kPartitionMetadata:
      return {};  // the group's hash has taken its place
    case ConsumerRecordKind::kMember:
      return read_and_apply(ConsumerGroupMemberValue{});
    case ConsumerRecordKind::kTargetEpoch:
      return read_and_apply(ConsumerGroupTargetEpochValue{});
    case ConsumerRecordKind::kTargetMember:
      return read_and_apply(ConsumerGroupTargetMemberValue{});
    case ConsumerRecordKind::kCurrentMember:
      return read_and_apply(ConsumerGroupCurrentMemberValue{});
    case ConsumerRecordKind::kRegex:
      return read_and_apply(ConsumerGroupRegexValue{});
  }
  return fail(Code::kUnsupported, "consumer group record of kind {}",
              static_cast<std::int16_t>(key.kind));
}

// ---- the group

void ConsumerGroupState::apply(std::string_view, const ConsumerGroupMetadataValue& value) {
  blank_ = false;
  group_epoch_ = value.epoch;
  metadata_hash_ = value.metadata_hash;
}

void ConsumerGroupState::apply(std::string_view, const ConsumerGroupTargetEpochValue& value) {
  blank_ = false;
  assignment_epoch_ = value.assignment_epoch;
  assignment_timestamp_ = value.assignment_timestamp;
}

void ConsumerGroupState::apply(std::string_view regex, const ConsumerGroupRegexValue& value) {
  blank_ = false;
  ResolvedRegex resolved{.version = value.version, .timestamp = value.timestamp};
  resolved.topics.assign(value.topics.begin(), value.topics.end());
  sort_unique(resolved.topics);
  regexes_.insert_or_assign(std::string(regex), std::move(resolved));
}

void ConsumerGroupState::erase(ConsumerRecordKind kind, std::string_view name) {
  switch (kind) {
    case ConsumerRecordKind::kGroup:
      group_epoch_ = 1;
      metadata_hash_ = 0;
      blank_ = members_.empty() && targets_.empty() && regexes_.empty();
      return;
    case ConsumerRecordKind::kPartitionMetadata:
      return;
    case ConsumerRecordKind::kMember:
      return erase_member(name);
    case ConsumerRecordKind::kTargetEpoch:
      assignment_epoch_ = 1;
      assignment_timestamp_ = 0;
      return;
    case ConsumerRecordKind::kTargetMember:
      if (const auto at = targets_.find(name); at != targets_.end()) targets_.erase(at);
      return;
    case ConsumerRecordKind::kCurrentMember:
      if (const auto at = members_.find(name); at != members_.end()) {
        set_progress(*at, MemberProgress{.epoch = kLeaveEpoch});
      }
      return;
    case ConsumerRecordKind::kRegex:
      if (const auto at = regexes_.find(name); at != regexes_.end()) regexes_.erase(at);
      return;
  }
}

// ---- members

ConsumerGroupState::MemberEntry& ConsumerGroupState::member_entry(std::string_view member_id) {
  blank_ = false;
  auto at = members_.find(member_id);
  if (at == members_.end()) {
    at = members_.emplace(std::string(member_id), ConsumerMember{}).first;
    at->second.subscription = share({});
  }
  return *at;
}

const Subscription* ConsumerGroupState::share(Subscription subscription) {
  auto& [shared, count] = *subscriptions_.try_emplace(std::move(subscription), 0).first;
  ++count;
  return &shared;
}

void ConsumerGroupState::unshare(const Subscription* subscription) {
  const auto at = subscriptions_.find(*subscription);
  STELE_CHECK(at != subscriptions_.end());
  if (--at->second == 0) subscriptions_.erase(at);
}

void ConsumerGroupState::forget_instance(const MemberEntry& entry) {
  if (!entry.second.profile.instance_id) return;
  const auto at = static_members_.find(*entry.second.profile.instance_id);
  if (at != static_members_.end() && at->second == entry.first) static_members_.erase(at);
}

void ConsumerGroupState::apply(std::string_view member_id, const ConsumerGroupMemberValue& value) {
  MemberEntry& entry = member_entry(member_id);
  ConsumerMember& member = entry.second;
  forget_instance(entry);
  member.profile = {.instance_id = owned(value.instance_id),
                    .rack_id = owned(value.rack_id),
                    .client_id = std::string(value.client_id),
                    .client_host = std::string(value.client_host),
                    .rebalance_timeout_ms = value.rebalance_timeout_ms,
                    .server_assignor = owned(value.server_assignor)};
  if (member.profile.instance_id) {
    static_members_.insert_or_assign(*member.profile.instance_id, entry.first);
  }
  Subscription wanted{.regex = std::string(value.subscribed_topic_regex.value_or(""))};
  wanted.topic_names.assign(value.subscribed_topic_names.begin(),
                            value.subscribed_topic_names.end());
  sort_unique(wanted.topic_names);
  unshare(std::exchange(member.subscription, share(std::move(wanted))));
}

void ConsumerGroupState::apply(std::string_view member_id,
                               const ConsumerGroupTargetMemberValue& value) {
  blank_ = false;
  TargetPartitions target;
  for (const TargetTopicValue& topic : value.topic_partitions) {
    for (std::int32_t partition : topic.partitions) target.push_back({topic.topic_id, partition});
  }
  sort_unique(target);
  targets_.insert_or_assign(std::string(member_id), std::move(target));
}

void ConsumerGroupState::apply(std::string_view member_id,
                               const ConsumerGroupCurrentMemberValue& value) {
  const bool known = value.state >= 0 && value.state <= 2;
  set_progress(
      member_entry(member_id),
      {.epoch = value.member_epoch,
       .previous_epoch = value.previous_member_epoch,
       .state = known ? static_cast<MemberState>(value.state) : MemberState::kUnknown,
       .assigned = held_partitions(value.assigned_partitions, value.member_epoch),
       .revoking = held_partitions(value.partitions_pending_revocation, value.member_epoch)});
}

void ConsumerGroupState::set_progress(MemberEntry& entry, MemberProgress progress) {
  release(entry.first, entry.second.progress.assigned);
  release(entry.first, entry.second.progress.revoking);
  entry.second.progress = std::move(progress);
  claim(entry.first, entry.second.progress.assigned);
  claim(entry.first, entry.second.progress.revoking);
}

void ConsumerGroupState::claim(std::string_view member_id, const HeldPartitions& places) {
  for (const HeldPartition& held : places) owners_.insert_or_assign(held.place, member_id);
}

void ConsumerGroupState::release(std::string_view member_id, const HeldPartitions& places) {
  for (const HeldPartition& held : places) {
    const auto at = owners_.find(held.place);
    if (at != owners_.end() && at->second == member_id) owners_.erase(at);
  }
}

void ConsumerGroupState::erase_member(std::string_view member_id) {
  const auto at = members_.find(member_id);
  if (at == members_.end()) return;
  set_progress(*at, {});
  forget_instance(*at);
  unshare(at->second.subscription);
  members_.erase(at);
}

// ---- looking

const ConsumerMember* ConsumerGroupState::find(std::string_view member_id) const {
  const auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

const std::string* ConsumerGroupState::find_static(std::string_view instance_id) const {
  const auto at = static_members_.find(instance_id);
  return at == static_members_.end() ? nullptr : &at->second;
}

const TargetPartitions& ConsumerGroupState::target(std::string_view member_id) const {
  static const TargetPartitions kNone;
  const auto at = targets_.find(member_id);
  return at == targets_.end() ? kNone : at->second;
}

std::string_view ConsumerGroupState::owner_of(const TopicPartition& place) const {
  const auto at = owners_.find(place);
  return at == owners_.end() ? std::string_view() : at->second;
}

bool ConsumerGroupState::has_subscribers(std::string_view regex) const {
  return std::ranges::any_of(subscriptions_,
                             [&](const auto& entry) { return entry.first.regex == regex; });
}

bool operator==(const ConsumerGroupState& a, const ConsumerGroupState& b) {
  return a.group_epoch_ == b.group_epoch_ && a.metadata_hash_ == b.metadata_hash_ &&
         a.assignment_epoch_ == b.assignment_epoch_ &&
         a.assignment_timestamp_ == b.assignment_timestamp_ && a.blank_ == b.blank_ &&
         a.subscriptions_ == b.subscriptions_ && a.members_ == b.members_ &&
         a.targets_ == b.targets_ && a.regexes_ == b.regexes_ &&
         a.static_members_ == b.static_members_ && a.owners_ == b.owners_;
}

}  // namespace stele::groups
