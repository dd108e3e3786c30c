// One flow at work: a projection and the tables it looks up in, folded over some inputs into one
// StateStore. The engine drives it; it starts no thread but those of its lanes.
//
//   SourceReader ─► lot ─► (lanes: shards of the keys) ─► states, effects ─► commit when due
//
// Exactly once: states, timers and poison records belong to one checkpoint (Mark). Effects leave
// after the lot that caused them is folded. A poison event under kStop: the task stops with the
// states as they were before it; under kSkip or kPark it is recorded and passed over. Threads:
// step(), commit() by one at a time; everything const by any thread meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "projections/fold/definition.h"
#include "projections/sources/source.h"
#include "projections/state/state_store.h"

namespace stele::projections {

struct FlowTaskOptions {
  std::string folder;       ///< of snapshots or the SQLite file; made if it is not there
  std::uint32_t lanes = 1;  ///< threads that fold; more than 1: not with lookups or effects
  /// Effects and published changes of events below it are muted. nullopt: all are, and timers don't
  /// fire: a version that is not live.
  std::optional<Checkpoint> effects_from = Checkpoint{};
  std::size_t poison_max = 10'000;  ///< recorded; beyond it the task stops
};

enum class FlowState : std::uint8_t {
  kRestoring,
  kBehind,   ///< folding history
  kLive,     ///< has caught up
  kStopped,  ///< by a poison event or an error: FlowStatus::stopped_because
};

struct PoisonRecord {
  InputId input;
  std::int64_t place = 0;
  std::string event;  ///< event_place()
  std::string reason;
  bool parked = false;
  friend bool operator==(const PoisonRecord&, const PoisonRecord&) = default;
};

struct FlowStatus {
  FlowState state = FlowState::kRestoring;
  std::string stopped_because;  ///< the event's place and the reason, or the error
  Checkpoint checkpoint;
  Checkpoint end;               ///< of the inputs, when last seen
  std::int64_t lag_events = 0;  ///< places between them
  double lag_seconds = 0;       ///< wall clock minus recorded time of the last event; 0 when live
  std::uint64_t events_folded = 0;  ///< since opened
  double events_per_second = 0;     ///< over the last seconds
  std::uint64_t poison_count = 0;
  std::uint64_t restored_events = 0;  ///< that restore() spared
  StateStoreStats states;
};

class FlowTask {
public:
  /// Restores the states and opens the source behind them. kInvalid definition, kNotFound (a topic,
  /// named), kOutOfRange (events below the checkpoint are gone), kIo, kCorrupt. `source` and `env`
  /// outlive it.
  static Result<std::unique_ptr<FlowTask>> open(DefinitionPtr definition, Source& source,
                                                std::vector<InputId> inputs, Env& env,
                                                FlowTaskOptions options);
  virtual ~FlowTask() = default;

  /// Folds one lot, waiting at most `longest` for one; lets effects out; commits when due. True: it
  /// has caught up. kInvalid: stopped by a poison event (named); other errors as
  /// SourceReader::next().
  virtual Result<bool> step(std::chrono::nanoseconds longest) = 0;
  /// Makes states and checkpoint durable now.
  virtual Result<void> commit() = 0;
  /// Lets all effects out that wait, unless they are muted. An error: some still wait; as those of
  /// Outbox::flush().
  virtual Result<void> let_out() = 0;
  /// From now on, as FlowTaskOptions::effects_from: a version that becomes the live one, or no
  /// longer is. Between steps.
  virtual void set_effects_from(std::optional<Checkpoint> from) = 0;

  /// Calls `visit` with the state (null: none) of a key of the projection itself, and returns the
  /// checkpoint that it stands for: exactly the events below it are in it.
  virtual Result<Checkpoint> read(ByteView key,
                                  const std::function<void(const void* state)>& visit) const = 0;
  /// All below it is in every state.
  [[nodiscard]] virtual Checkpoint checkpoint() const = 0;
  /// Blocks until checkpoint() covers `wanted` (true), or `longest` has gone by, or it has stopped.
  virtual bool wait_for(const Checkpoint& wanted, std::chrono::nanoseconds longest) const = 0;
  [[nodiscard]] virtual FlowStatus status() const = 0;
  [[nodiscard]] virtual std::vector<PoisonRecord> poisons() const = 0;
  /// Appends parked events again, to be folded by handlers that can: how many. kUnsupported: the
  /// source is no store, or the policy is not kPark.
  virtual Result<std::size_t> redrive() = 0;
  [[nodiscard]] virtual const StateStore& states() const = 0;
};

}  // namespace stele::projections
