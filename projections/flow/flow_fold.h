// The fold of a flow: its states, what goes with them (timers, poison records), and how far all of
// that has got. Lots go in, one after the other; effects and parked copies come out.
//
//   LotWork ─► one lane: event by event    ─┐
//           └► lanes: parts at a time ──────┴─► states, outbox, poison log ─► checkpoint
//
// Invariant: after fold() without a stop() everything is as of checkpoint(). After one that is
// dirty, nobody reads (is_torn()) until restore() and a replay up to it.
// Threads: who folds, one at a time; what is const of progress(), poisons(), states(), is_torn()
// by any.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "projections/flow/event_folder.h"
#include "projections/flow/flow_progress.h"
#include "projections/flow/lanes.h"
#include "projections/flow/lot_work.h"
#include "projections/flow/poison_log.h"
#include "projections/process/outbox.h"

namespace stele::projections {

/// The event in front of which a flow stops.
struct FlowStop {
  std::string because;  ///< its place and the reason
  Checkpoint at;        ///< the event is the next one of its input
  bool dirty = false;   ///< states hold more than `at`: restore them and replay
};

class FlowFold {
public:
  /// `source` outlives it.
  FlowFold(DefinitionPtr definition, Source& source, std::unique_ptr<StateStore> states,
           FlowTaskOptions options);

  /// Forgets what is in memory, and takes what was committed last. kIo, kCorrupt, kUnsupported.
  Result<void> restore();
  /// Folds the lot's events below the place `limit`; with a limit, on this thread alone. Looks at
  /// stop() afterwards. An error is the states' store's: nothing can be relied on but restore().
  Result<void> fold(const LotWork& work, std::int64_t limit = INT64_MAX);
  [[nodiscard]] const std::optional<FlowStop>& stop() const { return stop_; }
  /// States have been rebuilt up to the stop.
  void rebuilt() { torn_.store(false); }

  /// Appends what waits: parked copies, effects. Errors as Source::append(): it still waits.
  Result<void> let_out();
  /// Also timers' events that are due at `now_ms`, if effects are not muted here.
  Result<void> fire_due(std::int64_t now_ms);
  [[nodiscard]] std::optional<std::int64_t> next_due_ms() const;
  /// Too much waits to fold on.
  [[nodiscard]] bool is_full() const;
  void set_effects_from(std::optional<Checkpoint> from);

  /// Parked copies leave first: what is behind a checkpoint is not parked again. Otherwise as
  /// StateStore::commit().
  Result<void> commit(bool force);

  Result<std::size_t> redrive();

  [[nodiscard]] const Definition& definition() const { return *definition_; }
  [[nodiscard]] bool takes_parked() const { return takes_parked_; }
  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] std::uint64_t event_count() const { return event_count_; }
  [[nodiscard]] FlowProgress& progress() { return progress_; }
  [[nodiscard]] const FlowProgress& progress() const { return progress_; }
  [[nodiscard]] const StateStore& states() const { return *states_; }
  [[nodiscard]] bool is_torn() const { return torn_.load(); }
  [[nodiscard]] std::vector<PoisonRecord> poisons() const;
  [[nodiscard]] std::size_t poison_count() const;

private:
  /// What a lane has met.
  struct LaneNotes {
    std::vector<std::pair<std::uint32_t, Error>> poisons;  ///< by index in the lot
    std::optional<Error> broken;
  };
  struct Parking {
    std::string origin;
    log::TopicEvent copy;
  };

  Result<void> take_extras(ByteView extras);
  [[nodiscard]] Mark mark() const;
  Result<void> fold_alone(const LotWork& work, std::size_t from, std::size_t to);
  static constexpr std::uint32_t kAnyLane = UINT32_MAX;
  void prefetch(const LotWork& work, std::size_t at, std::size_t end,
                std::uint32_t lane = kAnyLane) const;
  Result<void> fold_in_lanes(const LotWork& work);
  Result<void> fold_together(const LotWork& work, std::size_t from, std::size_t to);
  void fold_lane(const LotWork& work, std::size_t from, std::size_t to, std::uint32_t lane);
  Result<void> fold_event(const LotWork& work, const EventWork& one);
  Result<bool> fold_one(const LotWork& work, const InputEvent& event, const Route& route,
                        const EventWork& one);
  Result<void> fold_redriven(const LotWork& work, const EventWork& one);
  void pass_over(const LotWork& work, std::uint32_t index, const InputEvent& event,
                 const Error& reason, bool dirty);
  void stop_at(const LotWork& work, std::uint32_t index, std::string because, bool dirty);
  void count(const LotWork& work, std::int64_t next);
  [[nodiscard]] bool is_muted(const InputId& input, std::int64_t place) const;
  Result<void> park();

  DefinitionPtr definition_;
  Source& source_;
  std::unique_ptr<StateStore> states_;
  FlowTaskOptions options_;
  bool takes_parked_ = false;

  Outbox outbox_;
  std::optional<ChangePublisher> changes_;
  bool has_effects_;
  std::atomic<bool> torn_ = false;
  FlowRouter router_;  ///< of redriven events
  EventFolder solo_;   ///< all keys
  std::deque<EventFolder> lane_folders_;
  std::vector<LaneNotes> lane_notes_;
  std::unique_ptr<LanePool> pool_;  ///< null: one lane
  std::atomic<std::uint32_t> stop_index_ = UINT32_MAX;

  Checkpoint checkpoint_;
  std::uint64_t event_count_ = 0;
  std::int64_t event_time_ms_max_ = INT64_MIN;
  std::int64_t recorded_us_max_ = INT64_MIN;
  std::int64_t tick_ = 0;  ///< of the next lot's first event
  std::optional<FlowStop> stop_;
  std::vector<Parking> parkings_;
  FlowProgress progress_;

  mutable std::mutex poison_mutex_;
  PoisonLog poisons_;
};

}  // namespace stele::projections
