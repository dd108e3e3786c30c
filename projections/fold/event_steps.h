// The typed part of a plan: decoding an event, bringing it up to date, finding its keys, calling the
// user's handler. No std::function, and no memory is asked for unless the user's types do.
// Thread: immutable once the definition is made; lanes share it.
//
//   run_event<S, E> ─► decode ─► advance ─► upcast ─► advance …
//                                  └► keys ─► FoldCall ─► open, handler, close for each key
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "projections/fold/draft.h"
#include "projections/fold/event_traits.h"
#include "projections/fold/state_codec.h"

namespace stele::projections::detail {

/// Its address stands for T.
template <class T>
inline constexpr char kTag = 0;

enum class HandlerForm : std::uint8_t {
  kNone,
  kPlain,
  kMeta,
  kEffects,
  kMetaEffects,
  kEffectsMeta,
};

/// How F is called; Es: the event, or nothing.
template <class F, class S, class... Es>
constexpr HandlerForm handler_form() {
  using Call = const F&;
  if constexpr (std::invocable<Call, S&, const Es&...>) {
    return HandlerForm::kPlain;
  } else if constexpr (std::invocable<Call, S&, const Es&..., const Meta&>) {
    return HandlerForm::kMeta;
  } else if constexpr (std::invocable<Call, S&, const Es&..., Effects&>) {
    return HandlerForm::kEffects;
  } else if constexpr (std::invocable<Call, S&, const Es&..., const Meta&, Effects&>) {
    return HandlerForm::kMetaEffects;
  } else if constexpr (std::invocable<Call, S&, const Es&..., Effects&, const Meta&>) {
    return HandlerForm::kEffectsMeta;
  } else {
    return HandlerForm::kNone;
  }
}
template <class F, class S, class... Es>
inline constexpr bool takes_effects = handler_form<F, S, Es...>() >= HandlerForm::kEffects;

template <class Call>
Result<Verdict> verdict_of(const Call& call) {
  using Answer = std::invoke_result_t<const Call&>;
  if constexpr (std::is_void_v<Answer>) {
    call();
    return Verdict::kKeep;
  } else if constexpr (std::same_as<Answer, Verdict> || std::same_as<Answer, Result<Verdict>>) {
    return call();
  } else {
    static_assert(std::same_as<Answer, Result<void>>,
                  "a handler returns nothing, drop, keep, a Verdict or a Result<void>");
    Answer answer = call();
    if (!answer) return std::unexpected(std::move(answer).error());
    return Verdict::kKeep;
  }
}

template <class F, class S, class... Es>
Result<Verdict> call_handler(const F& handler, S& state, const Passage& passage, Effects& effects,
                             const Es&... event) {
  constexpr HandlerForm kForm = handler_form<F, S, Es...>();
  return verdict_of([&]() -> decltype(auto) {
    if constexpr (kForm == HandlerForm::kPlain) {
      return handler(state, event...);
    } else if constexpr (kForm == HandlerForm::kMeta) {
      return handler(state, event..., std::as_const(static_cast<const Meta&>(passage.meta())));
    } else if constexpr (kForm == HandlerForm::kEffects) {
      return handler(state, event..., effects);
    } else if constexpr (kForm == HandlerForm::kMetaEffects) {
      return handler(state, event..., static_cast<const Meta&>(passage.meta()), effects);
    } else {
      return handler(state, event..., effects, static_cast<const Meta&>(passage.meta()));
    }
  });
}

// --- keys ---

template <class K>
concept OneKey = std::convertible_to<const K&, std::string_view>;
template <class K>
concept Keys = OneKey<K> || (Optional<K> && OneKey<typename K::value_type>) ||
               (List<K> && OneKey<typename K::value_type>);

/// Gives all of them to the sink, each once.
template <Keys K>
Result<void> give_keys(const K& key, const KeySink& sink) {
  if constexpr (OneKey<K>) {
    const std::string_view one = key;
    return sink.take(sink.context, {&one, 1});
  } else if constexpr (Optional<K>) {
    return key ? give_keys(*key, sink) : Result<void>();
  } else {
    std::vector<std::string_view> all;
    for (const std::string_view one : key) {
      if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
    }
    return sink.take(sink.context, all);
  }
}

// --- events ---

template <class S, class E>
struct EventSteps {
  std::shared_ptr<const void> handler;
  Result<Verdict> (*fold)(const void* handler, S& state, const E& event, const Passage& passage,
                          Effects& effects) = nullptr;
  std::shared_ptr<const void> key;
  Result<void> (*take_keys)(const void* key, const E& event, const Passage& passage,
                            const KeySink& sink) = nullptr;
  std::shared_ptr<const void> upcaster;
  Result<void> (*upcast)(const void* upcaster, E& event, const Passage& passage,
                         const EventDraft& to) = nullptr;
};

/// One event, one handler, on its way to the keys' states.
template <class S, class Call>
struct FoldCall {
  const Passage& passage;
  const Call& call;  ///< call(state, effects)

  static Result<void> take(void* context, std::span<const std::string_view> keys) {
    const Passage& passage = static_cast<FoldCall*>(context)->passage;
    if (passage.keys != nullptr) return tell_keys(keys, *passage.keys);
    return fold_keys(keys, *passage.run, {context, &FoldCall::fold});
  }
  static Result<Verdict> fold(void* context, void* state, Effects& effects) {
    return static_cast<FoldCall*>(context)->call(*static_cast<S*>(state), effects);
  }
};

/// Keyed by what holds for all events: a function of the place, or the stream.
inline Result<void> take_place_keys(const Passage& passage, const KeySink& sink) {
  const MetaKey& key = passage.plan.meta_key;
  if (key.take == nullptr) return stream_key(passage.event, sink);
  return key.take(key.function.get(), passage.meta(), sink);
}

template <class S, class E>
Result<void> advance(const EventDraft& draft, E& event, const Passage& passage) {
  const auto& steps = *static_cast<const EventSteps<S, E>*>(draft.steps.get());
  if (steps.upcast != nullptr) {
    return steps.upcast(steps.upcaster.get(), event, passage,
                        passage.plan.events[*draft.upcast_to]);
  }
  const auto call = [&](S& state, Effects& effects) {
    return steps.fold(steps.handler.get(), state, event, passage, effects);
  };
  FoldCall<S, decltype(call)> fold{passage, call};
  const KeySink sink{&fold, &decltype(fold)::take};
  if (steps.take_keys != nullptr) {
    return steps.take_keys(steps.key.get(), event, passage, sink);
  }
  return take_place_keys(passage, sink);
}

/// What the user's code throws is the reason why the event is poison.
template <class Work>
Result<void> guarded(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& thrown) {
    return refused(thrown.what());
  } catch (...) {
    return refused("something was thrown that is no std::exception");
  }
}

template <class S, class E>
Result<void> pass_event(const EventDraft& draft, const Passage& passage) {
  return guarded([&]() -> Result<void> {
    Result<E> event = decode_event<E>(passage.event);
    if (!event) return std::unexpected(std::move(event).error());
    return advance<S, E>(draft, *event, passage);
  });
}

template <class S, class E>
Result<void> run_event(const void* object, const InputEvent& event, FoldRun& run) {
  const Step& step = *static_cast<const Step*>(object);
  return pass_event<S, E>(*step.draft, {.event = event, .plan = *step.plan, .run = &run});
}
template <class S, class E>
Result<void> keys_of_event(const void* object, const InputEvent& event,
                           const std::function<void(ByteView)>& take) {
  const Step& step = *static_cast<const Step*>(object);
  return pass_event<S, E>(*step.draft, {.event = event, .plan = *step.plan, .keys = &take});
}

// --- on_any() ---

template <class S, class F>
Result<void> pass_any(const Step& step, const Passage& passage) {
  return guarded([&] {
    const F& handler = *static_cast<const F*>(step.draft->steps.get());
    const auto call = [&](S& state, Effects& effects) {
      return call_handler(handler, state, passage, effects);
    };
    FoldCall<S, decltype(call)> fold{passage, call};
    return take_place_keys(passage, {&fold, &decltype(fold)::take});
  });
}
template <class S, class F>
Result<void> run_any(const void* object, const InputEvent& event, FoldRun& run) {
  const Step& step = *static_cast<const Step*>(object);
  return pass_any<S, F>(step, {.event = event, .plan = *step.plan, .run = &run});
}
template <class S, class F>
Result<void> keys_of_any(const void* object, const InputEvent& event,
                         const std::function<void(ByteView)>& take) {
  const Step& step = *static_cast<const Step*>(object);
  return pass_any<S, F>(step, {.event = event, .plan = *step.plan, .keys = &take});
}

/// An event as fingerprints show it.
template <class E>
std::string event_shape() {
  std::string shape;
  if constexpr (ProtobufMessage<E>) {
    append_opaque_shape<E>(shape);
  } else if constexpr (DecodesItself<E> || !HasFields<E>) {
    shape = "own decoding";
  } else {
    append_struct_shape<E>(shape);
  }
  return shape;
}

}  // namespace stele::projections::detail
