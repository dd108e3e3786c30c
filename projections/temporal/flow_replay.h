// Folds a flow's events into states beside the live ones.
//
//   event ─► lookups, in their order ─► projection          each fold: handler ─► states of its own
//
// A fold holds all keys, or one of them (the others' events change nothing and are not folded).
// Thread: its owner's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/state/state_store.h"
#include "projections/temporal/past_table.h"

namespace stele::projections {

/// States of one fold, made on demand.
class ReplayStates final : public StateAccess {
public:
  /// `definition` outlives it. `only`: the one key that is folded; none: all are.
  ReplayStates(const Definition& definition, std::optional<std::string> only);

  void* open(ByteView key) override;
  void close(Verdict verdict) override;

  [[nodiscard]] const std::optional<std::string>& only() const { return only_; }
  [[nodiscard]] const void* find(ByteView key) const;
  /// Takes the states of a snapshot: all, or the key's. kCorrupt, kIo, kTooLarge.
  Result<void> load(const PastStates& from, std::size_t fold, std::uint64_t memory_bytes_max);
  /// About.
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return states_.size() * entry_bytes_ + key_bytes_;
  }
  [[nodiscard]] PastTable::States release() { return std::move(states_); }
  /// Of the one key.
  [[nodiscard]] std::optional<StateBox> release_only();

private:
  using States = PastTable::States;
  void insert(const Key& key, StateBox state);

  const Definition& definition_;
  std::optional<std::string> only_;
  States states_;
  std::uint64_t entry_bytes_;
  std::uint64_t key_bytes_ = 0;

  // Of open().
  std::pair<std::uint64_t, std::string> key_;
  std::optional<StateBox> state_;  ///< a copy: it takes its place when it is kept
};

class FlowReplay {
public:
  /// `definition` outlives it. `only` as ReplayStates, of the projection.
  FlowReplay(const Definition& definition, std::optional<std::string> only);

  /// All folds' states as of the snapshot. Once, before the first event.
  Result<void> load(const PastStates& from, std::uint64_t memory_bytes_max);
  /// Folds one event, which belongs. `passed_over`: the projection does not see it. kInvalid: a
  /// handler failed and the policy is kStop; the event is named.
  Result<void> fold(const InputEvent& event, bool passed_over);

  [[nodiscard]] std::uint64_t memory_bytes() const;
  [[nodiscard]] std::uint64_t event_count() const { return event_count_; }
  [[nodiscard]] ReplayStates& states() { return states_; }

private:
  /// Reads the lookups' states.
  class Tables final : public TableAccess {
  public:
    explicit Tables(const std::vector<std::unique_ptr<ReplayStates>>& tables) : tables_(tables) {}
    [[nodiscard]] const void* find(std::size_t table, ByteView key) const override;

  private:
    const std::vector<std::unique_ptr<ReplayStates>>& tables_;
  };

  Result<void> fold_one(const Definition& definition, ReplayStates& states,
                        const InputEvent& event);

  const Definition& definition_;
  ReplayStates states_;
  std::vector<std::unique_ptr<ReplayStates>> lookups_;
  Tables tables_;
  std::uint64_t event_count_ = 0;  ///< that a handler of the projection has folded
};

}  // namespace stele::projections
