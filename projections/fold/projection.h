// Typed folds: what users write.
//
//   auto accounts = projection<Account>("accounts").version(2).from("bank")
//     .on<Deposited>([](Account& a, const Deposited& e) { a.cents += e.cents; })
//     .on<Closed>([](Account&, const Closed&) { return drop; });
//
// A fold is pure: the same events in the same order make the same bytes; nothing in a handler may
// ask for the time, chance or the world. Every call gives a new value and leaves the one that it
// was called on as it was. Mistakes that the compiler cannot see are told by check_definition(),
// when the engine is given the projection. Thread: building is its owner's; the definition is
// immutable, its handlers are called from several threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/event_steps.h"
#include "projections/fold/event_traits.h"
#include "projections/fold/meta.h"
#include "projections/fold/state_codec.h"

namespace stele::projections {

/// .store(memory{.snapshot_every = 100'000, .keep = 4}), .store(sqlite{})
using memory = MemoryStore;
using sqlite = SqliteStore;

/// .on_poison(stop), .on_poison(skip), .on_poison(park("bank.parked"))
inline constexpr PoisonPolicy stop = PoisonPolicy::kStop;
inline constexpr PoisonPolicy skip = PoisonPolicy::kSkip;
struct Park {
  std::string topic;
};
[[nodiscard]] inline Park park(std::string topic) {
  return {std::move(topic)};
}

template <class S>
class Projection {
public:
  using State = S;
  static constexpr auto kConstruct = &detail::StateFunctions<S>::construct;

  explicit Projection(std::string name) {
    draft_.said.name = std::move(name);
    draft_.said.state = state_type_of<S>();
  }

  /// Counts from 1. Another version is built beside this one, from the beginning.
  [[nodiscard]] Projection version(std::uint32_t number) const {
    return with([&](Definition& said) { said.version = number; });
  }
  /// The topics whose events are folded, merged by position.
  template <std::convertible_to<std::string>... Topics>
  [[nodiscard]] Projection from(Topics... topics) const {
    return with([&](Definition& said) { (said.topics.emplace_back(std::move(topics)), ...); });
  }

  /// What is done with events of these types: handler(State&, const E&), behind them
  /// const Meta& and Effects& if it wants them. It returns nothing, drop, keep, a Verdict or a
  /// Result<void>; what it throws, and the error, is why the event is poison.
  template <class... Es, class F>
  [[nodiscard]] Projection on(F handler) const {
    static_assert(sizeof...(Es) > 0, "on<Event>(handler): say which event");
    Projection next = changed();
    const auto shared = std::make_shared<const F>(std::move(handler));
    (next.template add_handler<Es>(shared), ...);
    return next;
  }
  /// Every other event, undecoded: handler(State&, const Meta&), Effects& if it wants them.
  template <class F>
  [[nodiscard]] Projection on_any(F handler) const {
    constexpr bool fits = detail::handler_form<F, S>() != detail::HandlerForm::kNone;
    static_assert(fits, "on_any(handler): a handler is called with (State&, const Meta&)");
    Projection next = changed();
    if constexpr (fits) {
      if (next.draft_.plan.any) next.draft_.mistake("on_any() is said twice");
      next.draft_.plan.any =
          detail::EventDraft{.fields = "undecoded",
                             .steps = std::make_shared<const F>(std::move(handler)),
                             .run = &detail::run_any<S, F>,
                             .keys = &detail::keys_of_any<S, F>,
                             .folded = true,
                             .has_effects = detail::takes_effects<F, S>};
    }
    return next;
  }

  /// Events of a type that is no longer written become what upcaster(Old&&) makes of them, which
  /// may have an upcaster itself.
  template <class Old, class F>
  [[nodiscard]] Projection upcast(F upcaster) const {
    constexpr bool fits = std::invocable<const F&, Old&&>;
    static_assert(Event<Old>,
                  "upcast<Old>: no event_traits<Old>; say template <> struct "
                  "event_traits<Old> : json_event<\"Old\"> {};");
    static_assert(fits, "upcast<Old>(upcaster): an upcaster is called with (Old&&)");
    Projection next = changed();
    if constexpr (fits && Event<Old>) next.template add_upcaster<Old>(std::move(upcaster));
    return next;
  }

  /// Whose state an event of this type changes: function(const E&), or (const E&, const Meta&),
  /// gives a std::string or std::string_view, a std::optional (none: nobody's) or a std::vector of
  /// them (each one's). Without it: the stream's.
  template <class E, class F>
  [[nodiscard]] Projection key_by(F function) const {
    constexpr bool fits =
        std::invocable<const F&, const E&> || std::invocable<const F&, const E&, const Meta&>;
    static_assert(Event<E>, "key_by<E>: no event_traits<E>");
    static_assert(fits,
                  "key_by<E>(function): it is called with (const E&) or with (const E&, "
                  "const Meta&)");
    Projection next = changed();
    if constexpr (fits && Event<E>) next.template add_key<E>(std::move(function));
    return next;
  }
  /// The same for all events that have no key_by<E>(): function(const Meta&).
  template <class F>
  [[nodiscard]] Projection key_by(F function) const {
    constexpr bool fits = std::invocable<const F&, const Meta&>;
    static_assert(fits,
                  "key_by(function): it is called with (const Meta&); say key_by<E>() for a "
                  "function of an event");
    Projection next = changed();
    if constexpr (fits) {
      static_assert(detail::Keys<std::remove_cvref_t<std::invoke_result_t<const F&, const Meta&>>>,
                    "key_by: a key is a std::string, or a std::optional or std::vector of them");
      next.draft_.plan.meta_key = {
          std::make_shared<const F>(std::move(function)),
          [](const void* shared, const Meta& meta, const detail::KeySink& sink) {
            return detail::give_keys((*static_cast<const F*>(shared))(meta), sink);
          }};
    }
    return next;
  }

  /// Tables of other projections, folded along with this one, event by event: Meta::find().
  template <class... Tables>
  [[nodiscard]] Projection looks_up(const Projection<Tables>&... tables) const {
    Projection next = changed();
    (next.draft_.plan.lookups.push_back(tables.definition()), ...);
    return next;
  }

  [[nodiscard]] Projection store(StoreChoice choice) const {
    return with([&](Definition& said) { said.store = choice; });
  }
  [[nodiscard]] Projection on_poison(PoisonPolicy policy) const {
    return with([&](Definition& said) { said.poison = policy; });
  }
  [[nodiscard]] Projection on_poison(Park parking) const {
    return with([&](Definition& said) {
      said.poison = PoisonPolicy::kPark;
      said.park_topic = std::move(parking.topic);
    });
  }
  /// Every change of a state is appended there as an event, old and new state in it.
  [[nodiscard]] Projection publish(std::string topic) const {
    return with([&](Definition& said) { said.publish_topic = std::move(topic); });
  }

  [[nodiscard]] const std::string& name() const { return draft_.said.name; }
  /// Always the same one, for copies too.
  [[nodiscard]] DefinitionPtr definition() const { return draft_.definition(); }
  operator DefinitionPtr() const { return definition(); }

private:
  template <class Other>
  friend class Projection;

  [[nodiscard]] Projection changed() const {
    Projection next = *this;
    next.draft_.made = std::make_shared<detail::Draft::Made>();
    return next;
  }
  template <class Change>
  [[nodiscard]] Projection with(Change change) const {
    Projection next = changed();
    change(next.draft_.said);
    return next;
  }

  template <class E>
  std::size_t index_of() {
    const std::size_t index = draft_.event_index(&detail::kTag<E>, event_type<E>());
    detail::EventDraft& event = draft_.plan.events[index];
    if (event.steps == nullptr) {
      event.fields = detail::event_shape<E>();
      event.steps = std::make_shared<detail::EventSteps<S, E>>();
      event.run = &detail::run_event<S, E>;
      event.keys = &detail::keys_of_event<S, E>;
    }
    return index;
  }
  /// Steps of the event that are this builder's alone, to be changed.
  template <class E>
  detail::EventSteps<S, E>& own_steps(detail::EventDraft& event) {
    using Steps = detail::EventSteps<S, E>;
    auto copy = std::make_shared<Steps>(*static_cast<const Steps*>(event.steps.get()));
    Steps& steps = *copy;
    event.steps = std::move(copy);
    return steps;
  }

  template <class E, class F>
  void add_handler(const std::shared_ptr<const F>& handler) {
    constexpr bool fits = detail::handler_form<F, S, E>() != detail::HandlerForm::kNone;
    static_assert(Event<E>,
                  "on<E>: no event_traits<E>; say template <> struct event_traits<E> : "
                  "json_event<\"E\"> {};");
    static_assert(fits,
                  "on<E>(handler): a handler is called with (State&, const E&), and behind "
                  "them const Meta& and Effects& if it takes them; it may not be mutable");
    if constexpr (fits && Event<E>) {
      detail::EventDraft& event = draft_.plan.events[index_of<E>()];
      if (event.folded) draft_.mistake("on<" + std::string(event.type) + ">() is said twice");
      event.folded = true;
      event.has_effects = detail::takes_effects<F, S, E>;
      detail::EventSteps<S, E>& steps = own_steps<E>(event);
      steps.handler = handler;
      steps.fold = [](const void* shared, S& state, const E& decoded,
                      const detail::Passage& passage, Effects& effects) {
        return detail::call_handler(*static_cast<const F*>(shared), state, passage, effects,
                                    decoded);
      };
    }
  }

  template <class Old, class F>
  void add_upcaster(F upcaster) {
    using New = std::remove_cvref_t<std::invoke_result_t<const F&, Old&&>>;
    static_assert(Event<New> && !std::same_as<Old, New>,
                  "upcast<Old>(upcaster): it returns another event, one with event_traits");
    const std::size_t to = index_of<New>();
    detail::EventDraft& event = draft_.plan.events[index_of<Old>()];
    event.upcast_to = to;
    detail::EventSteps<S, Old>& steps = own_steps<Old>(event);
    steps.upcaster = std::make_shared<const F>(std::move(upcaster));
    steps.upcast = [](const void* shared, Old& old, const detail::Passage& passage,
                      const detail::EventDraft& next) {
      New made = (*static_cast<const F*>(shared))(std::move(old));
      return detail::advance<S, New>(next, made, passage);
    };
  }

  template <class E, class F>
  void add_key(F function) {
    constexpr bool plain = std::invocable<const F&, const E&>;
    detail::EventDraft& event = draft_.plan.events[index_of<E>()];
    if (event.keyed) draft_.mistake("key_by<" + std::string(event.type) + ">() is said twice");
    event.keyed = true;
    detail::EventSteps<S, E>& steps = own_steps<E>(event);
    steps.key = std::make_shared<const F>(std::move(function));
    steps.take_keys = [](const void* shared, const E& decoded, const detail::Passage& passage,
                         const detail::KeySink& sink) {
      const F& call = *static_cast<const F*>(shared);
      if constexpr (plain) {
        static_assert(detail::Keys<std::remove_cvref_t<decltype(call(decoded))>>,
                      "key_by<E>: a key is a std::string, or a std::optional or std::vector of "
                      "them");
        return detail::give_keys(call(decoded), sink);
      } else {
        return detail::give_keys(call(decoded, passage.meta()), sink);
      }
    };
  }

  detail::Draft draft_;
};

template <class S>
[[nodiscard]] Projection<S> projection(std::string name) {
  return Projection<S>(std::move(name));
}

}  // namespace stele::projections
