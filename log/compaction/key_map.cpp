#include "log/compaction/key_map.h"

#include <algorithm>
#include <limits>

#include "log/base/check.h"

namespace stele::log {
namespace {

constexpr std::uint64_t kSlotsMin = 16;
constexpr std::uint64_t kLoadPercentMax = 90;  // Kafka's log.cleaner.io.buffer.load.factor

std::uint64_t slots_for(std::uint64_t bytes_max, std::uint64_t slot_bytes,
                        std::uint64_t key_count) {
  const std::uint64_t wanted = key_count + key_count / 3 + kSlotsMin;
  return std::max(kSlotsMin, std::min(bytes_max / slot_bytes, wanted));
}

}  // namespace

KeyMap::KeyMap(std::uint64_t bytes_max, std::uint64_t key_count, Offset base, std::uint64_t seed)
    : slot_count_(slots_for(bytes_max, sizeof(Slot), key_count)),
      key_count_max_(slot_count_ * kLoadPercentMax / 100),
      base_(base),
      end_(base),
      seed_(seed),
      slots_(static_cast<Slot*>(std::calloc(slot_count_, sizeof(Slot)))) {
  STELE_CHECK(slots_ != nullptr);
}

KeyMap::Slot& KeyMap::find(const Hash128& key) const {
  std::uint64_t at = slot_of(key);
  const auto high = static_cast<std::uint32_t>(key.high);
  while (true) {
    Slot& slot = slots_[at];
    if (slot.delta == 0 || (slot.low == key.low && slot.high == high)) return slot;
    if (++at == slot_count_) at = 0;
  }
}

bool KeyMap::put(const Hash128& key, Offset offset) {
  const std::int64_t delta = distance(base_, offset) + 1;
  STELE_CHECK(delta > 0);
  if (delta > std::numeric_limits<std::uint32_t>::max()) return false;
  Slot& slot = find(key);
  if (slot.delta == 0) {
    if (key_count_ == key_count_max_) return false;
    ++key_count_;
    slot.low = key.low;
    slot.high = static_cast<std::uint32_t>(key.high);
  }
  slot.delta = static_cast<std::uint32_t>(delta);
  return true;
}

bool KeyMap::has_later(const Hash128& key, Offset offset) const {
  const Slot& slot = find(key);
  return slot.delta != 0 && base_.next(std::int64_t{slot.delta} - 1) > offset;
}

}  // namespace stele::log
