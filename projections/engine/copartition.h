// Topics that one fold reads must be partitioned alike: task p folds partition p of each, so a key's
// events have to stand in partitions of one number, whatever the topic. Thread: any; pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "projections/fold/checkpoint.h"
#include "projections/fold/definition.h"

namespace stele::projections {

/// The topics of the projection and of the tables that it looks up in, each once.
[[nodiscard]] std::vector<std::string> topics_of(const Definition& definition);

/// Fine if all topics have equally many partitions, or stand in one store. kInvalid names two that
/// have not. Whether their producers choose partitions in the same way cannot be seen from here:
/// the message says so.
[[nodiscard]] Result<void> check_copartitioned(const Definition& definition,
                                               const std::vector<InputId>& inputs);

/// The numbers of the tasks for these inputs: -1 for a store, else each partition's, ascending.
[[nodiscard]] std::vector<std::int32_t> tasks_of(const std::vector<InputId>& inputs);

}  // namespace stele::projections
