#include "projections/flow/event_folder.h"

#include <ranges>
#include <utility>

namespace stele::projections {

EventFolder::EventFolder(const FolderParts& parts, std::uint32_t lane, std::uint32_t lanes)
    : parts_(parts),
      folds_(folds_of(parts.definition)),
      lane_(lane),
      lanes_(lanes),
      undoes_events_(parts.definition.poison != PoisonPolicy::kStop) {}

Folding EventFolder::fold(const InputEvent& event, const Route& route, std::int64_t place,
                          std::optional<std::uint64_t> hash) {
  event_ = &event;
  place_ = place;
  hash_ = hash;
  kept_ = 0;
  dirty_ = false;
  if (!before_.empty()) before_.clear();
  // Lookups first: the projection sees what the event itself says in them.
  for (std::size_t i = 1; i <= folds_.size(); ++i) {
    fold_ = i % folds_.size();
    const Handler* handler = route.handlers[fold_];
    if (handler == nullptr) continue;
    // An event of several keys is tried on all of them first: it counts on being undone.
    undoable_ = undoes_events_ || folds_[fold_]->state.trivial || handler->keys != nullptr;
    const bool is_lookup = fold_ != 0;
    FoldRun run{.states = *this,
                .tables = folds_.size() > 1 && !is_lookup ? this : nullptr,
                .effects = is_lookup ? nullptr : parts_.effects};
    auto done = handler->run(handler->object.get(), event, run);
    if (failure_) [[unlikely]]
      return broken(*std::exchange(failure_, std::nullopt));
    if (done) [[likely]]
      continue;
    error_ = std::move(done).error();
    undo();
    if (failure_) return broken(*std::exchange(failure_, std::nullopt));
    return Folding::kPoison;
  }
  return Folding::kFolded;
}

Folding EventFolder::broken(Error error) {
  error_ = std::move(error);
  return Folding::kBroken;
}

// --- states ---

Key EventFolder::key_of(ByteView key) const {
  const bool is_stream = hash_ && event_->stream && event_->stream->data() == key.data() &&
                         event_->stream->size() == key.size();
  return is_stream ? Key(key, *hash_) : Key(key);
}

void* EventFolder::open(ByteView key) {
  if (failure_) return nullptr;
  key_ = key_of(key);
  if (lanes_ > 1 && key_.shard() % lanes_ != lane_) return nullptr;
  if (auto looked = look_before(key_); !looked) return failed(std::move(looked).error());
  auto opened = parts_.states.open(fold_, key_, undoable_);
  if (!opened) [[unlikely]]
    return failed(std::move(opened).error());
  return state_ = *opened;
}

void* EventFolder::failed(Error error) {
  failure_ = std::move(error);
  if (parts_.changes != nullptr) parts_.changes->forget();
  return nullptr;
}

// What must be known of the state before the handler has it.
Result<void> EventFolder::look_before(const Key& key) {
  const bool is_lookup = fold_ != 0;
  if (is_lookup && undoes_events_) return remember(key);
  if (is_lookup || parts_.changes == nullptr) return {};
  STELE_TRY(const void* state, parts_.states.find(fold_, key));
  parts_.changes->before(state);
  return {};
}

Result<void> EventFolder::remember(const Key& key) {
  STELE_TRY(const void* state, parts_.states.find(fold_, key));
  Before& before = before_.emplace_back();
  before.fold = fold_;
  before.key.assign(key.bytes.begin(), key.bytes.end());
  before.hash = key.hash;
  if (state != nullptr) before.state.emplace(folds_[fold_]->state, state);
  return {};
}

void EventFolder::close(Verdict verdict) {
  const bool is_undone = verdict == Verdict::kUndo;
  if (!is_undone) ++kept_;
  const bool is_torn = is_undone && !undoable_;
  if (is_torn) {
    dirty_ = true;
    parts_.torn.store(true, std::memory_order_relaxed);  // the shard's lock orders it
  }
  if (fold_ == 0 && parts_.changes != nullptr) {
    if (is_undone)
      parts_.changes->forget();
    else
      parts_.changes->after(key_.bytes, verdict == Verdict::kDrop ? nullptr : state_, *event_);
  }
  // What cannot be undone stays until it is rebuilt.
  parts_.states.close(fold_, key_, is_torn ? Verdict::kKeep : verdict, place_);
}

const void* EventFolder::find(std::size_t table, ByteView key) const {
  auto found = parts_.states.find(table + 1, key_of(key));
  if (found) return *found;
  failure_ = std::move(found).error();
  return nullptr;
}

// --- a poison event ---

void EventFolder::undo() {
  if (!undoes_events_) {
    dirty_ = dirty_ || kept_ > 0;
    return;
  }
  for (const Before& before : before_ | std::views::reverse) {
    if (const auto undone = undo(before); !undone) {
      failure_ = undone.error();
      return;
    }
  }
}

Result<void> EventFolder::undo(const Before& before) {
  const Key key(before.key, before.hash);
  const StateType& type = folds_[before.fold]->state;
  STELE_TRY(void* state, parts_.states.open(before.fold, key, false));
  if (before.state) {
    type.destroy(state);
    type.copy(state, before.state->data());
  }
  parts_.states.close(before.fold, key, before.state ? Verdict::kKeep : Verdict::kDrop, place_);
  return {};
}

}  // namespace stele::projections
