// How far one group has got, by topic and partition: the fold of its offset records.
//
// Every entry knows at which offset of `__consumer_offsets` it was written, so that nothing older
// ever takes its place: committed offsets follow the log's order, whatever order answers come in.
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "log/base/ordinal.h"
#include "log/base/uuid.h"

namespace stele::groups {

struct CommittedOffset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;
  std::int64_t commit_ms = 0;   ///< since 1970
  std::int64_t expire_ms = -1;  ///< -1: by the service's retention
  Uuid topic_id;                ///< zero: not known
  Offset written_at;            ///< of its record
};

class CommittedOffsets {
public:
  using Partitions = std::map<std::int32_t, CommittedOffset>;
  using Topics = std::map<std::string, Partitions, std::less<>>;

  [[nodiscard]] bool empty() const { return topics_.empty(); }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const Topics& topics() const { return topics_; }
  [[nodiscard]] const CommittedOffset* find(std::string_view topic, std::int32_t partition) const;

  void put(std::string_view topic, std::int32_t partition, CommittedOffset offset);
  /// The tombstone at `written_at`.
  void erase(std::string_view topic, std::int32_t partition, Offset written_at);

private:
  Topics topics_;
  std::size_t count_ = 0;
};

/// A topic's partition that an offset is kept for.
struct OffsetPlace {
  std::string topic;
  std::int32_t partition = 0;
};

}  // namespace stele::groups
