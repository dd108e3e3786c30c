// All states of a projection at a moment, in memory; and what differs between two moments.
// Keys stand by (hash, key), as StateStore::dump() gives them. Thread: any, once made.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "projections/fold/definition.h"
#include "projections/fold/state_box.h"
#include "projections/state/state_store.h"

namespace stele::projections {

class PastTable {
public:
  using States = std::map<std::pair<std::uint64_t, std::string>, StateBox>;

  /// `states` are of `definition`.
  PastTable(DefinitionPtr definition, States states, std::string token, Checkpoint checkpoint)
      : definition_(std::move(definition)),
        states_(std::move(states)),
        token_(std::move(token)),
        checkpoint_(std::move(checkpoint)) {}

  /// Null: the key had none. Valid as long as the table.
  [[nodiscard]] const void* get(ByteView key) const;
  void for_each(const std::function<void(ByteView key, const void* state)>& visit) const;
  [[nodiscard]] std::size_t key_count() const { return states_.size(); }
  [[nodiscard]] const std::string& token() const { return token_; }
  /// All that belongs to the moment stands below it.
  [[nodiscard]] const Checkpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] const Definition& definition() const { return *definition_; }
  [[nodiscard]] const States& states() const { return states_; }

private:
  DefinitionPtr definition_;
  States states_;
  std::string token_;
  Checkpoint checkpoint_;
};

/// A key whose state is not the same in both.
struct PastChange {
  ByteView key;
  const void* before = nullptr;  ///< null: the key was added
  const void* after = nullptr;   ///< null: the key was removed
};

/// Calls `visit` for each key whose encoded state differs, by (hash, key). Both are of definitions
/// with the same state.
void diff(const PastTable& before, const PastTable& after,
          const std::function<void(const PastChange& change)>& visit);

}  // namespace stele::projections
