// The engine: projections at work over a source of events, and their states to be read.
//
//   auto engine = Engine::open(store_events, {.folder = "views"}).value();
//   View<Account> view = engine->add(accounts).value();
//   engine->catch_up().value();                    // folds on this thread until nothing is left
//   engine->start();                               // and goes on, on threads of its own
//   view.get("acc-7").value().state->cents;
//
//   source ─► task (states, effects) ─► commit       a thread for each task of each version
//              │ a store: one task; a Kafka cluster: one for each partition number
//              └─► views: any thread
//
// Versions. A projection is its name; a definition that folds differently is a higher version of
// it. Added above the live one it is built beside it, muted, and takes its place when it has caught
// up, in one step: no reader sees an error or an older state, no effect is lost or comes twice. The
// old one folds on, muted, as long as it is added: rollback() goes back to it at once. A definition
// that was changed without raising the version is refused.
//
// Exactly once: states and checkpoint are one, whenever and however the process ends.
//
// Threads: any, all at once. The engine outlives nothing it was given: source and env outlive it.
// This header needs the standard library alone.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "log/env/env.h"
#include "log/event_store/event_store.h"
#include "projections/engine/status.h"
#include "projections/engine/view.h"
#include "projections/fold/projection.h"
#include "projections/sources/assignment.h"
#include "projections/sources/source.h"

namespace stele::projections {

enum class Promote : std::uint8_t {
  kWhenCaughtUp,  ///< a version that is built takes the live one's place by itself
  kByHand,        ///< promote() does it
};

struct EngineOptions {
  std::string folder;       ///< of all projections' states; made if it is not there
  std::uint32_t lanes = 1;  ///< threads that fold within a task, where order allows it
  Promote promote = Promote::kWhenCaughtUp;
  std::size_t poison_max = 10'000;   ///< recorded for a task; beyond it the task stops
  Env* env = nullptr;                ///< null: one of its own, of this machine
  Assignment* assignment = nullptr;  ///< null: all partitions are folded here. Outlives the engine
  /// catch_up() waits so long for the first share of the work.
  std::chrono::nanoseconds assignment_longest = std::chrono::seconds(60);
};

struct AddOptions {
  /// A projection's very first version has effects from here on. Default: from the beginning.
  Checkpoint effects_from = {};
};

/// Told now and then what the engine is at.
using Progress = std::function<void(const EngineStatus& status)>;
/// Writes one line for each task that is behind: rewritten in place on a terminal, a new one every
/// few seconds elsewhere. `to` outlives it.
[[nodiscard]] Progress progress_on(std::FILE* to);

class Engine {
public:
  /// kInvalid (no folder), kIo, kNoSpace.
  static Result<std::unique_ptr<Engine>> open(Source& source, EngineOptions options);
  /// Over a store in this process. `events` outlives the engine.
  static Result<std::unique_ptr<Engine>> open(log::EventStore& events, EngineOptions options);
  virtual ~Engine() =
      default;  ///< as stop(), without commits: what was folded since is folded again
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Adds a version of a projection; its states are there as they were when it returns. kInvalid:
  /// the definition is wrong; it has changed under the same version (the message shows where); its
  /// topics are not copartitioned (the message names two). kNotFound: a topic. kAlreadyExists:
  /// another process folds in the folder. kCorrupt, kUnsupported, kIo, kNoSpace.
  template <class State>
  Result<View<State>> add(const Projection<State>& projection, AddOptions options = {}) {
    STELE_TRY(FlowViewPtr view, add(projection.definition(), typeid(State), std::move(options)));
    return View<State>(std::move(view));
  }
  /// The same, without the type; `type` is the state's.
  virtual Result<FlowViewPtr> add(DefinitionPtr definition, const std::type_info& type,
                                  AddOptions options) = 0;
  /// The view of a projection that was added. kNotFound; kInvalid: its states are of another type.
  template <class State>
  [[nodiscard]] Result<View<State>> view(std::string_view name) const {
    STELE_TRY(FlowViewPtr view, this->view(name, typeid(State)));
    return View<State>(std::move(view));
  }
  [[nodiscard]] virtual Result<FlowViewPtr> view(std::string_view name,
                                                 const std::type_info& type) const = 0;

  /// Folds on this thread until every version has all there is. What stops a live version is its
  /// error; one that is built beside it has its error in status(). May be called beside start().
  /// kOverloaded: no share of the work was assigned in time; as Assignment::poll().
  virtual Result<void> catch_up(const Progress& progress = nullptr) = 0;
  /// Folds on threads of its own from now on. Errors are told by status(); those that may pass are
  /// retried.
  virtual Result<void> start() = 0;
  /// Ends the threads and commits. The first error; it is stopped all the same.
  virtual Result<void> stop() = 0;
  /// stop(); lets go of all folders; views answer kClosed from now on.
  virtual Result<void> close() = 0;

  /// Makes a version that has caught up the live one. kInvalid: it has not, or is it already;
  /// kNotFound; kIo, kNoSpace: the old one is still live.
  virtual Result<void> promote(std::string_view name, std::uint32_t version) = 0;
  /// Back to the version that was live before. kNotFound: there is none, or it was not added.
  virtual Result<void> rollback(std::string_view name) = 0;
  /// Removes states and definition of a version that is neither live nor being built. kInvalid: it
  /// is; kAlreadyExists: another process folds it; kIo.
  virtual Result<void> remove_version(std::string_view name, std::uint32_t version) = 0;

  /// Events that the live version has passed over or stopped at. kNotFound: no such projection.
  virtual Result<std::vector<PoisonRecord>> poisons(std::string_view name) const = 0;
  /// Appends its parked events again; how many. As FlowTask::redrive().
  virtual Result<std::size_t> redrive(std::string_view name) = 0;

  [[nodiscard]] virtual EngineStatus status() const = 0;
  /// status() for Prometheus.
  [[nodiscard]] virtual std::string metrics() const = 0;
  /// What flows where: topics, projections with the event types they handle, tables, topics that
  /// are written. For Graphviz; for a browser.
  [[nodiscard]] virtual std::string picture_dot() const = 0;
  [[nodiscard]] virtual std::string picture_svg() const = 0;

protected:
  Engine() = default;
};

}  // namespace stele::projections
