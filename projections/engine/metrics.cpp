#include <fmt/format.h>

#include <functional>

#include "projections/engine/status.h"

namespace stele::projections {
namespace {

/// For a label's value, as the exposition format wants it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\\' || letter == '"') out += '\\';
    if (letter == '\n') {
      out += "\\n";
    } else {
      out += letter;
    }
  }
  return out;
}

std::string labels(const TaskStatus& task) {
  return fmt::format("projection=\"{}\",version=\"{}\",task=\"{}\",role=\"{}\"",
                     escaped(task.projection), task.version, task.task, name(task.role));
}

struct Metric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  double (*value)(const TaskStatus& task, std::int64_t now_us);
};

double seconds(std::chrono::nanoseconds length) {
  return std::chrono::duration<double>(length).count();
}

const Metric kMetrics[] = {
    {"lag_events", "gauge", "Places between the checkpoint and the end of the inputs.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.lag_events);
     }},
    {"lag_seconds", "gauge", "Age of the last event folded; 0 once caught up.",
     [](const TaskStatus& task, std::int64_t) { return task.flow.lag_seconds; }},
    {"events_total", "counter", "Events folded since the start.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.events_folded);
     }},
    {"events_per_second", "gauge", "Events folded, over the last seconds.",
     [](const TaskStatus& task, std::int64_t) { return task.flow.events_per_second; }},
    {"restored_events", "gauge", "Events that the snapshot has spared at the start.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.restored_events);
     }},
    {"poison_events", "gauge", "Events passed over, or stopped at, that are recorded.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.poison_count);
     }},
    {"keys", "gauge", "Keys that have a state.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.states.key_count);
     }},
    {"memory_bytes", "gauge", "Memory of the states.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.states.memory_bytes);
     }},
    {"snapshots_total", "counter", "Snapshots, or commits, since the start.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.states.snapshot_count);
     }},
    {"snapshot_bytes", "gauge", "Size of the newest snapshot.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.states.snapshot_bytes);
     }},
    {"snapshot_age_seconds", "gauge", "Age of the newest snapshot; -1: there is none.",
     [](const TaskStatus& task, std::int64_t now_us) {
       const std::int64_t taken_us = task.flow.states.snapshot_taken_us;
       return taken_us == 0 ? -1.0 : static_cast<double>(now_us - taken_us) / 1e6;
     }},
    {"commit_seconds_total", "counter", "Time that snapshots and commits took.",
     [](const TaskStatus& task, std::int64_t) { return seconds(task.flow.states.commit_took); }},
    {"damaged_snapshots", "gauge", "Snapshots that the start had to pass over.",
     [](const TaskStatus& task, std::int64_t) {
       return static_cast<double>(task.flow.states.passed_over.size());
     }},
    {"live", "gauge", "1: this version is read and has effects.",
     [](const TaskStatus& task, std::int64_t) {
       return task.role == VersionRole::kLive ? 1.0 : 0.0;
     }},
    {"stopped", "gauge", "1: a poison event or an error has stopped it.",
     [](const TaskStatus& task, std::int64_t) {
       return task.flow.state == FlowState::kStopped || !task.error.empty() ? 1.0 : 0.0;
     }},
};

}  // namespace

std::string_view name(VersionRole role) {
  switch (role) {
    case VersionRole::kLive:
      return "live";
    case VersionRole::kBuilding:
      return "building";
    case VersionRole::kKept:
      break;
  }
  return "kept";
}

std::string_view name(FlowState state) {
  switch (state) {
    case FlowState::kRestoring:
      return "restoring";
    case FlowState::kBehind:
      return "behind";
    case FlowState::kLive:
      return "caught up";
    case FlowState::kStopped:
      break;
  }
  return "stopped";
}

std::string metrics_text(const EngineStatus& status, std::int64_t now_us) {
  std::string out;
  for (const Metric& metric : kMetrics) {
    out += fmt::format("# HELP stele_projection_{0} {2}\n# TYPE stele_projection_{0} {1}\n",
                       metric.name, metric.type, metric.help);
    for (const TaskStatus& task : status) {
      out += fmt::format("stele_projection_{}{{{}}} {}\n", metric.name, labels(task),
                         metric.value(task, now_us));
    }
  }
  return out;
}

}  // namespace stele::projections
