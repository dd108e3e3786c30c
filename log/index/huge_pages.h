// Zeroed memory for what is looked at in no order: in pages of 2 MiB where the system has them, so
// that not every look also misses the table of pages, and given back at once when it is freed.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <memory>

namespace stele::log {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

struct FreePages {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const;
};
using Pages = std::unique_ptr<std::byte[], FreePages>;

/// Aligned for any type. Less than kHugePageBytes comes from the heap. Aborts if there is none.
[[nodiscard]] Pages allocate_pages(std::size_t bytes);

}  // namespace stele::log
