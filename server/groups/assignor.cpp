#include "server/groups/assignor.h"

#include <algorithm>
#include <numeric>

namespace stele::groups {
namespace {

/// Static members in front, by instance id: after a restart they are where they were.
bool ranks_before(const AssignableMember& a, const AssignableMember& b) {
  if (a.instance_id && b.instance_id) return *a.instance_id < *b.instance_id;
  if (a.instance_id || b.instance_id) return a.instance_id.has_value();
  return a.member_id < b.member_id;
}

void give_ranges(const AssignableTopic& topic, std::span<const std::uint32_t> subscribers,
                 AssignorOutput& out) {
  const auto count = static_cast<std::int32_t>(subscribers.size());
  const std::int32_t each = topic.partition_count / count;
  std::int32_t extra = topic.partition_count % count;
  std::int32_t next = 0;
  for (std::uint32_t member : subscribers) {
    const std::int32_t end = next + each + (extra-- > 0 ? 1 : 0);
    for (; next < end; ++next) out[member].push_back({topic.id, next});
  }
}

}  // namespace

AssignorOutput assign_range(const AssignorInput& input) {
  std::vector<std::uint32_t> ranked(input.members.size());
  std::iota(ranked.begin(), ranked.end(), 0U);
  std::ranges::sort(ranked, [&](std::uint32_t a, std::uint32_t b) {
    return ranks_before(input.members[a], input.members[b]);
  });
  std::vector<std::vector<std::uint32_t>> subscribers(input.topics.size());
  for (std::uint32_t member : ranked) {
    for (std::uint32_t topic : input.subscriptions[input.members[member].subscription]) {
      subscribers[topic].push_back(member);
    }
  }
  AssignorOutput out(input.members.size());
  for (std::size_t topic = 0; topic < input.topics.size(); ++topic) {
    if (!subscribers[topic].empty()) give_ranges(input.topics[topic], subscribers[topic], out);
  }
  return out;
}

std::string_view name(Assignor assignor) {
  return assignor == Assignor::kRange ? "range" : "uniform";
}

std::optional<Assignor> find_assignor(std::string_view name) {
  if (name == "uniform") return Assignor::kUniform;
  if (name == "range") return Assignor::kRange;
  return std::nullopt;
}

AssignorOutput assign(Assignor assignor, const AssignorInput& input) {
  return assignor == Assignor::kRange ? assign_range(input) : assign_uniform(input);
}

}  // namespace stele::groups
