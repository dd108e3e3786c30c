// Memory for what is looked at in no order: in pages of 2 MiB where the system has them, so that
// not every look also misses the table of pages.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace stele::log {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
/// More than the heap ever keeps: it goes back to the system at once when it is freed, and takes
/// memory only where it is touched.
inline constexpr std::size_t kSlabBytes = std::size_t{36} << 20;

struct FreePages {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using Pages = std::unique_ptr<std::byte[], FreePages>;

/// A multiple of kHugePageBytes, or less than one. What it holds is not said. Aborts if there is
/// none.
[[nodiscard]] Pages allocate_pages(std::size_t bytes);

}  // namespace stele::log
