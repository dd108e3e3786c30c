// Memory for what is looked at in no order: in pages of 2 MiB where the system has them, so that
// not every look also misses the table of pages.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

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

/// Keeps pages that are given back for who wants as many again: under ingest, memory that the
/// system would clear anew for every tail (a quarter of all CPU time, measured).
class PagePool {
public:
  /// Keeps at most `bytes_max`.
  explicit PagePool(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  /// As allocate_pages().
  [[nodiscard]] Pages take(std::size_t bytes);
  void give_back(Pages pages, std::size_t bytes);
  /// What is kept goes back to the system.
  void release();

private:
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::size_t, Pages>> kept_;
};

}  // namespace stele::log
