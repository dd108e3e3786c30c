#include "log/store/floor_log.h"

#include "log/store/gather_terms.h"

namespace stele::log {

Result<void> FloorLog::remove(const BatchEntry& entry, ByteView batch,
                              std::span<const std::int32_t> removed) {
  STELE_TRY(const auto terms, gather_terms(hasher_, from_.topic, batch, decompressor_));
  return addition_->add(from_, entry.position, *terms, removed);
}

Result<void> FloorLog::remove_all(const BatchEntry& entry, ByteView batch) {
  STELE_TRY(const auto terms, gather_terms(hasher_, from_.topic, batch, decompressor_));
  return addition_->add_all(from_, entry.position, *terms);
}

}  // namespace stele::log
