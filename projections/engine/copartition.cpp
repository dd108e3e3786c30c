#include "projections/engine/copartition.h"

#include <algorithm>
#include <map>
#include <set>

#include "log/base/fail.h"

namespace stele::projections {

std::vector<std::string> topics_of(const Definition& definition) {
  std::set<std::string> topics(definition.topics.begin(), definition.topics.end());
  for (const auto& lookup : definition.lookups) {
    topics.insert(lookup->topics.begin(), lookup->topics.end());
  }
  return {topics.begin(), topics.end()};
}

Result<void> check_copartitioned(const Definition& definition, const std::vector<InputId>& inputs) {
  std::map<std::string, std::int32_t> counts;
  for (const InputId& input : inputs) {
    if (!input.is_store()) ++counts[input.topic];
  }
  for (const auto& [topic, count] : counts) {
    if (count == counts.begin()->second) continue;
    return fail(Code::kInvalid,
                "projection {}: topic {} has {} partitions, topic {} has {}: a key's events would "
                "be folded apart. rekey() one of them into a topic with as many partitions as the "
                "other (and see that their producers choose partitions alike: murmur2 of the key "
                "is usual; that cannot be checked from here)",
                definition.name, counts.begin()->first, counts.begin()->second, topic, count);
  }
  return {};
}

std::vector<std::int32_t> tasks_of(const std::vector<InputId>& inputs) {
  std::set<std::int32_t> tasks;
  for (const InputId& input : inputs) tasks.insert(input.partition);
  return {tasks.begin(), tasks.end()};
}

}  // namespace stele::projections
