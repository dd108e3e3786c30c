#include "server/groups/committed_offsets.h"

namespace stele::groups {

const CommittedOffset* CommittedOffsets::find(std::string_view topic,
                                              std::int32_t partition) const {
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return nullptr;
  const auto found = of_topic->second.find(partition);
  return found == of_topic->second.end() ? nullptr : &found->second;
}

void CommittedOffsets::put(std::string_view topic, std::int32_t partition, CommittedOffset offset) {
  auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) of_topic = topics_.emplace(std::string(topic), Partitions()).first;
  const auto [at, is_new] = of_topic->second.try_emplace(partition);
  if (is_new) ++count_;
  if (is_new || at->second.written_at < offset.written_at) at->second = std::move(offset);
}

void CommittedOffsets::erase(std::string_view topic, std::int32_t partition, Offset written_at) {
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return;
  const auto found = of_topic->second.find(partition);
  if (found == of_topic->second.end() || written_at < found->second.written_at) return;
  of_topic->second.erase(found);
  --count_;
  if (of_topic->second.empty()) topics_.erase(of_topic);
}

}  // namespace stele::groups
