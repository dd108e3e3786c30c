// A flow of two folds over a store of any kind, beside a model of it: by key the encoded state.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "projections/state/state_store.h"
#include "tests/projections/state/life_types.h"
#include "tests/support/sim_random.h"

namespace stele::projections {

/// STELE_SEED, or `seed`; printed.
[[nodiscard]] std::uint64_t seed_or(std::uint64_t seed);

/// Of each fold: key → encoded state.
using Contents = std::array<std::map<std::string, std::string>, 2>;
/// Expects that dump() comes by (hash, key).
[[nodiscard]] Contents contents_of(const StateStore& store);

struct Moment {
  Mark mark;
  Contents contents;
};

/// What one event does to one key.
struct LifeEvent {
  std::size_t fold = 0;
  std::string key;
  std::uint64_t number = 0;
  Verdict verdict = Verdict::kKeep;
  bool undoable = false;
};
[[nodiscard]] LifeEvent draw_event(SimRandom& random, std::size_t key_count);
Result<void> fold(StateStore& store, const LifeEvent& event, std::int64_t place);
void fold(Moment& model, const LifeEvent& event);

/// Random events. Keys are drawn from a pool; those of the texts are long now and then.
class StateLife {
public:
  StateLife(std::uint64_t seed, std::size_t key_count) : random_(seed), key_count_(key_count) {}

  [[nodiscard]] const Moment& now() const { return now_; }
  void go_back(const Moment& to) { now_ = to; }
  [[nodiscard]] SimRandom& random() { return random_; }

  /// Folds `count` events; stops at the first error.
  Result<void> live(StateStore& store, int count);
  /// A key, and the model's state of it through read() and find().
  void expect_one(StateStore& store, std::size_t fold, const std::string& key) const;
  [[nodiscard]] std::string draw_key();

private:
  SimRandom random_;
  std::size_t key_count_;
  Moment now_;
};

void expect_equal(const StateStore& store, const Contents& wanted);

}  // namespace stele::projections
