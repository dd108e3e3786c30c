// Folds one event after the other into the states of a flow: first into the tables that it looks
// things up in, then into the projection itself.
//
//   event, route ─► lookup 1 … n ─► projection ─► kFolded | kPoison (reason()) | kBroken (error())
//
// A poison event leaves no trace in the states where that can be undone: always under kSkip and
// kPark; under kStop if states are trivially copyable, else is_dirty() says that the states must be
// rebuilt. Thread: its lane's.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "projections/flow/flow_router.h"
#include "projections/fold/state_box.h"
#include "projections/process/change_publisher.h"
#include "projections/state/state_store.h"

namespace stele::projections {

/// What the folders of one flow share. All of it outlives them.
struct FolderParts {
  const Definition& definition;
  StateStore& states;
  Effects* effects = nullptr;          ///< null: the flow has none
  ChangePublisher* changes = nullptr;  ///< null: it publishes none
  /// Set before the shard of a state that is neither old nor new is unlocked: nobody may read until
  /// it is rebuilt.
  std::atomic<bool>& torn;
};

enum class Folding : std::uint8_t { kFolded, kPoison, kBroken };

class EventFolder final : StateAccess, TableAccess {
public:
  /// Keys of other lanes than `lane` of `lanes` are passed over. 1 lane: all keys are its own.
  EventFolder(const FolderParts& parts, std::uint32_t lane, std::uint32_t lanes);

  /// `place`: as StateStore::close(). `hash`: of the event's stream, if it is known.
  Folding fold(const InputEvent& event, const Route& route, std::int64_t place,
               std::optional<std::uint64_t> hash = std::nullopt);
  /// Why the last event was poison, or what the states' store said.
  [[nodiscard]] const Error& error() const { return error_; }
  /// After a poison event: states may hold a part of it.
  [[nodiscard]] bool is_dirty() const { return dirty_; }

private:
  /// A state of a lookup table as it was before the event.
  struct Before {
    std::size_t fold = 0;
    Bytes key;
    std::uint64_t hash = 0;
    std::optional<StateBox> state;  ///< none: there was none
  };

  void* open(ByteView key) override;
  void close(Verdict verdict) override;
  [[nodiscard]] const void* find(std::size_t table, ByteView key) const override;

  [[nodiscard]] Key key_of(ByteView key) const;
  Result<void> remember(const Key& key);
  Result<void> look_before(const Key& key);
  void* failed(Error error);
  void undo();
  Result<void> undo(const Before& before);
  Folding broken(Error error);

  FolderParts parts_;
  std::vector<const Definition*> folds_;
  std::uint32_t lane_;
  std::uint32_t lanes_;
  bool undoes_events_;  ///< the policy passes poison events over

  const InputEvent* event_ = nullptr;
  std::int64_t place_ = 0;
  std::optional<std::uint64_t> hash_;
  std::size_t fold_ = 0;
  bool undoable_ = false;  ///< the state that is open, or is opened next
  Key key_{ByteView{}};    ///< of the state that is open
  void* state_ = nullptr;
  std::size_t kept_ = 0;  ///< states that the event has changed for good
  bool dirty_ = false;
  mutable std::optional<Error> failure_;  ///< of the states' store
  Error error_{};
  std::vector<Before> before_;
};

}  // namespace stele::projections
