// Who waits for which partition: told once when it moves, then forgotten until they wait again, so
// that an advance costs those who wait and nobody else.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "log/base/partition_id.h"

namespace stele::kafka {

class FetchSession;

/// Place of a partition in its session.
using FetchSlot = std::uint32_t;

class FetchIndex {
public:
  struct Place {
    FetchSession* session;
    FetchSlot slot;
    friend bool operator==(const Place&, const Place&) = default;
  };

  void add(const TopicPartition& partition, Place place);
  void remove(const TopicPartition& partition, Place place);
  /// Calls `tell` with each place that waits for the partition; none does afterwards. `tell` must
  /// not change the index.
  template <class Tell>
  void take(const TopicPartition& partition, const Tell& tell) {
    const auto at = places_.find(partition);
    if (at == places_.end()) return;
    for (const Place& place : at->second) tell(place);
    place_count_ -= at->second.size();
    at->second.clear();  // its memory is for the next to wait
  }

  [[nodiscard]] std::size_t place_count() const { return place_count_; }

private:
  void drop_empty();

  std::unordered_map<TopicPartition, std::vector<Place>> places_;
  std::size_t place_count_ = 0;
  std::size_t drop_empty_at_ = 1024;
};

}  // namespace stele::kafka
