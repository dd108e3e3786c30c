#include "tests/support/sim_faults.h"

namespace stele {
namespace {

// Lost and misdirected are for writes, short is for reads; the errors are for all.
bool applies(SimEffect effect, SimOp op) {
  switch (effect) {
    case SimEffect::kShortRead:
      return op == SimOp::kRead;
    case SimEffect::kLost:
    case SimEffect::kMisdirected:
      return op == SimOp::kWrite || op == SimOp::kWriteDurably;
    default:
      return op != SimOp::kComplete;
  }
}

}  // namespace

std::optional<SimEffect> SimFaults::on(SimOp op, std::string_view path) {
  std::optional<SimEffect> effect;
  for (Planned& one : planned_) {
    const SimFault& fault = one.fault;
    bool matches = (fault.op == SimOp::kAny || fault.op == op) && applies(fault.effect, op) &&
                   path.contains(fault.path);
    if (!matches) continue;
    std::uint64_t number = one.seen++;
    bool hits = fault.sticky ? number >= fault.nth : number == fault.nth;
    if (hits && !effect) effect = fault.effect;
  }
  if (effect) ++fired_count_;
  return effect;
}

}  // namespace stele
