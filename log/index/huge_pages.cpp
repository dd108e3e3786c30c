#include "log/index/huge_pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "log/base/check.h"

namespace stele::log {

void FreePages::operator()(std::byte* memory) const {
  if (bytes < kHugePageBytes) {
    std::free(memory);
  } else {
    STELE_CHECK(munmap(memory, bytes) == 0);
  }
}

Pages allocate_pages(std::size_t bytes) {
  if (bytes < kHugePageBytes) {
    Pages pages(static_cast<std::byte*>(std::calloc(bytes, 1)), FreePages{bytes});
    STELE_CHECK(pages != nullptr);
    return pages;
  }
  // More than is wanted, and what lies before and behind the aligned part goes back.
  const std::size_t mapped = bytes + kHugePageBytes;
  void* const memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  STELE_CHECK(memory != MAP_FAILED);
  auto* const begin = static_cast<std::byte*>(memory);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t before = (kHugePageBytes - address % kHugePageBytes) % kHugePageBytes;
  if (before > 0) STELE_CHECK(munmap(begin, before) == 0);
  const std::size_t behind = mapped - before - bytes;
  if (behind > 0) STELE_CHECK(munmap(begin + before + bytes, behind) == 0);
  static_cast<void>(madvise(begin + before, bytes, MADV_HUGEPAGE));  // where there are any
  return Pages(begin + before, FreePages{bytes});
}

}  // namespace stele::log
