// One member's next step towards its target: a pure function (KIP-848, "Assignment
// reconciliation").
//
//   target - held              held ∩ target          held - target
//   free ──► given now         kept                   must be given up first; while the member
//   held by another ──► later                         says it holds one of them: kUnrevoked, and
//                                                     it stays in its epoch
//
// A partition is given to a member only once nobody holds it, and whoever has been told to give it
// up holds it until it confirms. Thread: any; nothing here has state.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "server/groups/consumer_group_state.h"
#include "server/kafka/wire/consumer_groups.h"

namespace stele::groups {

/// What a member says it holds; null: it does not say.
using ReportedPartitions = std::optional<std::vector<kafka::ConsumerGroupOwnedTopic>>;

struct ReconcileInput {
  const MemberProgress& present;
  std::int32_t target_epoch = 0;
  std::span<const TopicPartition> target;  ///< rising
  std::span<const Uuid> wanted;            ///< topics of its subscription, rising
  bool subscription_changed = false;       ///< in this very request
  const ReportedPartitions& reported;
  /// Whether another member holds the partition.
  const std::function<bool(const TopicPartition&)>& is_held_by_another;
};

/// nullopt: it stays as it is.
[[nodiscard]] std::optional<MemberProgress> reconcile(const ReconcileInput& input);

/// True if everything that is reported is held.
[[nodiscard]] bool is_covered(const ReportedPartitions& reported, const HeldPartitions& held);

[[nodiscard]] const HeldPartition* find_held(const HeldPartitions& held,
                                             const TopicPartition& place);

}  // namespace stele::groups
