// Heads of hot terms, so that asking again reads no disk. A fixed table: sets of four slots.
//
// What it says of a term holds for the events before a position (`as_of`), for ever; whoever asks
// adds what came behind it. So nothing is ever taken back. A term with more than kBytesMax bytes is
// not kept.
// Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>

#include "log/index/term_index.h"

namespace stele::log {

class HeadCache {
public:
  static constexpr std::size_t kBytesMax = 72;

  struct Known {
    TermHead head;   ///< count 0: it had none, the rest means nothing
    Position as_of;  ///< the events before it
  };

  explicit HeadCache(std::uint64_t bytes_max);

  [[nodiscard]] std::optional<Known> find(const TermView& term) const;
  void put(const TermView& term, const Known& known);
  [[nodiscard]] std::uint64_t used_bytes() const {
    return used_slots_.load(std::memory_order_relaxed) * (sizeof(Slot) + sizeof(std::uint32_t));
  }

private:
  struct Slot {
    std::uint64_t hash;
    std::int64_t count;
    Position last;
    Position as_of;
    Uuid topic;
    std::int32_t partition;
    std::uint16_t bytes_size;
    TermKind kind;
    std::byte bytes[kBytesMax];
  };
  static_assert(sizeof(Slot) == 128);
  static constexpr std::size_t kWays = 4;

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  [[nodiscard]] std::size_t set_of(std::uint64_t hash) const;
  [[nodiscard]] bool holds(std::size_t slot, const TermView& term) const;
  /// Which slot of its set to overwrite.
  [[nodiscard]] std::size_t victim(std::size_t set);

  std::size_t set_count_;
  mutable std::mutex mutex_;
  std::unique_ptr<std::uint32_t[], Free> tags_;  // 0: free
  std::unique_ptr<Slot[], Free> slots_;
  std::size_t turn_ = 0;
  std::atomic<std::uint64_t> used_slots_ = 0;
};

}  // namespace stele::log
