#include "tests/support/sim_inode.h"

#include <algorithm>

namespace stele {
namespace {

// Calls visit(page index, place inside the page, bytes of it) for each page that the range touches.
template <class Visit>
void each_page(ByteView bytes, std::uint64_t at, Visit visit) {
  while (!bytes.empty()) {
    std::size_t inside = at % kPageBytes;
    std::size_t step = std::min(bytes.size(), kPageBytes - inside);
    visit(at / kPageBytes, inside, bytes.first(step));
    bytes = bytes.subspan(step);
    at += step;
  }
}

}  // namespace

void SimInode::set_live_page(std::uint64_t index, PageRef page, std::uint64_t op) {
  PageHistory& history = pages_[index];
  history.clean = false;
  history.versions.push_back({op, page});
  if (history.versions.size() > PageHistory::kVersionsMax) {
    history.versions.erase(history.versions.begin());
  }
  live_.set_page(index, std::move(page));
}

void SimInode::write(ByteView bytes, std::uint64_t at, std::uint64_t op) {
  if (bytes.empty()) return;
  each_page(bytes, at, [&](std::uint64_t index, std::size_t inside, ByteView part) {
    set_live_page(index, page_with(live_.page(index), inside, part), op);
  });
  std::uint64_t end = at + bytes.size();
  allocate(at / kPageBytes, pages_for(end));
  if (end > live_.size) {
    live_.size = end;
    sizes_.push_back({op, end});
  }
}

void SimInode::truncate(std::uint64_t bytes, std::uint64_t op) {
  std::uint64_t first_gone = pages_for(bytes);
  std::size_t inside = bytes % kPageBytes;
  if (inside != 0 && live_.page(first_gone - 1)) {
    set_live_page(first_gone - 1, page_cut(live_.page(first_gone - 1), inside), op);
  }
  for (std::uint64_t index = first_gone; index < live_.pages.size(); ++index) {
    if (live_.pages[index]) set_live_page(index, nullptr, op);
  }
  live_.resize(bytes);
  if (sizes_.empty() ? durable_.size != bytes : sizes_.back().size != bytes) {
    sizes_.push_back({op, bytes});
  }
  if (allocated_.size() > first_gone) allocated_.resize(first_gone);
  allocated_count_ = static_cast<std::uint64_t>(std::ranges::count(allocated_, true));
}

void SimInode::reserve(std::uint64_t at, std::uint64_t bytes) {
  allocate(at / kPageBytes, pages_for(at + bytes));
}

void SimInode::allocate(std::uint64_t first_page, std::uint64_t end_page) {
  if (allocated_.size() < end_page) allocated_.resize(end_page);
  for (std::uint64_t index = first_page; index < end_page; ++index) {
    if (!allocated_[index]) ++allocated_count_;
    allocated_[index] = true;
  }
}

std::uint64_t SimInode::fitting(std::uint64_t at, std::uint64_t size,
                                std::uint64_t free_pages) const {
  for (std::uint64_t index = at / kPageBytes; index < pages_for(at + size); ++index) {
    bool taken = index < allocated_.size() && allocated_[index];
    if (!taken && free_pages == 0) return index * kPageBytes > at ? index * kPageBytes - at : 0;
    if (!taken) --free_pages;
  }
  return size;
}

void SimInode::sync(const std::set<std::uint64_t>& in_flight) {
  for (auto it = pages_.begin(); it != pages_.end();) {
    PageHistory& history = it->second;
    auto first_kept = std::ranges::find_if(history.versions, [&](const PageVersion& version) {
      return history.clean || in_flight.contains(version.op);
    });
    if (first_kept != history.versions.begin()) {
      durable_.set_page(it->first, std::prev(first_kept)->page);
      history.versions.erase(history.versions.begin(), first_kept);
    }
    it = history.versions.empty() ? pages_.erase(it) : std::next(it);
  }
  durable_.resize(live_.size);
  sizes_.clear();
}

void SimInode::fail_sync() {
  for (auto& [index, history] : pages_) history.clean = true;
}

void SimInode::fail_durable(std::uint64_t op) {
  for (auto& [index, history] : pages_) {
    if (history.versions.back().op == op) history.clean = true;
  }
}

void SimInode::complete_durable(std::uint64_t op, ByteView bytes, std::uint64_t at) {
  if (bytes.empty()) return;
  each_page(bytes, at, [&](std::uint64_t index, std::size_t inside, ByteView part) {
    durable_.set_page(index, page_with(durable_.page(index), inside, part));
    auto found = pages_.find(index);
    if (found == pages_.end()) return;
    std::vector<PageVersion>& versions = found->second.versions;
    std::erase_if(versions, [op](const PageVersion& version) { return version.op == op; });
    for (PageVersion& version : versions) {
      if (version.op < op) version.page = page_with(version.page, inside, part);
    }
    if (versions.empty()) pages_.erase(found);
  });
  std::uint64_t end = at + bytes.size();
  durable_.size = std::max(durable_.size, end);
  std::erase_if(sizes_, [op](const SizeVersion& version) { return version.op == op; });
  for (SizeVersion& version : sizes_) {
    if (version.op < op) version.size = std::max(version.size, end);
  }
}

void SimInode::replace(SimImage image) {
  live_ = image;
  durable_ = std::move(image);
  pages_.clear();
  sizes_.clear();
  allocated_.clear();
  allocated_count_ = 0;
  allocate(0, pages_for(live_.size));
}

void SimInode::flip_bit(std::uint64_t at, unsigned bit) {
  std::uint64_t index = at / kPageBytes;
  auto flip = [&](const PageRef& page) {
    PageBytes copy = page_bytes(page);
    copy[at % kPageBytes] ^= std::byte{1} << bit;
    return make_page(copy);
  };
  if (at < live_.size) live_.set_page(index, flip(live_.page(index)));
  if (at < durable_.size) durable_.set_page(index, flip(durable_.page(index)));
  auto found = pages_.find(index);
  if (found == pages_.end()) return;
  for (PageVersion& version : found->second.versions) version.page = flip(version.page);
}

}  // namespace stele
