// What an engine tells of its projections. Thread: value types.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "projections/flow/flow_task.h"

namespace stele::projections {

enum class VersionRole : std::uint8_t {
  kLive,      ///< what views read, whose effects count
  kBuilding,  ///< beside the live one, to take its place
  kKept,      ///< was live; folds on, muted, to be switched back to
};
[[nodiscard]] std::string_view name(VersionRole role);
[[nodiscard]] std::string_view name(FlowState state);

/// One task of one version of one projection.
struct TaskStatus {
  std::string projection;
  std::uint32_t version = 0;
  VersionRole role = VersionRole::kLive;
  std::string task;  ///< "all", or "p3": the partitions of that number
  FlowStatus flow;
  std::string error;  ///< of the last step; empty: it went well
  /// Until it has caught up, at the present rate; none: it has, or there is no rate.
  std::optional<std::chrono::seconds> time_left;
};

using EngineStatus = std::vector<TaskStatus>;  ///< by projection, version, task

/// Prometheus' text format, names stele_projection_…
[[nodiscard]] std::string metrics_text(const EngineStatus& status, std::int64_t now_us);

/// "accounts v2 building  63 %  6300000 of 10000000 events  1200000/s  3 s left"
[[nodiscard]] std::string progress_text(const TaskStatus& task);

}  // namespace stele::projections
