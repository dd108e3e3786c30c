// Checks every structure of a stopped store without changing it: identity, superblocks, journal,
// catalogue, order log, each batch of each segment, each `.batches`. What `stele verify` prints.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "log/env/env.h"

namespace stele::log {

struct VerifyProblem {
  std::string place;  ///< file and byte, or topic, partition and offset
  std::string what;
  bool derived = false;  ///< in data that is rebuilt by itself: nothing is lost
};

struct VerifyReport {
  std::vector<VerifyProblem> problems;  ///< at most problem_count_max of them
  std::int64_t problem_count = 0;
  std::int64_t topic_count = 0, partition_count = 0, segment_count = 0, batch_count = 0,
               record_count = 0;
  std::int64_t log_bytes = 0, journal_entry_count = 0, order_block_count = 0;

  static constexpr std::size_t problem_count_max = 1000;
  [[nodiscard]] bool whole() const { return problem_count == 0; }
};

/// Batches checked so far, and how many there are.
using VerifyProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// kAlreadyExists: a running service holds the folder (named); kNotFound: no store; kUnsupported:
/// another version; kIo. Damage is no error but a problem in the report.
Result<VerifyReport> verify_store(Env& env, const std::string& folder,
                                  const VerifyProgress& progress = {});

}  // namespace stele::log
