#include "projections/temporal/flow_replay.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"

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

// Undecodable keys are the handler's to report.
bool may_concern(const Handler& handler, const InputEvent& event, std::string_view key) {
  if (handler.keys == nullptr) return event.stream && as_text(*event.stream) == key;
  bool found = false;
  const auto read = handler.keys(handler.object.get(), event, [&](ByteView candidate) {
    found = found || as_text(candidate) == key;
  });
  return found || !read;
}

}  // namespace

// --- states ---

ReplayStates::ReplayStates(const Definition& definition, std::optional<std::string> only)
    : definition_(definition),
      only_(std::move(only)),
      entry_bytes_(definition.state.size + kNodeBytes) {}

void* ReplayStates::open(ByteView key) {
  STELE_CHECK(!state_);
  if (only_ && as_text(key) != *only_) return nullptr;
  key_ = {Key(key).hash, std::string(as_text(key))};
  const auto found = states_.find(key_);
  if (found == states_.end())
    state_.emplace(definition_.state);
  else
    state_.emplace(found->second);
  return state_->data();
}

void ReplayStates::close(Verdict verdict) {
  STELE_CHECK(state_);
  const auto found = states_.find(key_);
  if (verdict == Verdict::kKeep && found != states_.end()) {
    found->second = *std::move(state_);
  } else if (verdict == Verdict::kKeep) {
    key_bytes_ += key_.second.size();
    states_.emplace(std::move(key_), *std::move(state_));
  } else if (verdict == Verdict::kDrop && found != states_.end()) {
    key_bytes_ -= key_.second.size();
    states_.erase(found);
  }
  state_.reset();
}

const void* ReplayStates::find(ByteView key) const {
  const auto found = states_.find({Key(key).hash, std::string(as_text(key))});
  return found == states_.end() ? nullptr : found->second.data();
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

std::optional<StateBox> ReplayStates::release_only() {
  if (states_.empty()) return std::nullopt;
  return std::move(states_.begin()->second);
}

// --- folds ---

FlowReplay::FlowReplay(const Definition& definition, std::optional<std::string> only)
    : definition_(definition), states_(definition, std::move(only)), tables_(lookups_) {
  for (const DefinitionPtr& lookup : definition.lookups)
    lookups_.push_back(std::make_unique<ReplayStates>(*lookup, std::nullopt));
}

Result<void> FlowReplay::load(const PastStates& from, std::uint64_t memory_bytes_max) {
  STELE_DO(states_.load(from, 0, memory_bytes_max));
  for (std::size_t i = 0; i < lookups_.size(); ++i)
    STELE_DO(lookups_[i]->load(from, 1 + i, memory_bytes_max));
  return {};
}

Result<void> FlowReplay::fold(const InputEvent& event, bool passed_over) {
  for (std::size_t i = 0; i < lookups_.size(); ++i)
    STELE_DO(fold_one(*definition_.lookups[i], *lookups_[i], event));
  return passed_over ? Result<void>() : fold_one(definition_, states_, event);
}

Result<void> FlowReplay::fold_one(const Definition& definition, ReplayStates& states,
                                  const InputEvent& event) {
  const Handler* handler = handler_of(definition, event);
  if (handler == nullptr) return {};
  if (states.only() && !may_concern(*handler, event, *states.only())) return {};
  NoEffects effects;
  FoldRun run{.states = states,
              .tables = definition.lookups.empty() ? nullptr : &tables_,
              .effects = definition.has_effects ? &effects : nullptr};
  if (&definition == &definition_) ++event_count_;
  const Result<void> folded = handler->run(handler->object.get(), event, run);
  if (folded || definition_.poison != PoisonPolicy::kStop) return {};
  return fail(Code::kInvalid, "{} stops at {}: {}", definition_.name, event_place(event),
              folded.error().detail);
}

std::uint64_t FlowReplay::memory_bytes() const {
  std::uint64_t bytes = states_.memory_bytes();
  for (const auto& lookup : lookups_) bytes += lookup->memory_bytes();
  return bytes;
}

const void* FlowReplay::Tables::find(std::size_t table, ByteView key) const {
  return table < tables_.size() ? tables_[table]->find(key) : nullptr;
}

}  // namespace stele::projections
