// What a consumer group subscribes to, and who is to have it.
#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "log/base/check.h"
#include "log/base/checksum.h"
#include "server/groups/consumer_group.h"

namespace stele::groups {
namespace {

/// Changed names are kept up to here; past it all names are matched again.
constexpr std::size_t kChangedTopicsMax = 1'000;

}  // namespace

// ---- topics

void ConsumerGroup::topics_changed(std::span<const std::string_view> names) {
  stale_ = true;
  if (regexes_stale_ || state_.regexes().empty()) return;
  changed_topics_.insert(names.begin(), names.end());
  regexes_stale_ = changed_topics_.size() > kChangedTopicsMax;
  if (regexes_stale_) changed_topics_.clear();
}

void ConsumerGroup::follow_topics(bool changed, GroupClock now, Records& records) {
  if (!changed && !stale_) return;
  const bool matches_changed = refresh_regexes(now, records);
  if (changed || matches_changed || metadata_hash() != state_.metadata_hash()) {
    bump_group_epoch(records);
  }
  stale_ = false;
}

void ConsumerGroup::bump_group_epoch(Records& records) {
  put(ConsumerRecordKind::kGroup, {},
      ConsumerGroupMetadataValue{.epoch = state_.group_epoch() + 1,
                                 .metadata_hash = metadata_hash()},
      records);
}

std::set<std::string_view> ConsumerGroup::subscribed_names() const {
  std::set<std::string_view> names;
  for (const auto& [subscription, count] : state_.subscriptions()) {
    names.insert(subscription.topic_names.begin(), subscription.topic_names.end());
  }
  for (const auto& [regex, resolved] : state_.regexes()) {
    names.insert(resolved.topics.begin(), resolved.topics.end());
  }
  return names;
}

/// Another number if a topic that is subscribed to came, went, was replaced or has grown. 0: none.
std::int64_t ConsumerGroup::metadata_hash() const {
  std::uint64_t hash = 0;
  for (std::string_view topic_name : subscribed_names()) {
    const std::optional<AssignableTopic> topic = topics_.find(topic_name);
    if (!topic) continue;
    std::array<std::byte, sizeof(Uuid) + sizeof topic->partition_count> shape;
    std::memcpy(shape.data(), topic->id.bytes.data(), sizeof(Uuid));
    store_le(shape.data() + sizeof(Uuid), topic->partition_count);
    hash = checksum(shape, checksum(as_bytes(topic_name), hash));
  }
  return static_cast<std::int64_t>(hash);
}

bool ConsumerGroup::subscribes_to(std::string_view topic_name) const {
  return subscribed_names().contains(topic_name);
}

// ---- regular expressions

const TopicPattern* ConsumerGroup::pattern(const std::string& regex) {
  auto at = patterns_.find(regex);
  if (at == patterns_.end()) {
    auto compiled = TopicPattern::compile(regex);  // fails only for what another service accepted
    at = patterns_.emplace(regex, std::nullopt).first;
    if (compiled) at->second = *std::move(compiled);
  }
  return at->second ? &*at->second : nullptr;
}

bool ConsumerGroup::refresh_regexes(GroupClock now, Records& records) {
  std::vector<std::string> regexes;
  for (const auto& [subscription, count] : state_.subscriptions()) {
    if (!subscription.regex.empty()) regexes.push_back(subscription.regex);
  }
  std::ranges::sort(regexes);
  const auto rest = std::ranges::unique(regexes);
  regexes.erase(rest.begin(), rest.end());
  bool changed = false;
  for (const std::string& regex : regexes) changed |= refresh_regex(regex, now, records);
  regexes_stale_ = false;
  changed_topics_.clear();
  return changed;
}

bool ConsumerGroup::refresh_regex(const std::string& regex, GroupClock now, Records& records) {
  const TopicPattern* expression = pattern(regex);
  const auto resolved = state_.regexes().find(regex);
  const bool is_new = resolved == state_.regexes().end();
  std::set<std::string, std::less<>> matches;
  if (is_new || regexes_stale_) {
    topics_.each_name([&](std::string_view topic_name) {
      if (expression != nullptr && expression->matches(topic_name)) matches.emplace(topic_name);
    });
  } else {
    matches.insert(resolved->second.topics.begin(), resolved->second.topics.end());
    for (const std::string& topic_name : changed_topics_) {
      matches.erase(topic_name);
      const bool is_there = topics_.find(topic_name).has_value();
      if (is_there && expression != nullptr && expression->matches(topic_name)) {
        matches.insert(topic_name);
      }
    }
  }
  if (!is_new && std::ranges::equal(matches, resolved->second.topics)) return false;
  put(ConsumerRecordKind::kRegex, regex,
      ConsumerGroupRegexValue{.topics = {matches.begin(), matches.end()}, .timestamp = now.wall_ms},
      records);
  return true;
}

void ConsumerGroup::forget_unused_regex(const std::string& regex, Records& records) {
  if (regex.empty() || state_.has_subscribers(regex)) return;
  patterns_.erase(regex);
  if (state_.regexes().contains(regex)) put_tombstone(ConsumerRecordKind::kRegex, regex, records);
}

// ---- the target

std::vector<AssignableTopic> ConsumerGroup::wanted_topics(const Subscription& subscription) const {
  std::vector<AssignableTopic> out;
  const auto add = [&](const std::string& topic_name) {
    if (const auto topic = topics_.find(topic_name)) out.push_back(*topic);
  };
  std::ranges::for_each(subscription.topic_names, add);
  const auto resolved = state_.regexes().find(subscription.regex);
  if (resolved != state_.regexes().end()) std::ranges::for_each(resolved->second.topics, add);
  std::ranges::sort(out, {}, &AssignableTopic::id);
  const auto rest = std::ranges::unique(out, {}, &AssignableTopic::id);
  out.erase(rest.begin(), rest.end());
  return out;
}

/// What most members ask for; nobody asks or a draw: the default.
Assignor ConsumerGroup::preferred_assignor() const {
  std::size_t uniform = 0, range = 0;
  for (const auto& [member_id, member] : state_.members()) {
    if (!member.profile.server_assignor) continue;
    const auto asked = find_assignor(*member.profile.server_assignor);
    if (asked == Assignor::kUniform) ++uniform;
    if (asked == Assignor::kRange) ++range;
  }
  return range > uniform ? Assignor::kRange : kDefaultAssignor;
}

/// A clock that was set back does not hold an assignment up.
bool ConsumerGroup::may_assign(std::int64_t wall_ms) const {
  const std::int64_t last = state_.assignment_timestamp();
  return last == 0 || wall_ms < last || wall_ms >= last + config_.assignment_interval_ms;
}

void ConsumerGroup::update_target(GroupClock now, Records& records) {
  if (state_.group_epoch() <= state_.assignment_epoch() || !may_assign(now.wall_ms)) return;

  std::vector<std::vector<AssignableTopic>> wishes;
  std::unordered_map<const Subscription*, std::size_t> index_of;
  AssignorInput input;
  for (const auto& [subscription, count] : state_.subscriptions()) {
    index_of.emplace(&subscription, wishes.size());
    wishes.push_back(wanted_topics(subscription));
    input.topics.insert(input.topics.end(), wishes.back().begin(), wishes.back().end());
  }
  std::ranges::sort(input.topics, {}, &AssignableTopic::id);
  const auto rest = std::ranges::unique(input.topics, {}, &AssignableTopic::id);
  input.topics.erase(rest.begin(), rest.end());
  for (const std::vector<AssignableTopic>& wish : wishes) {
    std::vector<std::uint32_t>& topics = input.subscriptions.emplace_back();
    for (const AssignableTopic& topic : wish) {
      const auto at = std::ranges::lower_bound(input.topics, topic.id, {}, &AssignableTopic::id);
      topics.push_back(static_cast<std::uint32_t>(at - input.topics.begin()));
    }
  }
  for (const auto& [member_id, member] : state_.members()) {
    input.members.push_back({.member_id = member_id,
                             .instance_id = member.profile.instance_id,
                             .subscription = index_of.at(member.subscription),
                             .target = state_.target(member_id)});
  }
  const AssignorOutput targets = assign(preferred_assignor(), input);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string_view member_id = input.members[i].member_id;
    const bool has_target = state_.targets().contains(member_id);
    if (!has_target || targets[i] != state_.target(member_id)) {
      put_target(member_id, targets[i], records);
    }
  }
  put(ConsumerRecordKind::kTargetEpoch, {},
      ConsumerGroupTargetEpochValue{.assignment_epoch = state_.group_epoch(),
                                    .assignment_timestamp = now.wall_ms},
      records);
}

// ---- records

template <class Value>
void ConsumerGroup::put(ConsumerRecordKind kind, std::string_view name, const Value& value,
                        Records& records) {
  auto record = consumer_record({.kind = kind, .group_id = id_, .name = name}, value);
  STELE_CHECK(record.has_value());  // every text came off the wire, which has the same limit
  records.push_back(*std::move(record));
  state_.apply(name, value);
}

template void ConsumerGroup::put(ConsumerRecordKind, std::string_view,
                                 const ConsumerGroupMemberValue&, Records&);

void ConsumerGroup::put_tombstone(ConsumerRecordKind kind, std::string_view name,
                                  Records& records) {
  auto record = consumer_tombstone({.kind = kind, .group_id = id_, .name = name});
  STELE_CHECK(record.has_value());
  records.push_back(*std::move(record));
  state_.erase(kind, name);
}

void ConsumerGroup::put_target(std::string_view member_id, const TargetPartitions& target,
                               Records& records) {
  ConsumerGroupTargetMemberValue value;
  for (const TopicPartition& place : target) {
    if (value.topic_partitions.empty() || value.topic_partitions.back().topic_id != place.topic) {
      value.topic_partitions.push_back({.topic_id = place.topic, .partitions = {}});
    }
    value.topic_partitions.back().partitions.push_back(place.partition);
  }
  put(ConsumerRecordKind::kTargetMember, member_id, value, records);
}

void ConsumerGroup::put_progress(std::string_view member_id, const MemberProgress& progress,
                                 Records& records) {
  const auto topics_of = [](const HeldPartitions& partitions) {
    std::vector<CurrentTopicValue> out;
    for (const HeldPartition& held : partitions) {
      if (out.empty() || out.back().topic_id != held.place.topic) {
        out.push_back({.topic_id = held.place.topic, .partitions = {}, .assignment_epochs = {{}}});
      }
      out.back().partitions.push_back(held.place.partition);
      out.back().assignment_epochs->push_back(held.epoch);
    }
    return out;
  };
  put(ConsumerRecordKind::kCurrentMember, member_id,
      ConsumerGroupCurrentMemberValue{
          .member_epoch = progress.epoch,
          .previous_member_epoch = progress.previous_epoch,
          .state = static_cast<std::int8_t>(progress.state),
          .assigned_partitions = topics_of(progress.assigned),
          .partitions_pending_revocation = topics_of(progress.revoking)},
      records);
}

void ConsumerGroup::erase(Records& records) {
  STELE_CHECK(state_.members().empty());
  std::vector<std::string> regexes;
  for (const auto& [regex, resolved] : state_.regexes()) regexes.push_back(regex);
  for (const std::string& regex : regexes) {
    put_tombstone(ConsumerRecordKind::kRegex, regex, records);
  }
  put_tombstone(ConsumerRecordKind::kTargetEpoch, {}, records);
  put_tombstone(ConsumerRecordKind::kGroup, {}, records);
}

}  // namespace stele::groups
