#include "log/index/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>

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

Pages PagePool::take(std::size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(kept_, bytes, &std::pair<std::size_t, Pages>::first);
    if (found != kept_.end()) {
      Pages pages = std::move(found->second);
      kept_.erase(found);
      bytes_ -= bytes;
      return pages;
    }
  }
  return allocate_pages(bytes);
}

void PagePool::give_back(Pages pages, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (pages == nullptr || bytes < kHugePageBytes || bytes_ + bytes > bytes_max_) return;
  kept_.emplace_back(bytes, std::move(pages));
  bytes_ += bytes;
}

void PagePool::release() {
  std::vector<std::pair<std::size_t, Pages>> kept;
  const std::scoped_lock lock(mutex_);
  std::swap(kept, kept_);
  bytes_ = 0;
}

}  // namespace stele::log
