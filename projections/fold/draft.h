// A projection while it is being said, and the plan that its handlers run by: what of the builder
// (projection.h) needs no type. Thread: a draft is its owner's, a plan is immutable.
//
//   on<E>, key_by<E>, upcast<Old> ─► EventDraft of each event type ─► Plan ─► Handlers
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/meta.h"

namespace stele::projections::detail {

/// Keys of one event: called once, with all of them. They are valid meanwhile.
struct KeySink {
  void* context = nullptr;
  Result<void> (*take)(void* context, std::span<const std::string_view> keys) = nullptr;
};

struct Plan;

/// An event on its way through a plan. Exactly one of `run` and `keys` is set.
struct Passage {
  const InputEvent& event;
  const Plan& plan;
  FoldRun* run = nullptr;                               ///< fold it
  const std::function<void(ByteView)>* keys = nullptr;  ///< tell its keys

  [[nodiscard]] Meta meta() const;
};

/// What a plan knows of one event type; EventSteps<S, E> of projection.h are behind `steps`.
struct EventDraft {
  const void* tag = nullptr;  ///< of the C++ type
  std::string_view type = {};
  std::string fields;                 ///< as fingerprints show them
  std::shared_ptr<const void> steps;  ///< the typed part
  Result<void> (*run)(const void* object, const InputEvent& event, FoldRun& run) = nullptr;
  Result<void> (*keys)(const void* object, const InputEvent& event,
                       const std::function<void(ByteView)>& take) = nullptr;
  bool folded = false;
  bool keyed = false;
  bool has_effects = false;
  std::optional<std::size_t> upcast_to = {};  ///< index in Plan::events
};

/// key_by() for all events.
struct MetaKey {
  std::shared_ptr<const void> function;
  Result<void> (*take)(const void* function, const Meta& meta, const KeySink& sink) = nullptr;
};

struct Plan {
  std::vector<EventDraft> events;
  std::optional<EventDraft> any;  ///< on_any()
  MetaKey meta_key;
  std::vector<DefinitionPtr> lookups;
};

/// Handler::object: which of a plan's events.
struct Step {
  std::shared_ptr<const Plan> plan;
  const EventDraft* draft = nullptr;
};

struct Draft {
  Definition said;  ///< all but state's functions and handlers
  Plan plan;
  /// Made at the first definition() and shared by the copies of the builder.
  struct Made {
    std::once_flag once;
    DefinitionPtr definition;
  };
  std::shared_ptr<Made> made = std::make_shared<Made>();

  /// The event's index in plan.events; it is added if it is new.
  std::size_t event_index(const void* tag, std::string_view type);
  void mistake(std::string what) { said.mistakes.push_back(std::move(what)); }
  [[nodiscard]] DefinitionPtr definition() const;
};

/// Opens the key's state, folds it, closes it: for each key. `fold(context, state, effects)`.
struct StateFold {
  void* context = nullptr;
  Result<Verdict> (*fold)(void* context, void* state, Effects& effects) = nullptr;
};
Result<void> fold_keys(std::span<const std::string_view> keys, FoldRun& run, const StateFold& fold);

/// Calls `sink` with the event's stream; an error if it has none.
Result<void> stream_key(const InputEvent& event, const KeySink& sink);
/// Tells or folds the keys that a sink gets.
Result<void> tell_keys(std::span<const std::string_view> keys,
                       const std::function<void(ByteView)>& take);

/// The reason why an event is poison.
[[nodiscard]] std::unexpected<Error> refused(std::string_view reason);

}  // namespace stele::projections::detail
