// Ways to share a projection's partitions between instances: a list, the caller's rule, a consumer
// group of the Kafka protocol.
//
//   STELE_TRY(auto share, group_assignment({.kafka = {.brokers = "localhost:9092"},
//                                           .group = "fleet", .topics = {"flights", "weather"}}));
//   Engine::open(*source, {.folder = "/shared/views", .assignment = share.get()});
//
// Task p folds partition p of every topic, so topics that are read together must have the same
// number of partitions (copartition_count() checks it) and the same partitioner (nobody can).
//
// States move by snapshots in storage that the instances share, or are folded anew; group offsets
// are for tools that show lag, nothing resumes from them. An instance that was thrown out and does
// not know it yet can harm no state (a state is a function of the events below its checkpoint);
// its effects are stopped no sooner than it asks again.
// Thread: as Assignment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/base/error.h"
#include "projections/remote/kafka_source.h"
#include "projections/sources/assignment.h"

namespace stele::projections {

/// How many partitions each of the topics has. kInvalid names two that differ; kNotFound, kIo.
Result<std::int32_t> copartition_count(Source& source, const std::vector<std::string>& topics);

/// These partitions, as long as it lives.
std::unique_ptr<Assignment> static_assignment(std::vector<std::int32_t> partitions);

/// The partitions of this instance, of so many: any rule over what only the caller knows (an
/// ordinal of the deployment, leases in a database). Instances whose rules contradict each other
/// fold a partition twice, each into states of its own.
using PartitionRule =
    std::function<Result<std::vector<std::int32_t>>(std::int32_t partition_count)>;
/// Asks the rule at the first poll, and every `every` from then on. What the rule refuses is passed
/// on by poll(), and nothing changes. kInvalid: topics with different numbers of partitions, or the
/// rule names one that is not there.
Result<std::unique_ptr<Assignment>> custom_assignment(Source& source,
                                                      const std::vector<std::string>& topics,
                                                      PartitionRule rule,
                                                      std::chrono::nanoseconds every);

enum class GroupStrategy : std::uint8_t {
  kRange,
  kRoundRobin,
  kCooperativeSticky,  ///< only what moves is let go of
};

struct GroupOptions {
  KafkaOptions kafka;
  std::string group;
  /// The group shares the partitions of the first; those of the others go with them by number, with
  /// every strategy.
  std::vector<std::string> topics;
  GroupStrategy strategy = GroupStrategy::kCooperativeSticky;
  std::chrono::milliseconds session_timeout{10'000};  ///< a silent instance's work goes to others
  std::string instance_id = {};  ///< not empty: a restart within the session timeout moves nothing
};

/// A member of a consumer group, which fetches nothing. kInvalid (a setting, topics that are not
/// copartitioned), kNotFound, kIo. Lost partitions are removed like others; poll() answers kFenced
/// if another instance has taken the instance id.
Result<std::unique_ptr<Assignment>> group_assignment(GroupOptions options);

}  // namespace stele::projections
