// A simulated disk: folders and files, each with what is durable and what is not yet. A value:
// copying one is cheap (pages are shared), so a test keeps as many images as it likes.
//
// Power loss makes a new disk of this one: crash_state() asks a chooser, for every change that no
// sync has covered, whether it is there.
//   - a page: for each 512 B sector, the durable version or any later one;
//   - a size: the durable one or any later one (pages that did not make it read as zeros);
//   - an entry of a folder: each creation, rename or removal alone; a rename is one change, and
//     syncing either of its folders makes it durable.
// A file that was synced is lost all the same if its entry was not. kill -9 loses nothing:
// killed().
//
// Thread: one at a time per disk.
#pragma once

#include <array>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/env/env.h"
#include "tests/support/sim_inode.h"

namespace stele {

/// One change of folder entries, all or nothing.
struct FolderChange {
  struct Entry {
    InodeId folder;
    std::string name;
    InodeId target;  ///< 0: the name is gone
  };
  std::uint64_t op;
  std::vector<Entry> entries;
};

/// Decides what power loss leaves. `index` counts the entries, sizes and pages asked about, each
/// from 0, in an order that is the same for the same disk.
class CrashChooser {
public:
  using Sectors = std::array<std::uint8_t, kSectorsPerPage>;

  CrashChooser() = default;
  CrashChooser(const CrashChooser&) = delete;
  CrashChooser& operator=(const CrashChooser&) = delete;
  virtual ~CrashChooser() = default;

  [[nodiscard]] virtual bool keep(std::size_t index, const FolderChange& change) = 0;
  /// 0: the durable size; n: that of sizes[n - 1].
  [[nodiscard]] virtual std::size_t size(std::size_t index, std::span<const SizeVersion> sizes) = 0;
  /// For each sector 0: the durable bytes; n: those of versions[n - 1].
  [[nodiscard]] virtual Sectors sectors(std::size_t index,
                                        std::span<const PageVersion> versions) = 0;
};

struct ImageHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend auto operator<=>(const ImageHash&, const ImageHash&) = default;
};

class SimDisk {
public:
  SimDisk();

  // --- what SimEnv does; `op` numbers the change, larger than any before ---

  [[nodiscard]] Result<InodeId> find(std::string_view path) const;
  Result<InodeId> create(std::string_view path, bool folder, std::uint64_t op);
  Result<void> rename(std::string_view from, std::string_view to, std::uint64_t op);
  Result<void> remove(std::string_view path, std::uint64_t op);
  Result<void> sync_folder(std::string_view path);
  [[nodiscard]] Result<std::vector<FolderEntry>> list(std::string_view path) const;
  [[nodiscard]] SimInode& inode(InodeId id) { return inodes_.at(id); }
  [[nodiscard]] const SimInode& inode(InodeId id) const { return inodes_.at(id); }
  /// Pages taken by files that have a name or are open.
  [[nodiscard]] std::uint64_t used_pages() const;
  /// The largest `op` of anything that is not durable.
  [[nodiscard]] std::uint64_t newest_op() const;

  // --- crashes ---

  /// The disk after power loss, as `chooser` decides. Nothing on it is unsynced.
  [[nodiscard]] SimDisk crash_state(CrashChooser& chooser) const;
  /// The disk after kill -9: everything is there, and what was not synced still is not.
  [[nodiscard]] SimDisk killed() const;
  /// How many changes of each kind a chooser is asked about.
  struct UnsyncedCounts {
    std::size_t entries = 0;
    std::size_t sizes = 0;
    std::size_t pages = 0;
  };
  [[nodiscard]] UnsyncedCounts unsynced() const;
  /// XXH3-128 over all names, sizes and bytes that programs see.
  [[nodiscard]] ImageHash image_hash() const;

  // --- raw access, for tests that look or damage ---

  /// Paths of all files, sorted, each from '/'.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] bool exists(std::string_view path) const { return find(path).has_value(); }
  /// The whole content; the file must be there.
  [[nodiscard]] Bytes bytes(std::string_view path) const;
  /// Makes the file hold `bytes`, durably; it and its folders are created when missing. A folder
  /// that is there stays as durable as it is.
  void set_bytes(std::string_view path, ByteView bytes);
  void flip_bit(std::string_view path, std::uint64_t at, unsigned bit = 0);

private:
  struct Place {
    InodeId folder;
    std::string name;
  };
  [[nodiscard]] Result<Place> parent_of(std::string_view path) const;
  void change(FolderChange what);
  void collect();
  [[nodiscard]] std::map<InodeId, SimInode> crashed_files(CrashChooser& chooser) const;
  void place(InodeId folder, SimDisk& into, std::map<InodeId, SimInode>& files,
             const std::map<InodeId, std::map<std::string, InodeId>>& entries) const;

  std::map<InodeId, SimInode> inodes_;
  std::vector<FolderChange> changes_;  // not durable yet, in order
  InodeId next_id_;
};

}  // namespace stele
