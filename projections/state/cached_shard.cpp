#include "projections/state/cached_shard.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::projections {
namespace {

bool is_before(const Key& left, const Key& right) {
  return left.hash != right.hash ? left.hash < right.hash
                                 : std::ranges::lexicographical_compare(left.bytes, right.bytes);
}

}  // namespace

void CachedShard::make_absent(StateTable::Ref ref) {
  void* const state = table.state(ref);
  type_.destroy(state);
  type_.construct(state);
}

void CachedShard::make_dirty(StateTable::Ref ref, std::uint32_t other_flags) {
  if (!is(ref, kDirty)) dirty_.push_back(ref);
  table.set_flags(ref, kDirty | kUsed | other_flags);
}

int CachedShard::close(const Key& key, Verdict verdict) {
  const StateTable::Ref ref = open.ref;
  STELE_CHECK(ref != StateTable::kNone);
  const bool was_there = !open.fresh && !is(ref, kAbsent);
  int more = 0;
  if (verdict == Verdict::kKeep) {
    make_dirty(ref, 0);
    more = was_there ? 0 : 1;
  } else if (open.fresh) {
    table.erase(key, ref);
  } else if (!was_there) {
    make_absent(ref);
  } else if (verdict == Verdict::kDrop) {
    make_absent(ref);
    make_dirty(ref, kAbsent);
    more = -1;
  } else {
    STELE_CHECK(undo.held());
    undo.put_back(type_, table.state(ref));
  }
  undo.drop(type_);
  open = {};
  return more;
}

std::vector<StateTable::Ref> CachedShard::sorted_dirty() const {
  std::vector<std::pair<Key, StateTable::Ref>> keys;
  keys.reserve(dirty_.size());
  for (const StateTable::Ref ref : dirty_) keys.emplace_back(Key(table.key(ref)), ref);
  std::ranges::sort(keys, [](const auto& a, const auto& b) { return is_before(a.first, b.first); });
  std::vector<StateTable::Ref> refs;
  refs.reserve(keys.size());
  for (const auto& [key, ref] : keys) refs.push_back(ref);
  return refs;
}

void CachedShard::written() {
  for (const StateTable::Ref ref : dirty_) {
    if (is(ref, kAbsent)) {
      table.erase(Key(table.key(ref)), ref);
    } else {
      table.set_flags(ref, table.flags(ref) & ~std::uint32_t{kDirty});
    }
  }
  dirty_.clear();
}

void CachedShard::let_go(std::uint64_t bytes) {
  STELE_CHECK(dirty_.empty());
  // Twice round: the first time takes the flags off.
  for (std::size_t looks = 0; looks < 2 * table.slot_count() && cached_bytes() > bytes; ++looks) {
    if (hand_ >= table.slot_count()) hand_ = 0;
    const StateTable::Ref ref = table.at_slot(hand_);
    if (ref == StateTable::kNone) {
      ++hand_;
    } else if (is(ref, kUsed)) {
      table.set_flags(ref, table.flags(ref) & ~std::uint32_t{kUsed});
      ++hand_;
    } else {
      table.erase(Key(table.key(ref)), ref);
    }
  }
}

std::uint64_t CachedShard::cached_bytes() const {
  return table.used_bytes() + table.key_count() * average_bytes_;
}

void CachedShard::saw_bytes(std::size_t bytes) {
  if (type_.trivial) return;
  average_bytes_ += (bytes + 15) / 16;
  average_bytes_ -= average_bytes_ / 16;
}

void CachedShard::clear() {
  table.clear();
  dirty_.clear();
  hand_ = 0;
  last_place = -1;
}

void DirtyStates::add(const CachedShard& shard) {
  for (const StateTable::Ref ref : shard.sorted_dirty())
    entries_.push_back({.shard = &shard, .ref = ref, .key = Key(shard.table.key(ref))});
}

void DirtyStates::visit_next(const Visit& visit) {
  const Entry& entry = entries_[next_++];
  if (entry.shard->is(entry.ref, CachedShard::kAbsent)) return;
  visit(entry.key.bytes, entry.shard->table.state(entry.ref));
}

void DirtyStates::visit_below(const Key& key, const Visit& visit) {
  while (next_ < entries_.size() && is_before(entries_[next_].key, key)) visit_next(visit);
}

bool DirtyStates::pass(const Key& key, const Visit& visit) {
  if (next_ == entries_.size() || is_before(key, entries_[next_].key)) return false;
  visit_next(visit);
  return true;
}

void DirtyStates::visit_rest(const Visit& visit) {
  while (next_ < entries_.size()) visit_next(visit);
}

}  // namespace stele::projections
