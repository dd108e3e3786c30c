#include "projections/temporal/flow_replay.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/events/event_view.h"

namespace stele::projections {
namespace {

constexpr std::uint64_t kNodeBytes = 96;  // of a map's node, beyond key and state, about

/// Where effects of the past go: nowhere.
class NoEffects final : public Effects {
public:
  void append(std::string, log::NewEvent) override {}
  void schedule(std::string, std::int64_t, std::string, log::NewEvent) override {}
  void cancel(std::string_view) override {}
};

const Handler* handler_of(const Definition& definition, const InputEvent& event) {
  if (std::ranges::find(definition.topics, event.topic) == definition.topics.end()) return nullptr;
  const Handler* handler = definition.find(event.type);
  if (handler == nullptr && definition.otherwise) handler = &*definition.otherwise;
  return handler;
}

/// Of the event, as poison records name it.
std::string origin_of(const InputEvent& event) {
  std::string origin;
  log::append_made_id(origin, event.topic, event.partition, event.offset);
  return origin;
}

bool share_events(const Definition& one, const Definition& other) {
  const auto listens = [&](const std::string& topic) {
    return std::ranges::find(other.topics, topic) != other.topics.end();
  };
  if (std::ranges::none_of(one.topics, listens)) return false;
  if (one.otherwise || other.otherwise) return true;
  return std::ranges::any_of(
      one.handlers, [&](const Handler& handler) { return other.find(handler.type) != nullptr; });
}

}  // namespace

// --- states ---

ReplayStates::ReplayStates(const Definition& definition, std::optional<std::string> only)
    : definition_(definition),
      only_(std::move(only)),
      entry_bytes_(definition.state.size + kNodeBytes) {}

ReplayStates::StateKey ReplayStates::state_key(ByteView key) {
  return {Key(key).hash, std::string(as_text(key))};
}

void* ReplayStates::open(ByteView key) {
  STELE_CHECK(!state_);
  if (only_ && as_text(key) != *only_) return nullptr;
  key_ = state_key(key);
  const auto found = states_.find(key_);
  if (found == states_.end())
    state_.emplace(definition_.state);
  else
    state_.emplace(found->second);
  return state_->data();
}

void ReplayStates::close(Verdict verdict) {
  STELE_CHECK(state_);
  std::optional<StateBox> state = std::exchange(state_, std::nullopt);
  if (verdict == Verdict::kUndo) return;
  if (verdict == Verdict::kDrop) state.reset();
  std::optional<StateBox> before = put(key_, std::move(state));
  if (undoable_) before_.emplace_back(std::move(key_), std::move(before));
}

void ReplayStates::begin_event(bool undoable) {
  undoable_ = undoable;
  before_.clear();
}

void ReplayStates::undo_event() {
  for (; !before_.empty(); before_.pop_back())
    put(before_.back().first, std::move(before_.back().second));
}

std::optional<StateBox> ReplayStates::put(const StateKey& key, std::optional<StateBox> state) {
  std::optional<StateBox> before;
  const auto found = states_.find(key);
  if (found != states_.end()) before.emplace(std::move(found->second));
  if (state && before) {
    found->second = *std::move(state);
  } else if (state) {
    key_bytes_ += key.second.size();
    states_.emplace(key, *std::move(state));
  } else if (before) {
    key_bytes_ -= key.second.size();
    states_.erase(found);
  }
  return before;
}

const StateBox* ReplayStates::find(ByteView key) const {
  const auto found = states_.find(state_key(key));
  return found == states_.end() ? nullptr : &found->second;
}

void ReplayStates::insert(const Key& key, StateBox state) {
  key_bytes_ += key.bytes.size();
  states_.emplace_hint(states_.end(), std::pair(key.hash, std::string(as_text(key.bytes))),
                       std::move(state));
}

Result<void> ReplayStates::load(const PastStates& from, std::size_t fold,
                                std::uint64_t memory_bytes_max) {
  const auto take = [&](ByteView key, ByteView bytes) -> Result<void> {
    StateBox state(definition_.state);
    STELE_DO(state.decode(bytes));
    insert(Key(key), std::move(state));
    if (memory_bytes() <= memory_bytes_max) return {};
    return fail(Code::kTooLarge, "states of {} take more than {} bytes of memory", definition_.name,
                memory_bytes_max);
  };
  if (!only_) return from.for_each(fold, take);
  const ByteView key = as_bytes(*only_);
  STELE_TRY(const std::optional<Bytes> bytes, from.find(fold, Key(key)));
  return bytes ? take(key, *bytes) : Result<void>();
}

// --- folds ---

FlowReplay::FlowReplay(const Definition& definition, const ParkedEvents& parked,
                       std::optional<std::string> only)
    : definition_(definition), parked_(parked), tables_(folds_) {
  const bool passes_over = definition.poison != PoisonPolicy::kStop;
  // What is poison for a projection is none for its lookups either.
  if (passes_over && only && std::ranges::any_of(definition.lookups, [&](const auto& lookup) {
        return share_events(definition, *lookup);
      }))
    needs_all_keys_ = true;
  folds_.push_back(std::make_unique<ReplayStates>(definition, std::move(only)));
  for (const DefinitionPtr& lookup : definition.lookups)
    folds_.push_back(std::make_unique<ReplayStates>(*lookup, std::nullopt));
}

const Definition& FlowReplay::fold_of(std::size_t number) const {
  return number == 0 ? definition_ : *definition_.lookups[number - 1];
}

std::vector<std::string> FlowReplay::topics() const {
  std::vector<std::string> topics;
  for (std::size_t number = 0; number < folds_.size(); ++number)
    topics.insert(topics.end(), fold_of(number).topics.begin(), fold_of(number).topics.end());
  if (takes_parked()) topics.push_back(definition_.park_topic);
  std::ranges::sort(topics);
  topics.erase(std::ranges::unique(topics).begin(), topics.end());
  return topics;
}

Result<void> FlowReplay::load(const PastStates& from, std::uint64_t memory_bytes_max) {
  for (std::size_t number = 0; number < folds_.size(); ++number)
    STELE_DO(folds_[number]->load(from, number, memory_bytes_max));
  if (takes_parked()) {
    STELE_TRY(poisons_, parked_.recorded(from.mark()));
  }
  return {};
}

Result<void> FlowReplay::fold(const InputEvent& event, bool passed_over) {
  if (passed_over) {
    if (takes_parked()) poisons_.insert(origin_of(event));
    return {};
  }
  if (const auto folded = fold_in_all(event); !folded)
    return poisoned(origin_of(event), event, folded.error());
  if (!takes_parked() || event.topic != definition_.park_topic) return {};
  return parked_.redriven(event, [&](std::string_view origin, const InputEvent& original) {
    const auto recorded = poisons_.find(origin);
    if (recorded == poisons_.end()) return Result<void>();
    const auto folded = fold_in_all(original);
    if (!folded) return poisoned(origin, original, folded.error());
    poisons_.erase(recorded);
    return Result<void>();
  });
}

Result<void> FlowReplay::poisoned(std::string_view origin, const InputEvent& event,
                                  const Error& reason) {
  if (definition_.poison == PoisonPolicy::kStop)
    return fail(Code::kInvalid, "{} stops at {}: {}", definition_.name, event_place(event),
                reason.detail);
  for (const auto& fold : folds_) fold->undo_event();
  if (takes_parked()) poisons_.emplace(origin);
  return {};
}

// Lookups first: the projection sees what the event itself says in them.
Result<void> FlowReplay::fold_in_all(const InputEvent& event) {
  const bool undoable = definition_.poison != PoisonPolicy::kStop;
  for (const auto& fold : folds_) fold->begin_event(undoable);
  for (std::size_t number = 1; number < folds_.size(); ++number) STELE_DO(fold_in(number, event));
  return fold_in(0, event);
}

Result<void> FlowReplay::fold_in(std::size_t number, const InputEvent& event) {
  const Definition& definition = fold_of(number);
  const Handler* handler = handler_of(definition, event);
  if (handler == nullptr) return {};
  ReplayStates& states = *folds_[number];
  if (states.only() && !may_concern(*handler, event, *states.only())) return {};
  NoEffects effects;
  FoldRun run{.states = states,
              .tables = definition.lookups.empty() ? nullptr : &tables_,
              .effects = definition.has_effects ? &effects : nullptr};
  if (number == 0) ++event_count_;
  return handler->run(handler->object.get(), event, run);
}

// Keys that cannot be told are the handler's to report.
bool FlowReplay::may_concern(const Handler& handler, const InputEvent& event,
                             std::string_view key) {
  if (definition_.keyed_by_stream || handler.keys == nullptr)
    return event.stream && as_text(*event.stream) == key;
  bool found = false;
  bool others = false;
  const auto told = handler.keys(handler.object.get(), event, [&](ByteView candidate) {
    (as_text(candidate) == key ? found : others) = true;
  });
  if (found && others && definition_.poison != PoisonPolicy::kStop) needs_all_keys_ = true;
  return found || !told;
}

std::uint64_t FlowReplay::memory_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& fold : folds_) bytes += fold->memory_bytes();
  return bytes;
}

const void* FlowReplay::Tables::find(std::size_t table, ByteView key) const {
  const StateBox* state = table + 1 < folds_.size() ? folds_[table + 1]->find(key) : nullptr;
  return state == nullptr ? nullptr : state->data();
}

}  // namespace stele::projections
