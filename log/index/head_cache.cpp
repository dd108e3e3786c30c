#include "log/index/head_cache.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::log {
namespace {

std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash) | 1;
}

}  // namespace

HeadCache::HeadCache(std::uint64_t bytes_max)
    : set_count_(bytes_max / (kWays * (sizeof(Slot) + sizeof(std::uint32_t)))) {
  if (set_count_ == 0) return;
  // Memory is taken as it is touched.
  tags_.reset(static_cast<std::uint32_t*>(std::calloc(set_count_ * kWays, sizeof(std::uint32_t))));
  slots_.reset(static_cast<Slot*>(std::malloc(set_count_ * kWays * sizeof(Slot))));
  STELE_CHECK(tags_ != nullptr && slots_ != nullptr);
}

std::size_t HeadCache::set_of(std::uint64_t hash) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(Wide{hash} * set_count_ >> 64) * kWays;
}

bool HeadCache::holds(std::size_t slot, const TermView& term) const {
  if (tags_[slot] != tag_of(term.hash)) return false;
  const Slot& held = slots_[slot];
  return held.hash == term.hash && held.kind == term.kind && held.topic == term.topic &&
         std::ranges::equal(std::span(held.bytes, held.bytes_size), term.bytes);
}

std::optional<HeadCache::Known> HeadCache::find(const TermView& term) const {
  if (used_slots_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  const std::size_t set = set_of(term.hash);
  for (std::size_t slot = set; slot < set + kWays; ++slot) {
    if (!holds(slot, term)) continue;
    const Slot& held = slots_[slot];
    return Known{.head = {.count = held.count, .last = held.last, .partition = held.partition},
                 .as_of = held.as_of};
  }
  return std::nullopt;
}

std::size_t HeadCache::victim(std::size_t set) {
  for (std::size_t slot = set; slot < set + kWays; ++slot) {
    if (tags_[slot] == 0) {
      used_slots_.fetch_add(1, std::memory_order_relaxed);
      return slot;
    }
  }
  // That a term is new is soon out of date.
  for (std::size_t slot = set; slot < set + kWays; ++slot) {
    if (slots_[slot].count == 0) return slot;
  }
  return set + turn_++ % kWays;
}

void HeadCache::put(const TermView& term, const Known& known) {
  if (set_count_ == 0 || term.bytes.size() > kBytesMax) return;
  const std::scoped_lock lock(mutex_);
  const std::size_t set = set_of(term.hash);
  std::size_t slot = set;
  while (slot < set + kWays && !holds(slot, term)) ++slot;
  if (slot == set + kWays) {
    slot = victim(set);
  } else if (slots_[slot].as_of > known.as_of) {
    return;
  }
  tags_[slot] = tag_of(term.hash);
  Slot& held =
      *new (&slots_[slot]) Slot{.hash = term.hash,
                                .count = known.head.count,
                                .last = known.head.last,
                                .as_of = known.as_of,
                                .topic = term.topic,
                                .partition = known.head.partition,
                                .bytes_size = static_cast<std::uint16_t>(term.bytes.size()),
                                .kind = term.kind,
                                .bytes = {}};
  std::ranges::copy(term.bytes, held.bytes);
}

}  // namespace stele::log
