// FlowTask as it is: reads lots, has them folded, lets effects out, commits when due.
//
//   step:  what waits goes out ─► next lot ─► fold ─► what it caused goes out, timers ─► commit
//   stop:  rebuild the states, if they hold more than what stands before the event ─► commit ─► over
//
// Rebuilding is what a restart does: restore, and fold again up to the event, in one lane.
// Threads: as FlowTask.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "projections/flow/flow_fold.h"
#include "projections/flow/flow_rate.h"
#include "projections/flow/flow_task.h"

namespace stele::projections {

class FlowWork final : public FlowTask {
public:
  FlowWork(DefinitionPtr definition, Source& source, std::vector<InputId> inputs, Env& env,
           std::unique_ptr<StateStore> states, FlowTaskOptions options);

  /// Restores, and opens the source. Errors as FlowTask::open().
  Result<void> begin();

  Result<bool> step(std::chrono::nanoseconds longest) override;
  Result<void> commit() override;
  Result<void> let_out() override;
  void set_effects_from(std::optional<Checkpoint> from) override;
  Result<Checkpoint> read(ByteView key,
                          const std::function<void(const void* state)>& visit) const override;
  [[nodiscard]] Checkpoint checkpoint() const override;
  bool wait_for(const Checkpoint& wanted, std::chrono::nanoseconds longest) const override;
  [[nodiscard]] FlowStatus status() const override;
  [[nodiscard]] std::vector<PoisonRecord> poisons() const override;
  Result<std::size_t> redrive() override;
  [[nodiscard]] const StateStore& states() const override { return fold_.states(); }

private:
  Result<void> open_reader();
  void close_reader();
  Result<bool> next_lot(std::chrono::nanoseconds longest);
  [[nodiscard]] std::chrono::nanoseconds bounded(std::chrono::nanoseconds longest);
  Result<void> fold();
  Result<void> let_out_some();
  Result<void> fire_due();
  [[nodiscard]] Error on_out_error(Error error);
  [[nodiscard]] bool is_due();
  void commit_if_due();
  Result<void> commit_now(bool force);
  Error stop_here(FlowStop stop);  // by value: rebuilding takes back what the fold says of it
  Result<void> rebuild(const Checkpoint& target);
  Error stopped(Error error);
  void tell(bool folded);

  DefinitionPtr definition_;
  Source& source_;
  std::vector<InputId> inputs_;
  Env& env_;
  std::uint32_t lanes_;
  FlowFold fold_;
  std::vector<std::string> topics_;
  LotSharer sharer_;

  // One of them, or none: it is opened again by the next step.
  std::unique_ptr<SourceReader> reader_;
  std::unique_ptr<LotAhead> ahead_;
  LotWork work_;
  bool caught_up_ = false;
  std::int64_t last_recorded_us_ = 0;

  Checkpoint committed_;
  std::uint64_t tried_count_ = 0;  ///< event_count() at the last commit that was tried
  bool is_declined_ = false;       ///< that one took no snapshot
  bool is_changed_ = false;        ///< something besides the checkpoint, since the last commit
  std::chrono::nanoseconds committed_at_{0};
  std::chrono::nanoseconds not_before_{0};  ///< of the next try, after one that failed

  std::optional<Error> over_;       ///< it has stopped
  std::atomic<bool> lost_ = false;  ///< its states are neither old nor new: nobody reads them
  mutable std::shared_mutex rebuild_mutex_;  ///< exclusive: states are being rebuilt

  mutable std::mutex status_mutex_;
  FlowStatus status_;  ///< checkpoint, poison count and states are asked for when it is
  FlowRate rate_;
};

}  // namespace stele::projections
