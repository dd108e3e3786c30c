#include "log/index/huge_pages.h"

#include <sys/mman.h>

#include "log/base/check.h"

namespace stele::log {

Pages allocate_pages(std::size_t bytes) {
  const bool huge = bytes >= kHugePageBytes;
  STELE_CHECK(!huge || bytes % kHugePageBytes == 0);
  Pages pages(static_cast<std::byte*>(huge ? std::aligned_alloc(kHugePageBytes, bytes)
                                           : std::malloc(bytes)));
  STELE_CHECK(pages != nullptr);
  if (huge) static_cast<void>(madvise(pages.get(), bytes, MADV_HUGEPAGE));  // where there are any
  return pages;
}

}  // namespace stele::log
