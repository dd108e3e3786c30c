// All versions of one projection at work, and which of them is live.
//
//   v1 live ──────────────┐ switch: one rename of the file `live`        v1 kept, muted
//   v2 building, muted ───┴───────────────────────────────────────────►  v2 live
//
// A switch: both stand still; the new one folds what the old one has; both commit; the record is
// written; effects of the old one are muted and those of the new one begin at the old one's
// checkpoint; readers move. A crash before the rename leaves the old one live, a crash after it the
// new one; no effect is lost or let out by both.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <typeinfo>
#include <vector>

#include "projections/engine/live_view.h"
#include "projections/engine/status.h"
#include "projections/engine/versions.h"

namespace stele::projections {

struct FlowGroupOptions {
  std::string folder;  ///< the engine's
  std::uint32_t lanes = 1;
  std::size_t poison_max = 10'000;
  bool promote_when_caught_up = true;
};

class FlowGroup {
public:
  /// Reads which version is live. kCorrupt, kUnsupported, kIo. `source` and `env` outlive it.
  static Result<std::unique_ptr<FlowGroup>> open(std::string name, Source& source, Env& env,
                                                 FlowGroupOptions options);
  ~FlowGroup();
  FlowGroup(const FlowGroup&) = delete;
  FlowGroup& operator=(const FlowGroup&) = delete;

  struct Added {
    DefinitionPtr definition;
    const std::type_info* type = nullptr;  ///< of the state
    std::vector<InputId> inputs;           ///< of all its topics
    Checkpoint effects_from;               ///< counts if no version was ever live
  };
  /// Adds a version; opens its tasks for `tasks` (numbers of partitions; -1: the one for a store).
  Result<std::shared_ptr<LiveView>> add(Added added, const std::vector<std::int32_t>& tasks);

  /// kNotFound: no such version here; kInvalid: it has not caught up, or it is live already.
  Result<void> promote(std::uint32_t version);
  /// To the version that was live before. kNotFound.
  Result<void> rollback();
  /// kInvalid: it is live. States and definition are gone when it returns.
  Result<void> remove(std::uint32_t version);

  /// Steps every task once; true: nothing is left to do but for those whose step failed.
  bool step();
  /// Why the live version does not fold; status() tells the others'.
  [[nodiscard]] Result<void> trouble() const;
  /// Switches to a version that is built and may be switched to by itself; true if it did.
  Result<bool> promote_built();

  /// Threads that fold, one a task.
  void start();
  void stop();

  /// This instance's share has grown. kAlreadyExists: the one who had it is not gone yet: call
  /// again.
  Result<void> open_tasks(const std::vector<std::int32_t>& tasks);
  /// It has shrunk: states are committed, folders are let go of. The first error.
  Result<void> close_tasks(const std::vector<std::int32_t>& tasks);
  /// Everything is another instance's now: nothing is committed.
  void drop_tasks();
  /// Makes all states durable. The first error.
  Result<void> commit();
  /// The same, and lets go of all tasks for good.
  Result<void> close();

  /// Null: no version of it has states of this type.
  [[nodiscard]] std::shared_ptr<LiveView> view(const std::type_info& type) const;
  [[nodiscard]] std::vector<std::pair<DefinitionPtr, VersionRole>> definitions() const;
  [[nodiscard]] Checkpoint checkpoint() const;  ///< of the live version
  void tell(EngineStatus& status) const;        ///< appends
  /// Poison records of the live version.
  [[nodiscard]] std::vector<PoisonRecord> poisons() const;
  Result<std::size_t> redrive();

private:
  class LiveGate;
  struct Version {
    Added added;
    std::unique_ptr<LiveGate> gate;
    std::vector<std::shared_ptr<TaskRun>> runs;  ///< by number

    [[nodiscard]] std::uint32_t number() const { return added.definition->version; }
    [[nodiscard]] TaskTablePtr table() const;
  };
  struct ViewSlot {
    std::shared_ptr<LiveView> view;
    const std::type_info* type;
    std::uint32_t version;  ///< read if the live one's states are of another type
  };

  FlowGroup(std::string name, Source& source, Env& env, FlowGroupOptions options);

  [[nodiscard]] VersionRole role_of(std::uint32_t version) const;
  [[nodiscard]] Version* find(std::uint32_t version) const;
  [[nodiscard]] Version* built() const;
  [[nodiscard]] std::vector<std::shared_ptr<TaskRun>> all_runs() const;
  Result<void> make_first_live(const Added& added);
  Result<TaskRun*> open_run(Version& version, std::int32_t task);
  Result<void> look_up_left_at(const std::vector<std::int32_t>& tasks);
  void start_run(TaskRun& run);
  void publish();
  void after_step();
  Result<void> switch_to(Version& to);
  Result<Checkpoint> leave_behind(Version& from, Version& to);
  Result<std::vector<std::unique_ptr<FolderLock>>> take_over_from_absent(const Version& to);
  Result<void> write_switch(const Version& to, const Checkpoint& effects_from);

  std::string name_;
  Source& source_;
  Env& env_;
  FlowGroupOptions options_;
  VersionFolders folders_;

  mutable std::mutex mutex_;  ///< of what follows: versions come, go, change roles
  std::map<std::uint32_t, std::unique_ptr<Version>> versions_;
  std::vector<ViewSlot> views_;
  std::optional<LiveRecord> live_;
  std::optional<Error> halted_;  ///< a switch whose outcome is unknown: nothing folds any more
  std::chrono::nanoseconds switch_after_{0};  ///< one has failed: tried again then
  std::string switch_trouble_;                ///< that was reported
  bool started_ = false;
  std::atomic<bool> building_{false};  ///< a version may have to be switched to

  mutable std::mutex table_mutex_;  ///< of what follows: gates ask while a switch is on
  TaskTablePtr live_table_;         ///< null: the live version is not added
  std::uint32_t live_version_ = 0;
  Checkpoint left_at_;  ///< where a live version that is not added has left its effects
};

}  // namespace stele::projections
