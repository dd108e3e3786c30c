#include "log/store/topic_table.h"

#include <mutex>

namespace stele::log {

void TopicTable::put(TopicEntry topic) {
  const std::unique_lock lock(mutex_);
  by_name_[topic.info->name] = topic.info->id;
  by_id_[topic.info->id] = std::move(topic);
}

void TopicTable::remove(const Uuid& id) {
  const std::unique_lock lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  // The name may belong to a successor already.
  const auto named = by_name_.find(found->second.info->name);
  if (named != by_name_.end() && named->second == id) by_name_.erase(named);
  by_id_.erase(found);
}

TopicPtr TopicTable::find(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto named = by_name_.find(name);
  return named == by_name_.end() ? nullptr : by_id_.at(named->second).info;
}

TopicPtr TopicTable::find(const Uuid& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second.info;
}

PartitionPtr TopicTable::partition(const TopicPartition& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = by_id_.find(id.topic);
  if (found == by_id_.end() || id.partition < 0) return nullptr;
  const auto index = static_cast<std::size_t>(id.partition);
  return index < found->second.partitions.size() ? found->second.partitions[index] : nullptr;
}

std::vector<TopicPtr> TopicTable::topics() const {
  const std::shared_lock lock(mutex_);
  std::vector<TopicPtr> all;
  for (const auto& [name, id] : by_name_) all.push_back(by_id_.at(id).info);
  return all;
}

std::vector<PartitionPtr> TopicTable::partitions() const {
  const std::shared_lock lock(mutex_);
  std::vector<PartitionPtr> all;
  for (const auto& [name, id] : by_name_) {
    const auto& partitions = by_id_.at(id).partitions;
    all.insert(all.end(), partitions.begin(), partitions.end());
  }
  return all;
}

}  // namespace stele::log
