#include "projections/testkit/fold_scene.h"

#include <algorithm>
#include <set>

#include "log/base/fail.h"

namespace stele::projections {

namespace {

std::string data_text(const log::NewEvent& event) {
  return event.data ? " " + std::string(as_text(*event.data)) : std::string();
}

class KeptEffects final : public Effects {
public:
  std::vector<GivenEffect> kept;

  void append(std::string topic, log::NewEvent event) override {
    kept.push_back({.topic = std::move(topic), .event = std::move(event)});
  }
  void schedule(std::string timer, std::int64_t at_ms, std::string topic,
                log::NewEvent event) override {
    kept.push_back({.kind = GivenEffect::Kind::kSchedule,
                    .timer = std::move(timer),
                    .at_ms = at_ms,
                    .topic = std::move(topic),
                    .event = std::move(event)});
  }
  void cancel(std::string_view timer) override {
    kept.push_back({.kind = GivenEffect::Kind::kCancel, .timer = std::string(timer)});
  }
};

/// The states of one fold.
class FoldTable final : public StateAccess {
public:
  explicit FoldTable(DefinitionPtr definition) : definition_(std::move(definition)) {}

  void* open(ByteView key) override {
    key_ = as_text(key);
    const auto found = states.find(key_);
    is_new_ = found == states.end();
    if (!is_new_) before_ = found->second;
    return (is_new_ ? states.emplace(key_, StateBox(definition_->state)).first : found)
        ->second.data();
  }
  void close(Verdict verdict) override {
    if (verdict == Verdict::kDrop || (verdict == Verdict::kUndo && is_new_)) {
      states.erase(key_);
    } else if (verdict == Verdict::kUndo) {
      states.find(key_)->second = *before_;
    }
    before_.reset();
  }

  /// As a snapshot and a restart: every state is made anew of its bytes.
  void restart(std::string_view after, std::vector<std::string>& faults) {
    for (auto& [key, state] : states) {
      const Bytes bytes = state.encoded();
      StateBox again(definition_->state);
      const Result<void> decoded = again.decode(bytes);
      if (!decoded) {
        faults.push_back(fmt::format("{} after {}: {} cannot be decoded: {}", key, after,
                                     state.print(), decoded.error().text()));
      } else if (again.encoded() != bytes) {
        faults.push_back(fmt::format("{} after {}: {} is {} after a restart", key, after,
                                     state.print(), again.print()));
      }
      state = std::move(again);
    }
  }

  [[nodiscard]] const Definition& definition() const { return *definition_; }

  std::map<std::string, StateBox> states;

private:
  DefinitionPtr definition_;
  std::string key_;
  bool is_new_ = false;
  std::optional<StateBox> before_;
};

class Scene final : TableAccess {
public:
  explicit Scene(const DefinitionPtr& definition) : own_(definition) {
    for (const DefinitionPtr& lookup : definition->lookups) {
      lookups_.push_back(std::make_unique<FoldTable>(lookup));
    }
  }

  /// False: it stops here.
  bool fold(const InputEvent& event) {
    for (const auto& lookup : lookups_) {
      if (!fold_into(*lookup, event)) return false;
    }
    return fold_into(own_, event);
  }

  void restart(const InputEvent& after) {
    const std::string place = event_place(after);
    for (const auto& lookup : lookups_) lookup->restart(place, outcome_.restart_faults);
    own_.restart(place, outcome_.restart_faults);
  }

  Outcome take() {
    outcome_.states = std::move(own_.states);
    outcome_.effects = std::move(effects_.kept);
    return std::move(outcome_);
  }

private:
  bool fold_into(FoldTable& table, const InputEvent& event) {
    const Definition& definition = table.definition();
    if (std::ranges::find(definition.topics, event.topic) == definition.topics.end()) return true;
    const Handler* handler = definition.find(event.type);
    if (handler == nullptr) return true;
    const std::size_t effects_before = effects_.kept.size();
    FoldRun run{.states = table, .tables = this, .effects = &effects_};
    const Result<void> folded = handler->run(handler->object.get(), event, run);
    if (folded) return true;
    effects_.kept.resize(effects_before);
    outcome_.poison.push_back({event_place(event), folded.error().detail});
    outcome_.stopped = own_.definition().poison == PoisonPolicy::kStop;
    return !outcome_.stopped;
  }

  [[nodiscard]] const void* find(std::size_t table, ByteView key) const override {
    const auto& states = lookups_[table]->states;
    const auto found = states.find(std::string(as_text(key)));
    return found == states.end() ? nullptr : found->second.data();
  }

  FoldTable own_;
  std::vector<std::unique_ptr<FoldTable>> lookups_;
  KeptEffects effects_;
  Outcome outcome_;
};

std::vector<std::string> topics_of(const Definition& definition) {
  std::vector<std::string> topics = definition.topics;
  for (const DefinitionPtr& lookup : definition.lookups) {
    topics.insert(topics.end(), lookup->topics.begin(), lookup->topics.end());
  }
  return topics;
}

void add_line(std::string& to, std::string_view what, std::string_view wanted,
              std::string_view found) {
  fmt::format_to(std::back_inserter(to), "{}: wanted {}, found {}\n", what, wanted, found);
}

}  // namespace

std::string GivenEffect::text() const {
  switch (kind) {
    case Kind::kAppend:
      return fmt::format("append {} {}{}", topic, event.type, data_text(event));
    case Kind::kSchedule:
      return fmt::format("schedule {} at {} {} {}{}", timer, at_ms, topic, event.type,
                         data_text(event));
    case Kind::kCancel:
      break;
  }
  return "cancel " + timer;
}

std::string Outcome::print(const std::string& key) const {
  const auto found = states.find(key);
  return found == states.end() ? "nothing" : found->second.print();
}

std::string Outcome::dump() const {
  std::string text;
  for (const auto& [key, state] : states) {
    fmt::format_to(std::back_inserter(text), "{}\t{}\n", key, state.print());
  }
  return text;
}

Result<Outcome> fold_scene(const DefinitionPtr& definition, const std::vector<GivenEvent>& events,
                           const SceneOptions& options) {
  STELE_DO(check_definition(*definition));
  GivenEvents source;
  const std::vector<std::string> topics = topics_of(*definition);
  for (const std::string& topic : topics) source.add_topic(topic);
  for (const GivenEvent& event : events) source.add(event);
  STELE_TRY(const auto reader, source.open(topics, {InputId::store()}, {}));
  Scene scene(definition);
  std::size_t count = 0;
  while (true) {
    STELE_TRY(const LotPtr lot, reader->next(std::chrono::nanoseconds(0)));
    if (lot->end) return scene.take();
    for (const InputEvent& event : lot->events) {
      if (options.until_ms && event.time_ms > *options.until_ms) continue;
      if (!scene.fold(event)) return scene.take();
      if (options.restart_every != 0 && ++count % options.restart_every == 0) scene.restart(event);
    }
  }
}

std::string difference(const Outcome& wanted, const Outcome& found) {
  std::string text;
  std::set<std::string> keys;
  for (const Outcome* outcome : {&wanted, &found}) {
    for (const auto& [key, state] : outcome->states) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const auto left = wanted.states.find(key);
    const auto right = found.states.find(key);
    const bool same = left != wanted.states.end() && right != found.states.end() &&
                      left->second.encoded() == right->second.encoded();
    if (!same) add_line(text, key, wanted.print(key), found.print(key));
  }
  for (std::size_t at = 0; at < std::max(wanted.effects.size(), found.effects.size()); ++at) {
    const auto effect = [at](const Outcome& outcome) {
      return at < outcome.effects.size() ? outcome.effects[at].text() : std::string("nothing");
    };
    if (effect(wanted) == effect(found)) continue;
    add_line(text, fmt::format("effect {}", at), effect(wanted), effect(found));
  }
  if (wanted.poison.size() != found.poison.size()) {
    add_line(text, "poison events", std::to_string(wanted.poison.size()),
             std::to_string(found.poison.size()));
  }
  return text;
}

}  // namespace stele::projections
