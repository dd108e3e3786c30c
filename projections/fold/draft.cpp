#include "projections/fold/draft.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::projections {

const void* Meta::find_in(std::string_view table, void (*construct)(void*), ByteView key) const {
  for (std::size_t index = 0; index < lookups_.size(); ++index) {
    const Definition& lookup = *lookups_[index];
    if (lookup.name != table) continue;
    if (lookup.state.construct != construct) {
      poison("find(): the table " + lookup.name + " has states of another type");
    }
    return tables_ == nullptr ? nullptr : tables_->find(index, key);
  }
  poison("find(): the projection does not say .looks_up(" + std::string(table) + ")");
}

namespace detail {

namespace {

/// For trials, and where nobody asks for effects.
class NoEffects final : public Effects {
public:
  void append(std::string, log::NewEvent) override {}
  void schedule(std::string, std::int64_t, std::string, log::NewEvent) override {}
  void cancel(std::string_view) override {}
};

Result<Verdict> fold_state(void* state, const StateFold& fold, Effects& effects,
                           StateAccess& states) {
  try {
    Result<Verdict> verdict = fold.fold(fold.context, state, effects);
    if (verdict && *verdict == Verdict::kUndo) verdict = refused("the handler refuses it");
    return verdict;
  } catch (...) {
    states.close(Verdict::kUndo);
    throw;
  }
}

/// `trial`: the state is as before afterwards.
Result<void> fold_key(std::string_view key, FoldRun& run, const StateFold& fold, Effects& effects,
                      bool trial) {
  void* state = run.states.open(as_bytes(key));
  if (state == nullptr) return {};
  Result<Verdict> verdict = fold_state(state, fold, effects, run.states);
  run.states.close(verdict && !trial ? *verdict : Verdict::kUndo);
  if (!verdict) return std::unexpected(std::move(verdict).error());
  return {};
}

/// Where an event's upcasters lead: its own index if it has none; none: in a circle.
std::optional<std::size_t> upcast_end(const Plan& plan, std::size_t index) {
  for (std::size_t taken = 0; taken <= plan.events.size(); ++taken) {
    const EventDraft& event = plan.events[index];
    if (!event.upcast_to) return index;
    index = *event.upcast_to;
  }
  return std::nullopt;
}

void check_event(const Plan& plan, std::size_t index, std::vector<std::string>& mistakes) {
  const EventDraft& event = plan.events[index];
  const auto end = upcast_end(plan, index);
  if (!end) {
    mistakes.push_back(fmt::format("upcasters of {} lead in a circle", event.type));
  } else if (!plan.events[*end].folded && event.upcast_to) {
    mistakes.push_back(
        fmt::format("{} is upcast to {}, which has no on<>()", event.type, plan.events[*end].type));
  } else if (!event.folded && event.keyed) {
    mistakes.push_back(fmt::format("key_by<{0}>() without on<{0}>()", event.type));
  }
  if (event.upcast_to && (event.folded || event.keyed)) {
    mistakes.push_back(
        fmt::format("{} has an upcaster, and on<>() or key_by<>() besides", event.type));
  }
}

std::string handler_shape(const Plan& plan, const EventDraft& event, const EventDraft& end) {
  std::string shape = event.fields;
  for (const EventDraft* at = &event; at->upcast_to;) {
    at = &plan.events[*at->upcast_to];
    fmt::format_to(std::back_inserter(shape), " as {} {}", at->type, at->fields);
  }
  shape += end.keyed                       ? ", keyed by a function of it"
           : plan.meta_key.take != nullptr ? ", keyed by a function of its place"
                                           : ", keyed by stream";
  if (end.has_effects) shape += ", has effects";
  return shape;
}

Handler handler(const std::shared_ptr<const Plan>& plan, const EventDraft& event,
                const EventDraft& end) {
  const bool by_stream = !end.keyed && plan->meta_key.take == nullptr;
  return {.type = std::string(event.type),
          .object = std::make_shared<Step>(plan, &event),
          .run = event.run,
          .keys = by_stream ? nullptr : event.keys,
          .shape = handler_shape(*plan, event, end)};
}

}  // namespace

Meta Passage::meta() const {
  return {event, run == nullptr ? nullptr : run->tables, plan.lookups};
}

std::size_t Draft::event_index(const void* tag, std::string_view type) {
  const auto found = std::ranges::find(plan.events, tag, &EventDraft::tag);
  if (found != plan.events.end()) {
    return static_cast<std::size_t>(found - plan.events.begin());
  }
  plan.events.push_back({.tag = tag, .type = type});
  return plan.events.size() - 1;
}

DefinitionPtr Draft::definition() const {
  std::call_once(made->once, [this] {
    auto definition = std::make_shared<Definition>(said);
    const auto shared = std::make_shared<const Plan>(plan);
    definition->lookups = shared->lookups;
    for (std::size_t index = 0; index < shared->events.size(); ++index) {
      check_event(*shared, index, definition->mistakes);
    }
    if (definition->mistakes.empty()) {
      for (std::size_t index = 0; index < shared->events.size(); ++index) {
        const EventDraft& end = shared->events[*upcast_end(*shared, index)];
        definition->has_effects |= end.has_effects;
        definition->handlers.push_back(handler(shared, shared->events[index], end));
      }
    }
    std::ranges::sort(definition->handlers, {}, &Handler::type);
    if (shared->any) {
      definition->has_effects |= shared->any->has_effects;
      definition->otherwise = handler(shared, *shared->any, *shared->any);
    }
    definition->keyed_by_stream =
        std::ranges::all_of(definition->handlers,
                            [](const Handler& made) { return made.keys == nullptr; }) &&
        (!definition->otherwise || definition->otherwise->keys == nullptr);
    made->definition = std::move(definition);
  });
  return made->definition;
}

Result<void> fold_keys(std::span<const std::string_view> keys, FoldRun& run,
                       const StateFold& fold) {
  NoEffects none;
  Effects& effects = run.effects == nullptr ? none : *run.effects;
  if (keys.size() > 1) {
    for (const std::string_view key : keys) STELE_DO(fold_key(key, run, fold, none, true));
  }
  for (const std::string_view key : keys) STELE_DO(fold_key(key, run, fold, effects, false));
  return {};
}

Result<void> stream_key(const InputEvent& event, const KeySink& sink) {
  if (!event.stream) return refused("it belongs to no stream: say .key_by(…)");
  const std::string_view key = as_text(*event.stream);
  return sink.take(sink.context, {&key, 1});
}

Result<void> tell_keys(std::span<const std::string_view> keys,
                       const std::function<void(ByteView)>& take) {
  for (const std::string_view key : keys) take(as_bytes(key));
  return {};
}

std::unexpected<Error> refused(std::string_view reason) {
  return std::unexpected(Error{Code::kInvalid, std::string(reason)});
}

}  // namespace detail
}  // namespace stele::projections
