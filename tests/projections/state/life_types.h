// Two folds with states of either kind, made by hand: what a store is tested with.
#pragma once

#include <cstdint>
#include <vector>

#include "projections/fold/definition.h"

namespace stele::projections {

/// Fold 0: a text that grows (not trivially copyable). Fold 1: two numbers.
struct Tally {
  std::uint64_t count = 0;
  std::int64_t sum = 0;
};
[[nodiscard]] StateType text_type();
[[nodiscard]] StateType tally_type();

struct LifeFolds {
  LifeFolds();
  [[nodiscard]] std::vector<const Definition*> all() const { return {&texts, &tallies}; }
  Definition texts;
  Definition tallies;
};

}  // namespace stele::projections
