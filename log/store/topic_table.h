// The topics and partitions that readers see. Thread: any; the core changes it at commit.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/partition/partition.h"
#include "log/store/store.h"

namespace stele::log {

using PartitionPtr = std::shared_ptr<Partition>;

struct TopicEntry {
  TopicPtr info;
  std::vector<PartitionPtr> partitions;
};

class TopicTable {
public:
  void put(TopicEntry topic);
  void remove(const Uuid& id);

  [[nodiscard]] TopicPtr find(std::string_view name) const;
  [[nodiscard]] TopicPtr find(const Uuid& id) const;
  /// Null if there is no such topic or partition.
  [[nodiscard]] PartitionPtr partition(const TopicPartition& id) const;
  [[nodiscard]] std::vector<TopicPtr> topics() const;
  [[nodiscard]] std::vector<PartitionPtr> partitions() const;

private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<Uuid, TopicEntry> by_id_;
  std::map<std::string, Uuid, std::less<>> by_name_;
};

}  // namespace stele::log
