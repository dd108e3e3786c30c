// Folds a flow's events into states beside the live ones.
//
//   event ─► lookups, in their order ─► projection          each fold: handler ─► states of its own
//
// A fold holds all keys, or one of them (the others' events change nothing and are not folded).
// A poison event that the policy passes over leaves no trace in any of the folds. If it is parked
// and comes back redriven, it is folded there, as the original.
// Thread: its owner's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/state/state_store.h"
#include "projections/temporal/past_table.h"

namespace stele::projections {

/// What the engine knows of parked events. Null functions: nothing is parked.
struct ParkedEvents {
  using Origins = std::set<std::string, std::less<>>;  ///< "topic/partition/offset"
  using FoldOriginal =
      std::function<Result<void>(std::string_view origin, const InputEvent& original)>;
  /// The events that were poison when a snapshot was taken. kCorrupt, kUnsupported.
  std::function<Result<Origins>(const Mark& mark)> recorded = nullptr;
  /// Calls `fold` if the event is one of this projection's that was redriven, and gives its answer.
  std::function<Result<void>(const InputEvent& event, const FoldOriginal& fold)> redriven = nullptr;
};

/// States of one fold, made on demand.
class ReplayStates final : public StateAccess {
public:
  /// `definition` outlives it. `only`: the one key that is folded; none: all are.
  ReplayStates(const Definition& definition, std::optional<std::string> only);

  void* open(ByteView key) override;
  void close(Verdict verdict) override;
  /// What is kept from now on can be taken back, up to the next call.
  void begin_event(bool undoable);
  void undo_event();

  [[nodiscard]] const std::optional<std::string>& only() const { return only_; }
  [[nodiscard]] const StateBox* find(ByteView key) const;
  /// Takes the states of a snapshot: all, or the key's. kCorrupt, kIo, kTooLarge.
  Result<void> load(const PastStates& from, std::size_t fold, std::uint64_t memory_bytes_max);
  /// About.
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return states_.size() * entry_bytes_ + key_bytes_;
  }
  [[nodiscard]] PastTable::States release() { return std::move(states_); }

private:
  using States = PastTable::States;
  using StateKey = States::key_type;
  [[nodiscard]] static StateKey state_key(ByteView key);
  void insert(const Key& key, StateBox state);
  /// None: it is forgotten. What was there before.
  std::optional<StateBox> put(const StateKey& key, std::optional<StateBox> state);

  const Definition& definition_;
  std::optional<std::string> only_;
  States states_;
  std::uint64_t entry_bytes_;
  std::uint64_t key_bytes_ = 0;

  // Of open().
  StateKey key_;
  std::optional<StateBox> state_;  ///< a copy: it takes its place when it is kept

  // Of begin_event().
  bool undoable_ = false;
  std::vector<std::pair<StateKey, std::optional<StateBox>>> before_;  ///< oldest first
};

class FlowReplay {
public:
  /// `definition` and `parked` outlive it. `only` as ReplayStates, of the projection.
  FlowReplay(const Definition& definition, const ParkedEvents& parked,
             std::optional<std::string> only);

  /// The topics whose events it wants.
  [[nodiscard]] std::vector<std::string> topics() const;
  /// All folds' states as of the snapshot. Once, before the first event.
  Result<void> load(const PastStates& from, std::uint64_t memory_bytes_max);
  /// Folds one event, which belongs. `passed_over`: it was poison for the live fold. kInvalid: a
  /// handler failed and the policy is kStop; the event is named.
  Result<void> fold(const InputEvent& event, bool passed_over);
  /// True: an event that may be poison is other keys' too: what they say of it must be known, all
  /// keys have to be folded.
  [[nodiscard]] bool needs_all_keys() const { return needs_all_keys_; }

  [[nodiscard]] std::uint64_t memory_bytes() const;
  [[nodiscard]] std::uint64_t event_count() const { return event_count_; }
  [[nodiscard]] ReplayStates& states() { return *folds_.front(); }

private:
  /// Reads the lookups' states.
  class Tables final : public TableAccess {
  public:
    explicit Tables(const std::vector<std::unique_ptr<ReplayStates>>& folds) : folds_(folds) {}
    [[nodiscard]] const void* find(std::size_t table, ByteView key) const override;

  private:
    const std::vector<std::unique_ptr<ReplayStates>>& folds_;
  };

  [[nodiscard]] bool takes_parked() const { return parked_.redriven != nullptr; }
  [[nodiscard]] const Definition& fold_of(std::size_t number) const;
  Result<void> fold_in_all(const InputEvent& event);
  Result<void> fold_in(std::size_t number, const InputEvent& event);
  Result<void> poisoned(std::string_view origin, const InputEvent& event, const Error& reason);
  [[nodiscard]] bool may_concern(const Handler& handler, const InputEvent& event,
                                 std::string_view key);

  const Definition& definition_;
  const ParkedEvents& parked_;
  std::vector<std::unique_ptr<ReplayStates>> folds_;  ///< by number: the projection, its lookups
  Tables tables_;
  ParkedEvents::Origins poisons_;  ///< not redriven yet; of what parks
  std::uint64_t event_count_ = 0;  ///< that a handler of the projection has folded
  bool needs_all_keys_ = false;
};

}  // namespace stele::projections
