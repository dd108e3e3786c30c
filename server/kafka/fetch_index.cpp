#include "server/kafka/fetch_index.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::kafka {

void FetchIndex::add(const TopicPartition& partition, Place place) {
  if (places_.size() >= drop_empty_at_) drop_empty();
  places_[partition].push_back(place);
  ++place_count_;
}

void FetchIndex::remove(const TopicPartition& partition, Place place) {
  const auto at = places_.find(partition);
  STELE_CHECK(at != places_.end());
  const auto found = std::ranges::find(at->second, place);
  STELE_CHECK(found != at->second.end());
  *found = at->second.back();
  at->second.pop_back();
  --place_count_;
  if (at->second.empty()) places_.erase(at);
}

/// Partitions that are gone are never heard of again: now and then their rows go too.
void FetchIndex::drop_empty() {
  std::erase_if(places_, [](const auto& row) { return row.second.empty(); });
  drop_empty_at_ = places_.size() * 2 + 1024;
}

}  // namespace stele::kafka
