// What a simulated file holds: what programs see (live), what power loss keeps (durable), and every
// version in between that a crash may leave behind.
//
//   durable page ── version (op 7) ── version (op 9) = live page      a crash picks one per sector
//   durable size ── 4096 (op 7)    ── 8192 (op 9)    = live size      a crash picks one
//
// Invariants: the newest version of a page is its live content; bytes past a size are zero; `op`
// grows along every list.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/support/sim_page.h"

namespace stele {

using InodeId = std::uint64_t;  ///< 0: none

/// What a page held after change number `op`, not durable yet.
struct PageVersion {
  std::uint64_t op;
  PageRef page;
};

struct SizeVersion {
  std::uint64_t op;
  std::uint64_t size;
};

/// The versions of a page that are not durable, oldest first.
struct PageHistory {
  /// Past it the oldest is forgotten: a crash can then not bring exactly that one back.
  static constexpr std::size_t kVersionsMax = 8;

  std::vector<PageVersion> versions;
  /// A sync of it has failed: the page cache holds it for clean, so that no later sync writes it.
  bool clean = false;
};

class SimInode {
public:
  [[nodiscard]] const SimImage& live() const { return live_; }
  [[nodiscard]] const SimImage& durable() const { return durable_; }
  [[nodiscard]] const std::map<std::uint64_t, PageHistory>& pages() const { return pages_; }
  [[nodiscard]] const std::vector<SizeVersion>& sizes() const { return sizes_; }

  void write(ByteView bytes, std::uint64_t at, std::uint64_t op);
  void truncate(std::uint64_t bytes, std::uint64_t op);
  void reserve(std::uint64_t at, std::uint64_t bytes);
  /// Makes everything durable, except what the changes `in_flight` (durable writes under way) and
  /// those on top of them have written.
  void sync(const std::set<std::uint64_t>& in_flight);
  /// A sync that fails: what was dirty stays as it is, is never written, and looks clean.
  void fail_sync();
  /// The durable write `op` has failed: what it wrote is like after fail_sync().
  void fail_durable(std::uint64_t op);
  /// Makes the bytes that change `op` wrote durable, and the size that they need.
  void complete_durable(std::uint64_t op, ByteView bytes, std::uint64_t at);

  /// Replaces the content, durable at once.
  void replace(SimImage image);
  /// Flips a bit of the byte at `at` in every version there is.
  void flip_bit(std::uint64_t at, unsigned bit);

  [[nodiscard]] std::uint64_t allocated_pages() const { return allocated_count_; }
  /// How many of `size` bytes at `at` can be written when `free_pages` more may be taken.
  [[nodiscard]] std::uint64_t fitting(std::uint64_t at, std::uint64_t size,
                                      std::uint64_t free_pages) const;

  bool folder = false;
  unsigned open_count = 0;
  std::map<std::string, InodeId> live_entries;  ///< of a folder
  std::map<std::string, InodeId> durable_entries;

private:
  void set_live_page(std::uint64_t index, PageRef page, std::uint64_t op);
  void allocate(std::uint64_t first_page, std::uint64_t end_page);

  SimImage live_;
  SimImage durable_;
  std::map<std::uint64_t, PageHistory> pages_;
  std::vector<SizeVersion> sizes_;
  std::vector<bool> allocated_;
  std::uint64_t allocated_count_ = 0;
};

}  // namespace stele
