#include "tests/support/sim_page.h"

#include <xxhash.h>

#include <algorithm>

namespace stele {
namespace {

const PageBytes kZeros{};

std::array<std::uint64_t, 2> hash_of(const PageBytes& bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

}  // namespace

PageRef make_page(const PageBytes& bytes) {
  if (bytes == kZeros) return nullptr;
  return std::make_shared<const SimPage>(bytes, hash_of(bytes));
}

const PageBytes& page_bytes(const PageRef& page) {
  return page ? page->bytes : kZeros;
}

const std::array<std::uint64_t, 2>& page_hash(const PageRef& page) {
  static const std::array<std::uint64_t, 2> zeros = hash_of(kZeros);
  return page ? page->hash : zeros;
}

PageRef page_with(const PageRef& page, std::size_t at, ByteView bytes) {
  PageBytes copy = page_bytes(page);
  std::ranges::copy(bytes, copy.begin() + static_cast<std::ptrdiff_t>(at));
  return make_page(copy);
}

PageRef page_cut(const PageRef& page, std::size_t keep) {
  if (!page || keep >= kPageBytes) return page;
  auto tail = std::span(page->bytes).subspan(keep);
  if (std::ranges::all_of(tail, [](std::byte one) { return one == std::byte{0}; })) return page;
  PageBytes copy = page->bytes;
  std::fill(copy.begin() + static_cast<std::ptrdiff_t>(keep), copy.end(), std::byte{0});
  return make_page(copy);
}

void SimImage::set_page(std::uint64_t index, PageRef page) {
  if (index >= pages.size()) pages.resize(index + 1);
  pages[index] = std::move(page);
}

void SimImage::resize(std::uint64_t bytes) {
  if (pages.size() > pages_for(bytes)) pages.resize(pages_for(bytes));
  std::size_t inside = bytes % kPageBytes;
  if (inside != 0 && pages.size() == pages_for(bytes)) {
    pages.back() = page_cut(pages.back(), inside);
  }
  size = bytes;
}

std::size_t SimImage::read(ByteSpan into, std::uint64_t at) const {
  if (at >= size) return 0;
  std::size_t total = std::min<std::uint64_t>(into.size(), size - at);
  for (std::size_t done = 0; done < total;) {
    std::size_t inside = (at + done) % kPageBytes;
    std::size_t step = std::min(total - done, kPageBytes - inside);
    PageRef source = page((at + done) / kPageBytes);
    std::copy_n(page_bytes(source).begin() + static_cast<std::ptrdiff_t>(inside), step,
                into.begin() + static_cast<std::ptrdiff_t>(done));
    done += step;
  }
  return total;
}

}  // namespace stele
