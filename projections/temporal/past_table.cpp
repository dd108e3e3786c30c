#include "projections/temporal/past_table.h"

namespace stele::projections {
namespace {

ByteView key_of(const PastTable::States::value_type& entry) {
  return as_bytes(entry.first.second);
}

}  // namespace

const void* PastTable::get(ByteView key) const {
  const auto found = states_.find({Key(key).hash, std::string(as_text(key))});
  return found == states_.end() ? nullptr : found->second.data();
}

void PastTable::for_each(const std::function<void(ByteView key, const void* state)>& visit) const {
  for (const auto& entry : states_) visit(key_of(entry), entry.second.data());
}

void diff(const PastTable& before, const PastTable& after,
          const std::function<void(const PastChange& change)>& visit) {
  auto old = before.states().begin();
  auto now = after.states().begin();
  const auto old_end = before.states().end();
  const auto now_end = after.states().end();
  while (old != old_end || now != now_end) {
    if (now == now_end || (old != old_end && old->first < now->first)) {
      visit({.key = key_of(*old), .before = old->second.data()});
      ++old;
    } else if (old == old_end || now->first < old->first) {
      visit({.key = key_of(*now), .after = now->second.data()});
      ++now;
    } else {
      if (old->second.encoded() != now->second.encoded())
        visit({.key = key_of(*now), .before = old->second.data(), .after = now->second.data()});
      ++old;
      ++now;
    }
  }
}

}  // namespace stele::projections
