#include "server/groups/consumer_group_reconcile.h"

#include <algorithm>
#include <utility>

#include "log/base/planted.h"

namespace stele::groups {
namespace {

bool wants(const ReconcileInput& input, const TopicPartition& place) {
  return std::ranges::binary_search(input.wanted, place.topic);
}

/// Whether the member may still hold one of `revoking`. Silence counts as holding.
bool still_holds(const ReportedPartitions& reported, const HeldPartitions& revoking) {
  if (!reported) return !planted(Plant::kTakeSilenceForYes);
  return std::ranges::any_of(*reported, [&](const kafka::ConsumerGroupOwnedTopic& topic) {
    return std::ranges::any_of(topic.partitions, [&](std::int32_t partition) {
      return find_held(revoking, {topic.topic_id, partition}) != nullptr;
    });
  });
}

/// `present` where its fields change; the epoch it leaves is remembered even if it stays the same:
/// the member has shown that it knows it.
MemberProgress moved(const ReconcileInput& input, std::int32_t epoch) {
  return {.epoch = epoch,
          .previous_epoch = input.present.epoch,
          .state = input.present.state,
          .assigned = {},
          .revoking = {}};
}

/// The member has just dropped topics: their partitions go at once, before any new target is known.
MemberProgress drop_unwanted(const ReconcileInput& input) {
  MemberProgress next = moved(input, input.present.epoch);
  next.revoking = input.present.revoking;
  for (const HeldPartition& held : input.present.assigned) {
    (wants(input, held.place) ? next.assigned : next.revoking).push_back(held);
  }
  if (next.assigned.size() == input.present.assigned.size()) return input.present;
  std::ranges::sort(next.revoking);
  if (still_holds(input.reported, next.revoking)) {
    next.state = MemberState::kUnrevoked;
  } else {
    next.revoking = input.present.revoking;
  }
  return next;
}

struct Plan {
  HeldPartitions kept;
  HeldPartitions surplus;    ///< held, not in the target
  HeldPartitions available;  ///< in the target, held by nobody else
  bool waits = false;        ///< something in the target is held by another
};

Plan plan_for(const ReconcileInput& input) {
  Plan plan;
  auto held = input.present.assigned.begin();
  const auto end = input.present.assigned.end();
  for (const TopicPartition& place : input.target) {
    if (!wants(input, place)) continue;
    while (held != end && held->place < place) plan.surplus.push_back(*held++);
    if (held != end && held->place == place) {
      plan.kept.push_back(*held++);
    } else if (input.is_held_by_another(place) && !planted(Plant::kGiveHeldPartition)) {
      plan.waits = true;
    } else {
      plan.available.push_back({.place = place, .epoch = input.target_epoch});
    }
  }
  plan.surplus.insert(plan.surplus.end(), held, end);
  return plan;
}

MemberProgress step_towards_target(const ReconcileInput& input) {
  Plan plan = plan_for(input);
  if (!plan.surplus.empty() && still_holds(input.reported, plan.surplus)) {
    MemberProgress next = moved(input, input.present.epoch);
    next.state = MemberState::kUnrevoked;
    next.assigned = std::move(plan.kept);
    next.revoking = std::move(plan.surplus);
    return next;
  }
  MemberProgress next = moved(input, input.target_epoch);
  next.state = plan.waits ? MemberState::kUnreleased : MemberState::kStable;
  next.assigned.reserve(plan.kept.size() + plan.available.size());
  std::ranges::merge(plan.kept, plan.available, std::back_inserter(next.assigned));
  return next;
}

MemberProgress next_progress(const ReconcileInput& input) {
  const MemberProgress& present = input.present;
  switch (present.state) {
    case MemberState::kStable:
      if (present.epoch != input.target_epoch) return step_towards_target(input);
      return input.subscription_changed ? drop_unwanted(input) : present;
    case MemberState::kUnrevoked:
      if (!still_holds(input.reported, present.revoking)) return step_towards_target(input);
      return input.subscription_changed ? drop_unwanted(input) : present;
    case MemberState::kUnreleased:
    case MemberState::kUnknown:
      return step_towards_target(input);
  }
  return present;
}

}  // namespace

std::optional<MemberProgress> reconcile(const ReconcileInput& input) {
  MemberProgress next = next_progress(input);
  if (next == input.present) return std::nullopt;
  return next;
}

bool is_covered(const ReportedPartitions& reported, const HeldPartitions& held) {
  if (!reported) return false;
  return std::ranges::all_of(*reported, [&](const kafka::ConsumerGroupOwnedTopic& topic) {
    return std::ranges::all_of(topic.partitions, [&](std::int32_t partition) {
      return find_held(held, {topic.topic_id, partition}) != nullptr;
    });
  });
}

const HeldPartition* find_held(const HeldPartitions& held, const TopicPartition& place) {
  const auto at = std::ranges::lower_bound(held, place, {}, &HeldPartition::place);
  return at != held.end() && at->place == place ? &*at : nullptr;
}

}  // namespace stele::groups
