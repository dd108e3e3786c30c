// FlowGroup: tasks that come and go with this instance's share, and what it tells.
#include <algorithm>

#include "projections/engine/flow_group.h"
#include "projections/state/past_states.h"

namespace stele::projections {

Result<void> FlowGroup::look_up_left_at(const std::vector<std::int32_t>& tasks) {
  Checkpoint left_at;
  for (const std::int32_t task : tasks) {
    STELE_TRY(const auto past, list_past(env_, folders_.task_path(live_->version, task)));
    if (past.empty()) continue;
    for (const InputPlace& place : past.front()->mark().checkpoint.places()) {
      left_at.set(place.input, place.next);
    }
  }
  const std::scoped_lock lock(table_mutex_);
  left_at_ = std::move(left_at);
  return {};
}

Result<void> FlowGroup::open_tasks(const std::vector<std::int32_t>& tasks) {
  const std::scoped_lock lock(mutex_);
  Result<void> outcome;
  for (const auto& [number, version] : versions_) {
    for (const std::int32_t task : tasks) {
      if (std::ranges::count(version->runs, task, [](const auto& run) { return run->number(); })) {
        continue;
      }
      const auto opened = open_run(*version, task);
      if (!opened && outcome) outcome = std::unexpected(opened.error());
      if (opened && *opened != nullptr && started_) start_run(**opened);
    }
  }
  publish();
  return outcome;
}

Result<void> FlowGroup::close_tasks(const std::vector<std::int32_t>& tasks) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<TaskRun>> closing;
  for (const auto& [number, version] : versions_) {
    std::vector<std::shared_ptr<TaskRun>> staying;
    for (auto& run : version->runs) {
      const bool goes = std::ranges::count(tasks, run->number()) != 0;
      (goes ? closing : staying).push_back(std::move(run));
    }
    version->runs = std::move(staying);
  }
  publish();
  Result<void> outcome;
  for (const auto& run : closing) run->ask_to_stop();
  for (const auto& run : closing) {
    auto closed = run->close();
    if (!closed && outcome) outcome = std::move(closed);
  }
  return outcome;
}

void FlowGroup::drop_tasks() {
  const std::scoped_lock lock(mutex_);
  const auto runs = all_runs();
  for (const auto& [number, version] : versions_) version->runs.clear();
  {
    const std::scoped_lock table_lock(table_mutex_);
    live_table_ = nullptr;
  }
  for (const ViewSlot& slot : views_) slot.view->point_at(nullptr);
  for (const auto& run : runs) run->ask_to_stop();
  for (const auto& run : runs) run->stop();
}

Result<void> FlowGroup::commit() {
  const std::scoped_lock lock(mutex_);
  Result<void> outcome;
  for (const auto& run : all_runs()) {
    const TaskRun::Hold held = run->hold();
    auto committed = run->task().commit();
    if (!committed && outcome) outcome = std::move(committed);
  }
  return outcome;
}

Result<void> FlowGroup::close() {
  stop();
  auto outcome = commit();
  drop_tasks();
  return outcome;
}

// --- what it tells ---

std::shared_ptr<LiveView> FlowGroup::view(const std::type_info& type) const {
  const std::scoped_lock lock(mutex_);
  // Slots of one type follow the live version if it is of that type; else the newest is read.
  const ViewSlot* newest = nullptr;
  for (const ViewSlot& slot : views_) {
    if (*slot.type != type || find(slot.version) == nullptr) continue;
    if (newest == nullptr || slot.version > newest->version) newest = &slot;
  }
  return newest == nullptr ? nullptr : newest->view;
}

std::vector<std::pair<DefinitionPtr, VersionRole>> FlowGroup::definitions() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<DefinitionPtr, VersionRole>> definitions;
  for (const auto& [number, version] : versions_) {
    definitions.emplace_back(version->added.definition, role_of(number));
  }
  return definitions;
}

Checkpoint FlowGroup::checkpoint() const {
  const std::scoped_lock lock(table_mutex_);
  return live_table_ == nullptr ? Checkpoint{} : live_table_->checkpoint();
}

namespace {

std::optional<std::chrono::seconds> time_left(const FlowStatus& flow) {
  if (flow.state == FlowState::kLive || flow.state == FlowState::kStopped) return std::nullopt;
  if (flow.lag_events <= 0 || flow.events_per_second < 1) return std::nullopt;
  const double seconds = static_cast<double>(flow.lag_events) / flow.events_per_second;
  return std::chrono::seconds(static_cast<std::int64_t>(seconds) + 1);
}

}  // namespace

void FlowGroup::tell(EngineStatus& status) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, version] : versions_) {
    for (const auto& run : version->runs) {
      TaskStatus task{.projection = name_,
                      .version = number,
                      .role = role_of(number),
                      .task = task_name(run->number()),
                      .flow = run->task().status(),
                      .error = {},
                      .time_left = {}};
      if (const auto error = halted_ ? halted_ : run->error()) task.error = error->text();
      task.time_left = time_left(task.flow);
      status.push_back(std::move(task));
    }
  }
}

std::vector<PoisonRecord> FlowGroup::poisons() const {
  const std::scoped_lock lock(mutex_);
  std::vector<PoisonRecord> records;
  const Version* const live = live_ ? find(live_->version) : nullptr;
  if (live == nullptr) return records;
  for (const auto& run : live->runs) {
    const auto of_run = run->task().poisons();
    records.insert(records.end(), of_run.begin(), of_run.end());
  }
  return records;
}

Result<std::size_t> FlowGroup::redrive() {
  const std::scoped_lock lock(mutex_);
  const Version* const live = live_ ? find(live_->version) : nullptr;
  std::size_t count = 0;
  if (live == nullptr) return count;
  for (const auto& run : live->runs) {
    const TaskRun::Hold held = run->hold();
    STELE_TRY(const std::size_t of_run, run->task().redrive());
    count += of_run;
  }
  return count;
}

}  // namespace stele::projections
