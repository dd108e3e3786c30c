// One FlowTask at work: its gate, its thread, if it has one, and whose turn it is.
//
//   worker thread   ─┐                      ┌─► step, step, step …
//   catch_up()      ─┼─► one at a time ─────┼─► step
//   a switch        ─┘   (holders first)    └─► hold: several steps, commit, effects
//
// Threads: any; FlowTask::step() and commit() only by who holds it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "projections/engine/gated_source.h"
#include "projections/flow/flow_task.h"

namespace stele::projections {

struct TaskRunSpec {
  DefinitionPtr definition;
  std::int32_t number = -1;  ///< the partitions' number; -1: all there is
  std::vector<InputId> inputs;
  Gate* gate = nullptr;  ///< null: it is never held back. Outlives the run
  FlowTaskOptions options;
};

class TaskRun {
public:
  /// kAlreadyExists: another process, or another engine of this one, folds in this folder (named);
  /// else as FlowTask::open(). `source` and `env` outlive it. The folder is let go of with it.
  static Result<std::shared_ptr<TaskRun>> open(TaskRunSpec spec, Source& source, Env& env);
  ~TaskRun();
  TaskRun(const TaskRun&) = delete;
  TaskRun& operator=(const TaskRun&) = delete;

  [[nodiscard]] std::int32_t number() const { return spec_.number; }
  [[nodiscard]] const std::vector<InputId>& inputs() const { return spec_.inputs; }
  [[nodiscard]] const std::string& folder() const { return spec_.options.folder; }
  [[nodiscard]] FlowTask& task() { return *task_; }
  [[nodiscard]] const FlowTask& task() const { return *task_; }

  /// Nobody else steps or commits while it lives.
  class Hold {
  public:
    explicit Hold(TaskRun& run) : run_(&run) { run.acquire(); }
    Hold(Hold&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (run_ != nullptr) run_->release();
    }

  private:
    TaskRun* run_;
  };
  [[nodiscard]] Hold hold() { return Hold(*this); }

  /// One step, when it is its turn.
  Result<bool> step(std::chrono::nanoseconds longest);
  /// The last step said that nothing more is there.
  [[nodiscard]] bool caught_up() const { return caught_up_.load(std::memory_order_acquire); }
  /// Why the last step failed; nullopt: it did not.
  [[nodiscard]] std::optional<Error> error() const;

  /// Steps on a thread of its own until stop(): `after_step` is called after each, on that thread,
  /// while nobody holds the run. After an error that may pass (kIo, kNoSpace, kOverloaded,
  /// kOutcomeUnknown) it tries again a second later; any other ends it, error() says why.
  void start(std::function<void()> after_step);
  void ask_to_stop();
  /// Waits for the thread to end.
  void stop();
  /// Ends the thread; states and checkpoint are durable then.
  Result<void> close();

private:
  TaskRun(TaskRunSpec spec, Source& source);
  void acquire();
  bool acquire_for_worker();
  void release();
  Result<bool> step_held(std::chrono::nanoseconds longest);
  void work(const std::function<void()>& after_step);

  TaskRunSpec spec_;
  GatedSource gated_;
  std::unique_ptr<FlowTask> task_;
  std::atomic<bool> caught_up_{false};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int waiting_ = 0;  ///< holders: they go before the worker
  bool stop_ = false;
  std::optional<Error> error_;
  std::thread worker_;
};

}  // namespace stele::projections
