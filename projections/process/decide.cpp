#include "projections/process/decide.h"

#include <algorithm>

#include "log/base/fail.h"
#include "projections/process/lasting_tag.h"
#include "projections/sources/viewed_event.h"

namespace stele::projections {
namespace {

constexpr std::size_t kCommandBytesMax = 1000;

/// The effects of handlers happened when the events were folded by their flow.
class NoEffects final : public Effects {
public:
  void append(std::string /*topic*/, log::NewEvent /*event*/) override {}
  void schedule(std::string /*timer*/, std::int64_t /*at_ms*/, std::string /*topic*/,
                log::NewEvent /*event*/) override {}
  void cancel(std::string_view /*timer*/) override {}
};

/// All keys are this one state.
class OneState final : public StateAccess {
public:
  explicit OneState(StateBox& state) : state_(state) {}

  void* open(ByteView /*key*/) override {
    before_ = state_;
    return state_.data();
  }
  void close(Verdict verdict) override {
    if (verdict == Verdict::kDrop) state_ = StateBox(state_.type());
    if (verdict == Verdict::kUndo) state_ = std::move(*before_);
    before_.reset();
  }

private:
  StateBox& state_;
  std::optional<StateBox> before_;
};

/// Folds events as they are read, up to the first poison one.
class FoldingSink final : public log::EventSink {
public:
  FoldingSink(const Definition& evolve, StateBox& state) : evolve_(evolve), states_(state) {}

  void take(const log::EventView& view) override {
    if (!result_) return;
    const InputEvent& event = event_.read(view);
    const Handler* handler = evolve_.find(event.type);
    if (handler == nullptr) return;
    FoldRun run{.states = states_, .effects = &effects_};
    auto folded = handler->run(handler->object.get(), event, run);
    if (folded || evolve_.poison != PoisonPolicy::kStop) return;
    result_ = fail(Code::kInvalid, "event {} cannot be folded: {}", event_place(event),
                   folded.error().detail);
  }
  [[nodiscard]] const Result<void>& result() const { return result_; }

private:
  const Definition& evolve_;
  OneState states_;
  NoEffects effects_;
  ViewedEvent event_;
  Result<void> result_;
};

log::Selection selection_of(const DecideScope& scope) {
  if (const auto* stream = std::get_if<log::StreamName>(&scope))
    return log::StreamSelection{stream->topic, stream->stream};
  return std::get<log::Query>(scope);
}

Result<void> check(const Definition& evolve, const DecideOptions& options) {
  if (!evolve.lookups.empty())
    return fail(Code::kInvalid, "projection {} looks things up: no decider can be made of it",
                evolve.name);
  if (options.command.size() > kCommandBytesMax)
    return fail(Code::kInvalid, "a command id has {} bytes, over {}", options.command.size(),
                kCommandBytesMax);
  return {};
}

/// Gathers where events stand.
class PlaceSink final : public log::EventSink {
public:
  explicit PlaceSink(std::vector<log::AppendedEvent>& places) : places_(places) {}
  void take(const log::EventView& view) override {
    places_.push_back({.position = view.place.position,
                       .partition = view.place.partition,
                       .offset = view.place.offset,
                       .version = view.version,
                       .id = std::string(view.id)});
  }

private:
  std::vector<log::AppendedEvent>& places_;
};

/// One command on its way.
class CommandRun {
public:
  CommandRun(const Definition& evolve, EventAccess& store, const DecideScope& scope,
             const DecideOptions& options)
      : evolve_(evolve), store_(store), scope_(scope), options_(options) {
    if (!options.command.empty()) tag_ = lasting_tag(kCommandTag, options.command);
  }

  Result<Decided> run(const DecideFunction& decide, const std::optional<LoadedState>& from) {
    for (int attempt = 1;; ++attempt) {
      STELE_TRY(std::optional<Decided> first, first_answer());
      if (first) return *std::move(first);
      STELE_TRY(const LoadedState loaded, load_state(evolve_, store_, scope_, from));
      STELE_TRY(std::vector<log::TopicEvent> events, decide(loaded.state.data()));
      auto decided = append(std::move(events), loaded);
      if (decided) {
        decided->attempts = attempt;
        return *std::move(decided);
      }
      log::AppendRefusal& refusal = decided.error();
      if (!is_conflict(refusal.error.code)) return std::unexpected(std::move(refusal.error));
      STELE_DO(look_for_removed_command(refusal));
      if (attempt >= options_.attempts_max)
        return at(fmt::format("after {} attempts", attempt), std::move(refusal.error));
    }
  }

private:
  [[nodiscard]] bool is_conflict(Code code) const {
    return code == Code::kWrongVersion || code == Code::kConditionFailed ||
           (code == Code::kAlreadyExists && !tag_.empty());
  }

  Result<std::optional<Decided>> first_answer() {
    if (tag_.empty()) return std::nullopt;
    Decided decided{.repeated = true};
    PlaceSink sink(decided.events);
    log::ReadRequest request{.select = log::TagSelection{tag_}, .versions = true};
    for (bool end = false; !end;) {
      STELE_TRY(const log::PageSummary page, store_.read_into(request, sink));
      end = page.end;
      request.from.token = page.next;
    }
    if (decided.events.empty()) return std::nullopt;
    decided.version = decided.events.back().version;
    STELE_TRY(decided.token, store_.token(decided.events.back().position.next()));
    return decided;
  }

  std::expected<Decided, log::AppendRefusal> append(std::vector<log::TopicEvent> events,
                                                    const LoadedState& loaded) {
    Decided decided{.version = loaded.version};
    if (events.empty()) {
      auto token = store_.token(loaded.next);
      if (!token) return std::unexpected(log::AppendRefusal{.error = token.error()});
      decided.token = *std::move(token);
      return decided;
    }
    auto appended = store_.append(guarded(std::move(events), loaded));
    if (!appended) return std::unexpected(std::move(appended).error());
    decided.events = std::move(appended->events);
    decided.token = std::move(appended->token);
    decided.repeated = appended->duplicate;
    if (std::holds_alternative<log::StreamName>(scope_))
      decided.version = decided.events.back().version;
    return decided;
  }

  [[nodiscard]] log::EventAppend guarded(std::vector<log::TopicEvent> events,
                                         const LoadedState& loaded) const {
    log::EventAppend append{.events = std::move(events)};
    if (const auto* stream = std::get_if<log::StreamName>(&scope_)) {
      append.expectations = {{*stream, loaded.version ? log::ExpectedVersion::exact(*loaded.version)
                                                      : log::ExpectedVersion::no_stream()}};
    } else {
      append.conditions.push_back({std::get<log::Query>(scope_), std::nullopt});
      if (loaded.next > Position(0))
        append.conditions.back().after = Position(loaded.next.raw() - 1);
    }
    if (tag_.empty()) return append;
    append.conditions.push_back({{{{.tags = {tag_}}}}, std::nullopt});
    for (std::size_t i = 0; i < append.events.size(); ++i) {
      log::NewEvent& event = append.events[i].event;
      event.id = fmt::format("{}/{}", options_.command, i);
      event.tags.push_back(tag_);
    }
    return append;
  }

  /// The command's tag is taken, and no event shows it.
  Result<void> look_for_removed_command(const log::AppendRefusal& refusal) {
    if (tag_.empty()) return {};
    const std::size_t own = std::holds_alternative<log::StreamName>(scope_) ? 0 : 1;
    const bool taken = refusal.error.code == Code::kAlreadyExists ||
                       std::ranges::find(refusal.conditions, own, &log::FailedCondition::index) !=
                           refusal.conditions.end();
    if (!taken) return {};
    STELE_TRY(const std::optional<Decided> first, first_answer());
    if (first) return {};
    return fail(Code::kAlreadyExists, "command {} was carried out; its events were removed",
                options_.command);
  }

  const Definition& evolve_;
  EventAccess& store_;
  const DecideScope& scope_;
  const DecideOptions& options_;
  std::string tag_;
};

}  // namespace

Result<LoadedState> load_state(const Definition& evolve, EventAccess& store,
                               const DecideScope& scope, std::optional<LoadedState> from) {
  STELE_DO(check(evolve, {}));
  const bool is_stream = std::holds_alternative<log::StreamName>(scope);
  LoadedState loaded = from ? *std::move(from) : LoadedState{StateBox(evolve.state), {}, {}};
  log::ReadRequest request{.select = selection_of(scope), .from = {.position = loaded.next}};
  FoldingSink sink(evolve, loaded.state);
  for (bool end = false; !end;) {
    const auto page = store.read_into(request, sink);
    STELE_DO(sink.result());
    if (!page) {
      if (!is_stream || page.error().code != Code::kNotFound) return std::unexpected(page.error());
      return loaded;
    }
    end = page->end;
    request.from.token = page->next;
    loaded.next = page->as_of;
    if (is_stream) loaded.version = page->last_version;
  }
  return loaded;
}

Result<Decided> decide_and_append(const Definition& evolve, EventAccess& store,
                                  const DecideScope& scope, const DecideFunction& decide,
                                  const DecideOptions& options,
                                  const std::optional<LoadedState>& from) {
  STELE_DO(check(evolve, options));
  return CommandRun(evolve, store, scope, options).run(decide, from);
}

}  // namespace stele::projections
