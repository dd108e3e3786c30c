// The view of a projection while its versions come and go: it reads whatever table of tasks it was
// pointed at last. Threads: any.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "projections/engine/task_run.h"
#include "projections/engine/view.h"

namespace stele::projections {

/// The tasks of one version. Immutable, shared with readers.
struct TaskTable {
  DefinitionPtr definition;
  std::vector<std::shared_ptr<TaskRun>> runs;  ///< by number

  /// Null: the input is not folded here.
  [[nodiscard]] TaskRun* find(const InputId& input) const;
  /// All tasks' together.
  [[nodiscard]] Checkpoint checkpoint() const;
};
using TaskTablePtr = std::shared_ptr<const TaskTable>;

class LiveView final : public FlowView {
public:
  /// Both outlive its being pointed at anything.
  LiveView(Source& source, Env& env) : source_(source), env_(env) {}

  /// Readers that come after this read `table`; null: they get kClosed.
  void point_at(TaskTablePtr table);

  Result<Checkpoint> read(ByteView key, const Visit& visit) const override;
  Result<void> wait_for(const AtLeast& wanted) const override;
  Result<Checkpoint> for_each(
      const std::function<void(ByteView key, const void* state)>& visit) const override;
  [[nodiscard]] Result<std::string> token(const Checkpoint& checkpoint) const override;
  Result<PastState> state_at(ByteView key, const Moment& moment) const override;
  Result<std::unique_ptr<PastTable>> states_at(const Moment& moment) const override;
  [[nodiscard]] Result<std::uint32_t> version() const override;

private:
  using Snapshots = std::vector<std::shared_ptr<const PastStates>>;
  /// Those of a task that keeps its states in memory, open: as of how many it had taken.
  struct KeptSnapshots {
    std::uint64_t count = 0;
    Snapshots snapshots;
  };

  [[nodiscard]] Result<TaskTablePtr> table() const;
  [[nodiscard]] Result<Past> past_of(const DefinitionPtr& definition, const TaskRun& run) const;
  [[nodiscard]] Result<Snapshots> snapshots_of(const Definition& definition,
                                               const TaskRun& run) const;
  static Result<Checkpoint> read_from(const TaskTable& table, ByteView key, const Visit& visit);

  Source& source_;
  Env& env_;
  mutable std::mutex mutex_;
  TaskTablePtr table_;
  mutable std::map<const TaskRun*, KeptSnapshots> kept_;  ///< of table_'s runs
  std::atomic<std::uint64_t> generation_{0};              ///< of table_
};

}  // namespace stele::projections
