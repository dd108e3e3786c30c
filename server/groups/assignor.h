// Who gets which partition of a consumer group: pure functions from members, their subscriptions
// and the present target to the next target.
//
//   topics        [ {id, 3} {id, 5} … ]          partitions that can be had
//   subscriptions [ [0 1] [1] … ]                each distinct set of topics once, by index
//   members       [ {subscription 0, target} … ] what a member wants, and what it was to have
//
// What holds for both: every partition of a topic that somebody subscribes to goes to exactly one
// subscriber; a member gets nothing else; the same input gives the same output.
// Thread: any; nothing here has state.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "log/base/partition_id.h"
#include "log/base/uuid.h"

namespace stele::groups {

struct AssignableTopic {
  Uuid id;
  std::int32_t partition_count = 0;
};

struct AssignableMember {
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::size_t subscription = 0;            ///< index into AssignorInput::subscriptions
  std::span<const TopicPartition> target;  ///< rising; may name what is gone or unsubscribed
};

struct AssignorInput {
  std::vector<AssignableTopic> topics;                    ///< rising by id, each once
  std::vector<std::vector<std::uint32_t>> subscriptions;  ///< indexes of topics, rising
  std::vector<AssignableMember> members;                  ///< rising by member id
};

/// The partitions of each member, rising; in the order of AssignorInput::members.
using AssignorOutput = std::vector<std::vector<TopicPartition>>;

/// Per topic a contiguous range for each subscriber, sizes within one of each other; static members
/// come first, by instance id, then the others by member id. Topics with the same partition count
/// and subscribers are split alike, so that a member can join them. The present target is not
/// looked at.
[[nodiscard]] AssignorOutput assign_range(const AssignorInput& input);

/// Even and sticky. One subscription: partition counts of any two members differ by at most one,
/// and as few partitions move as that allows. Several: no chain of hand-overs between subscribers
/// could bring two counts that differ by two or more closer together (an optimal semi-matching;
/// Harvey, Ladner, Lovász and Tamir, 2006); a partition moves only as a link of such a chain.
[[nodiscard]] AssignorOutput assign_uniform(const AssignorInput& input);

enum class Assignor : std::uint8_t { kUniform, kRange };
inline constexpr Assignor kDefaultAssignor = Assignor::kUniform;

/// Kafka's names, "uniform" and "range".
[[nodiscard]] std::string_view name(Assignor assignor);
[[nodiscard]] std::optional<Assignor> find_assignor(std::string_view name);
[[nodiscard]] AssignorOutput assign(Assignor assignor, const AssignorInput& input);

}  // namespace stele::groups
