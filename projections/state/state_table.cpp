#include "projections/state/state_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "log/base/check.h"

namespace stele::projections {
namespace {

constexpr unsigned kShardBits = 6;
constexpr std::size_t kSlotsMin = 16;
constexpr std::size_t kSpareSlots = 8;  // behind the last place
constexpr std::uint32_t kFlagsShift = 28;
constexpr std::size_t kSharedUnitsMax = 256;  // larger entries have a chunk of their own

constexpr std::size_t round_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

}  // namespace

StateTable::StateTable(const StateType& type, ChunkPool& pool)
    : type_(type),
      pool_(pool),
      unit_bytes_(std::max<std::size_t>(8, type.align)),
      header_at_(round_up(type.size, sizeof(std::uint32_t))) {
  rebuild(0, nullptr, 0);
}

StateTable::~StateTable() {
  clear();
}

void StateTable::clear() {
  if (!type_.trivial) {
    for (std::size_t i = 0; i < slot_count_; ++i) {
      if (slots_[i] != kEmpty) type_.destroy(entry(ref_of(slots_[i])));
    }
    for (const Slot slot : loading_) type_.destroy(entry(ref_of(slot)));
  }
  chunks_.clear();
  chunk_memory_.clear();
  free_chunks_.clear();
  free_.clear();
  loading_.clear();
  used_units_ = 0;
  open_chunk_ = 0;
  open_units_ = 0;
  key_count_.store(0, std::memory_order_relaxed);
  memory_bytes_.store(0, std::memory_order_relaxed);
  slot_count_ = 0;
  rebuild(0, nullptr, 0);
}

std::uint32_t StateTable::header(Ref ref) const {
  return load_le<std::uint32_t>(entry(ref) + header_at_);
}

ByteView StateTable::key(Ref ref) const {
  return {entry(ref) + header_at_ + sizeof(std::uint32_t), header(ref) & kKeyBytesMax};
}

std::uint32_t StateTable::flags(Ref ref) const {
  return header(ref) >> kFlagsShift;
}

void StateTable::set_flags(Ref ref, std::uint32_t flags) {
  const std::uint32_t length = header(ref) & static_cast<std::uint32_t>(kKeyBytesMax);
  store_le(entry(ref) + header_at_, length | flags << kFlagsShift);
}

bool StateTable::holds(Ref ref, ByteView key) const {
  const std::byte* at = entry(ref) + header_at_;
  return (load_le<std::uint32_t>(at) & kKeyBytesMax) == key.size() &&
         std::memcmp(at + sizeof(std::uint32_t), key.data(), key.size()) == 0;
}

StateTable::Ref StateTable::find(const Key& key) const {
  const std::uint32_t tag = tag_of(key);
  const Slot* slot = slots_ + place_of(tag);
  while (tag_of(*slot) < tag) ++slot;  // an empty one has the greatest tag of all
  for (; tag_of(*slot) == tag && *slot != kEmpty; ++slot) {
    if (holds(ref_of(*slot), key.bytes)) return ref_of(*slot);
  }
  return kNone;
}

StateTable::Found StateTable::find_or_insert(const Key& key) {
  const std::uint32_t tag = tag_of(key);
  std::size_t at = place_of(tag);
  while (tag_of(slots_[at]) < tag) ++at;
  for (; tag_of(slots_[at]) == tag && slots_[at] != kEmpty; ++at) {
    if (holds(ref_of(slots_[at]), key.bytes)) return {ref_of(slots_[at]), false};
  }
  const Ref ref = make_entry(key.bytes);
  if (ref == kNone) return {};
  insert_slot(at, Slot{tag} << 32 | ref);
  return {ref, true};
}

void StateTable::insert_slot(std::size_t at, Slot slot) {
  std::size_t free_at = at;
  while (slots_[free_at] != kEmpty) ++free_at;
  if (free_at + 1 == slot_count_) add_slots();
  std::memmove(&slots_[at + 1], &slots_[at], (free_at - at) * sizeof(Slot));
  slots_[at] = slot;
  const std::uint64_t count = key_count() + 1;
  key_count_.store(count, std::memory_order_relaxed);
  if (count < full_at_) return;
  const ChunkPool::Piece old = std::move(slots_memory_);
  rebuild(count, slots_, slot_count_);
}

void StateTable::take_slots(std::size_t count) {
  slots_memory_ = pool_.take(count * sizeof(Slot), alignof(Slot));
  slots_ = reinterpret_cast<Slot*>(slots_memory_.get());
  count_memory(count * sizeof(Slot), slot_count_ * sizeof(Slot));
  slot_count_ = count;
}

void StateTable::add_slots() {
  const ChunkPool::Piece old_memory = std::move(slots_memory_);
  const Slot* const old = slots_;
  const std::size_t old_count = slot_count_;
  take_slots(old_count * 2);
  std::copy_n(old, old_count, slots_);
  std::fill_n(slots_ + old_count, old_count, kEmpty);
}

void StateTable::rebuild(std::size_t key_count, const Slot* from, std::size_t from_count) {
  std::size_t count = kSlotsMin;
  const auto places_of = [](std::size_t slots) {
    return slots - std::max(kSpareSlots, slots / 64);
  };
  while (places_of(count) / 4 * 3 <= key_count) count *= 2;
  take_slots(count);
  places_ = places_of(count);
  full_at_ = places_ / 4 * 3;
  std::size_t next = 0;  // slots below it are filled, or known to be empty
  for (std::size_t i = 0; i < from_count; ++i) {
    if (from[i] == kEmpty) continue;
    const std::size_t place = place_of(tag_of(from[i]));
    if (place > next) {
      std::fill(&slots_[next], &slots_[place], kEmpty);
      next = place;
    }
    if (next + 1 == slot_count_) {
      std::fill(&slots_[next], slots_ + slot_count_, kEmpty);
      add_slots();
    }
    slots_[next++] = from[i];
  }
  std::fill(&slots_[next], slots_ + slot_count_, kEmpty);
}

void StateTable::erase(const Key& key, Ref ref) {
  const std::uint32_t tag = tag_of(key);
  std::size_t at = place_of(tag);
  while (slots_[at] != (Slot{tag} << 32 | ref)) {
    STELE_CHECK(tag_of(slots_[at]) <= tag && slots_[at] != kEmpty);
    ++at;
  }
  // What stands behind its place because of this slot moves up.
  std::size_t end = at + 1;
  while (slots_[end] != kEmpty && place_of(tag_of(slots_[end])) < end) ++end;
  std::memmove(&slots_[at], &slots_[at + 1], (end - at - 1) * sizeof(Slot));
  slots_[end - 1] = kEmpty;
  key_count_.store(key_count() - 1, std::memory_order_relaxed);
  if (!type_.trivial) type_.destroy(entry(ref));
  free_entry(ref);
}

std::size_t StateTable::units_of(std::size_t key_bytes) const {
  return (header_at_ + sizeof(std::uint32_t) + key_bytes + unit_bytes_ - 1) / unit_bytes_;
}

StateTable::Ref StateTable::make_entry(ByteView key) {
  if (key.size() > kKeyBytesMax) return kNone;
  const std::size_t units = units_of(key.size());
  const Ref ref = units > kSharedUnitsMax ? take_chunk(units * unit_bytes_) : take_units(units);
  if (ref == kNone) return kNone;
  used_units_ += units;
  std::byte* at = entry(ref);
  store_le(at + header_at_, static_cast<std::uint32_t>(key.size()));
  std::ranges::copy(key, at + header_at_ + sizeof(std::uint32_t));
  type_.construct(at);
  return ref;
}

StateTable::Ref StateTable::take_units(std::size_t units) {
  if (units < free_.size() && free_[units] != kNone) {
    const Ref ref = free_[units];
    free_[units] = load_le<Ref>(entry(ref));
    return ref;
  }
  constexpr std::size_t kChunkUnits = std::size_t{1} << kUnitBits;
  if (chunks_.empty() || open_units_ + units > kChunkUnits) {
    const Ref chunk = take_chunk(kChunkUnits * unit_bytes_);
    if (chunk == kNone) return kNone;
    open_chunk_ = chunk >> kUnitBits;
    open_units_ = 0;
  }
  const Ref ref = open_chunk_ << kUnitBits | static_cast<Ref>(open_units_);
  open_units_ += units;
  return ref;
}

StateTable::Ref StateTable::take_chunk(std::size_t bytes) {
  std::size_t number = chunks_.size();
  if (!free_chunks_.empty()) {
    number = free_chunks_.back();
    free_chunks_.pop_back();
  } else if (number == kChunkCountMax) {
    return kNone;
  } else {
    chunks_.push_back(nullptr);
    chunk_memory_.emplace_back();
  }
  chunk_memory_[number] = pool_.take(bytes, unit_bytes_);
  chunks_[number] = chunk_memory_[number].get();
  count_memory(bytes);
  return static_cast<Ref>(number) << kUnitBits;
}

void StateTable::free_entry(Ref ref) {
  const std::size_t units = units_of(header(ref) & kKeyBytesMax);
  used_units_ -= units;
  if (units > kSharedUnitsMax) {
    chunk_memory_[ref >> kUnitBits].reset();
    free_chunks_.push_back(ref >> kUnitBits);
    count_memory(0, units * unit_bytes_);
    return;
  }
  if (free_.size() <= units) free_.resize(units + 1, kNone);
  store_le(entry(ref), free_[units]);
  free_[units] = ref;
}

StateTable::Ref StateTable::load(const Key& key) {
  const Ref ref = make_entry(key.bytes);
  if (ref != kNone) loading_.push_back(Slot{tag_of(key)} << 32 | ref);
  return ref;
}

void StateTable::finish_load() {
  STELE_CHECK(key_count() == 0);
  rebuild(loading_.size(), loading_.data(), loading_.size());
  key_count_.store(loading_.size(), std::memory_order_relaxed);
  loading_ = {};
}

std::vector<StateTable::Ref> StateTable::same_tag(std::size_t at) const {
  std::vector<Ref> same;
  const std::uint32_t tag = tag_of(slots_[at]);
  for (; tag_of(slots_[at]) == tag && slots_[at] != kEmpty; ++at)
    same.push_back(ref_of(slots_[at]));
  std::ranges::sort(same, [&](Ref a, Ref b) {
    const Key left(key(a));
    const Key right(key(b));
    // The upper bits are the shard's.
    const std::uint64_t left_rest = left.hash << kShardBits;
    const std::uint64_t right_rest = right.hash << kShardBits;
    return left_rest != right_rest ? left_rest < right_rest
                                   : std::ranges::lexicographical_compare(left.bytes, right.bytes);
  });
  return same;
}

void StateTable::count_memory(std::uint64_t added, std::uint64_t removed) {
  memory_bytes_.store(memory_bytes() + added - removed, std::memory_order_relaxed);
}

}  // namespace stele::projections
