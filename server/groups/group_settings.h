// What the coordinator may be told, under Kafka's names where Kafka has them, and its limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "server/groups/consumer_group.h"

namespace stele::groups {

struct GroupSettings {
  std::int32_t offsets_topic_partitions = 50;  ///< offsets.topic.num.partitions
  std::int32_t session_ms_min = 6'000;         ///< group.min.session.timeout.ms
  std::int32_t session_ms_max = 1'800'000;     ///< group.max.session.timeout.ms
  std::int32_t initial_delay_ms = 3'000;       ///< group.initial.rebalance.delay.ms
  /// How long a member without an id waits in its JoinGroup; Kafka's constant.
  std::int32_t new_member_join_ms = 300'000;
  std::int32_t metadata_bytes_max = 4'096;           ///< offset.metadata.max.bytes
  std::int64_t retention_ms = 7LL * 24 * 3'600'000;  ///< offsets.retention.minutes
  std::int64_t retention_check_ms = 600'000;         ///< offsets.retention.check.interval.ms

  ConsumerGroupConfig consumers;  ///< of groups of KIP-848

  // At a limit a joining member is told GROUP_MAX_SIZE_REACHED, a commit
  // INVALID_COMMIT_OFFSET_SIZE.
  std::size_t group_count_max = 100'000;
  std::size_t member_count_max = 10'000;     ///< group.max.size, of one group
  std::size_t member_bytes_max = 1 << 20;    ///< metadata of one member, all its protocols
  std::size_t memory_bytes_max = 128 << 20;  ///< metadata and assignments, all groups
  std::size_t offset_count_max = 2'000'000;  ///< committed offsets, all groups
};

}  // namespace stele::groups
