// The simulated disk's unit of storage: an immutable 4 KiB page, shared by every disk image that
// holds it (copying an image copies references). No page means zeros.
// Thread: any; pages never change.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "log/base/bytes.h"

namespace stele {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kSectorsPerPage = kPageBytes / kSectorBytes;

using PageBytes = std::array<std::byte, kPageBytes>;

struct SimPage {
  PageBytes bytes;
  std::array<std::uint64_t, 2> hash;  ///< XXH3-128 of bytes
};

using PageRef = std::shared_ptr<const SimPage>;

/// A page with these bytes; null if they are all zero.
[[nodiscard]] PageRef make_page(const PageBytes& bytes);
/// The bytes of a page, zeros of a null one.
[[nodiscard]] const PageBytes& page_bytes(const PageRef& page);
/// The hash of a page, that of zeros for a null one.
[[nodiscard]] const std::array<std::uint64_t, 2>& page_hash(const PageRef& page);
/// `page` with `bytes` put over it from byte `at` (inside the page).
[[nodiscard]] PageRef page_with(const PageRef& page, std::size_t at, ByteView bytes);
/// `page` with zeros from byte `keep` on.
[[nodiscard]] PageRef page_cut(const PageRef& page, std::size_t keep);

/// The content of a file: pages and size. Bytes past the size are zero.
struct SimImage {
  std::vector<PageRef> pages;
  std::uint64_t size = 0;

  [[nodiscard]] PageRef page(std::uint64_t index) const {
    return index < pages.size() ? pages[index] : nullptr;
  }
  void set_page(std::uint64_t index, PageRef page);
  /// Cuts to `bytes`, zeroing what the last page has beyond, or extends.
  void resize(std::uint64_t bytes);
  /// Up to into.size() bytes from `at`; fewer at the end.
  std::size_t read(ByteSpan into, std::uint64_t at) const;
};

[[nodiscard]] constexpr std::uint64_t pages_for(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes;
}

}  // namespace stele
