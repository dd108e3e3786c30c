#include "tests/support/sim_disk.h"

#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele {
namespace {

constexpr InodeId kRoot = 1;

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    std::size_t slash = std::min(path.find('/'), path.size());
    std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

SimInode empty_folder() {
  SimInode folder;
  folder.folder = true;
  return folder;
}

bool all_equal(const CrashChooser::Sectors& sectors) {
  return std::ranges::all_of(sectors, [&](std::uint8_t one) { return one == sectors[0]; });
}

PageRef chosen_page(const PageRef& durable, std::span<const PageVersion> versions,
                    const CrashChooser::Sectors& sectors) {
  auto version = [&](std::size_t pick) { return pick == 0 ? durable : versions[pick - 1].page; };
  if (all_equal(sectors)) return version(sectors[0]);
  PageBytes torn;
  for (std::size_t sector = 0; sector < kSectorsPerPage; ++sector) {
    auto from = static_cast<std::ptrdiff_t>(sector * kSectorBytes);
    std::copy_n(page_bytes(version(sectors[sector])).begin() + from, kSectorBytes,
                torn.begin() + from);
  }
  return make_page(torn);
}

}  // namespace

SimDisk::SimDisk() : next_id_(kRoot + 1) {
  inodes_.emplace(kRoot, empty_folder());
}

Result<InodeId> SimDisk::find(std::string_view path) const {
  InodeId at = kRoot;
  for (const std::string& name : split(path)) {
    const SimInode& folder = inodes_.at(at);
    auto entry = folder.live_entries.find(name);
    if (entry == folder.live_entries.end()) {
      return fail(Code::kNotFound, "{}: no such file or folder", path);
    }
    at = entry->second;
  }
  return at;
}

Result<SimDisk::Place> SimDisk::parent_of(std::string_view path) const {
  std::vector<std::string> parts = split(path);
  if (parts.empty()) return fail(Code::kInvalid, "{}: the root has no name", path);
  InodeId at = kRoot;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const SimInode& folder = inodes_.at(at);
    auto entry = folder.live_entries.find(parts[i]);
    if (entry == folder.live_entries.end()) {
      return fail(Code::kNotFound, "{}: no such folder", path);
    }
    at = entry->second;
  }
  if (!inodes_.at(at).folder) return fail(Code::kIo, "{}: a file stands for a folder", path);
  return Place{at, parts.back()};
}

void SimDisk::change(FolderChange what) {
  for (const FolderChange::Entry& entry : what.entries) {
    std::map<std::string, InodeId>& entries = inodes_.at(entry.folder).live_entries;
    if (entry.target == 0) {
      entries.erase(entry.name);
    } else {
      entries[entry.name] = entry.target;
    }
  }
  changes_.push_back(std::move(what));
}

Result<InodeId> SimDisk::create(std::string_view path, bool folder, std::uint64_t op) {
  STELE_TRY(Place place, parent_of(path));
  InodeId id = next_id_++;
  inodes_[id].folder = folder;
  change({op, {{place.folder, place.name, id}}});
  return id;
}

Result<void> SimDisk::rename(std::string_view from, std::string_view to, std::uint64_t op) {
  STELE_TRY(InodeId id, find(from));
  STELE_TRY(Place source, parent_of(from));
  STELE_TRY(Place target, parent_of(to));
  Result<InodeId> replaced = find(to);
  if (replaced && *replaced == id) return {};
  if (replaced && (inode(*replaced).folder || inode(id).folder)) {
    return fail(Code::kIo, "rename {} to {}: a folder is in the way", from, to);
  }
  change({op, {{source.folder, source.name, 0}, {target.folder, target.name, id}}});
  return {};
}

Result<void> SimDisk::remove(std::string_view path, std::uint64_t op) {
  STELE_TRY(InodeId id, find(path));
  STELE_TRY(Place place, parent_of(path));
  if (!inode(id).live_entries.empty()) return fail(Code::kIo, "remove {}: not empty", path);
  change({op, {{place.folder, place.name, 0}}});
  return {};
}

Result<void> SimDisk::sync_folder(std::string_view path) {
  STELE_TRY(InodeId id, find(path));
  if (!inode(id).folder) return fail(Code::kIo, "sync folder {}: not a folder", path);
  auto touches = [id](const FolderChange& one) {
    return std::ranges::any_of(one.entries, [id](const auto& entry) { return entry.folder == id; });
  };
  for (const FolderChange& one : changes_) {
    if (!touches(one)) continue;
    for (const FolderChange::Entry& entry : one.entries) {
      std::map<std::string, InodeId>& entries = inode(entry.folder).durable_entries;
      if (entry.target == 0) {
        entries.erase(entry.name);
      } else {
        entries[entry.name] = entry.target;
      }
    }
  }
  std::erase_if(changes_, touches);
  collect();
  return {};
}

void SimDisk::collect() {
  std::set<InodeId> used{kRoot};
  for (const auto& [id, node] : inodes_) {
    for (const auto& [name, target] : node.live_entries) used.insert(target);
    for (const auto& [name, target] : node.durable_entries) used.insert(target);
    if (node.open_count > 0) used.insert(id);
  }
  for (const FolderChange& one : changes_) {
    for (const FolderChange::Entry& entry : one.entries) {
      used.insert(entry.folder);
      used.insert(entry.target);
    }
  }
  std::erase_if(inodes_, [&](const auto& one) { return !used.contains(one.first); });
}

Result<std::vector<FolderEntry>> SimDisk::list(std::string_view path) const {
  STELE_TRY(InodeId id, find(path));
  if (!inode(id).folder) return fail(Code::kIo, "list {}: not a folder", path);
  std::vector<FolderEntry> entries;
  for (const auto& [name, target] : inode(id).live_entries) {
    entries.push_back({name, inode(target).folder});
  }
  return entries;
}

std::uint64_t SimDisk::used_pages() const {
  std::set<InodeId> named;
  for (const auto& [id, node] : inodes_) {
    for (const auto& [name, target] : node.live_entries) named.insert(target);
  }
  std::uint64_t count = 0;
  for (const auto& [id, node] : inodes_) {
    if (named.contains(id) || node.open_count > 0) count += node.allocated_pages();
  }
  return count;
}

std::uint64_t SimDisk::newest_op() const {
  std::uint64_t newest = changes_.empty() ? 0 : changes_.back().op;
  for (const auto& [id, node] : inodes_) {
    for (const auto& [index, history] : node.pages()) {
      newest = std::max(newest, history.versions.back().op);
    }
    if (!node.sizes().empty()) newest = std::max(newest, node.sizes().back().op);
  }
  return newest;
}

std::map<InodeId, SimInode> SimDisk::crashed_files(CrashChooser& chooser) const {
  std::map<InodeId, SimInode> files;
  std::size_t size_index = 0;
  std::size_t page_index = 0;
  for (const auto& [id, node] : inodes_) {
    if (node.folder) continue;
    SimImage image = node.durable();
    for (const auto& [index, history] : node.pages()) {
      CrashChooser::Sectors sectors = chooser.sectors(page_index++, history.versions);
      image.set_page(index, chosen_page(image.page(index), history.versions, sectors));
    }
    std::size_t pick = node.sizes().empty() ? 0 : chooser.size(size_index++, node.sizes());
    image.resize(pick == 0 ? node.durable().size : node.sizes()[pick - 1].size);
    files[id].replace(std::move(image));
  }
  return files;
}

SimDisk SimDisk::crash_state(CrashChooser& chooser) const {
  std::map<InodeId, std::map<std::string, InodeId>> entries;
  for (const auto& [id, node] : inodes_) {
    if (node.folder) entries[id] = node.durable_entries;
  }
  std::size_t index = 0;
  for (const FolderChange& one : changes_) {
    if (!chooser.keep(index++, one)) continue;
    for (const FolderChange::Entry& entry : one.entries) {
      if (entry.target == 0) {
        entries[entry.folder].erase(entry.name);
      } else {
        entries[entry.folder][entry.name] = entry.target;
      }
    }
  }
  std::map<InodeId, SimInode> files = crashed_files(chooser);
  SimDisk after;
  after.next_id_ = next_id_;
  place(kRoot, after, files, entries);
  return after;
}

// Puts what the folder's surviving entries lead to on the new disk. An inode that two surviving
// entries name (a rename kept, the one before it dropped) becomes two files; a folder stays one.
void SimDisk::place(InodeId folder, SimDisk& into, std::map<InodeId, SimInode>& files,
                    const std::map<InodeId, std::map<std::string, InodeId>>& entries) const {
  for (const auto& [name, target] : entries.at(folder)) {
    bool taken = into.inodes_.contains(target);
    bool is_folder = inodes_.at(target).folder;
    if (taken && is_folder) continue;
    InodeId id = taken ? into.next_id_++ : target;
    into.inodes_[id] = is_folder ? empty_folder() : files.at(target);
    SimInode& home = into.inodes_.at(folder);
    home.live_entries[name] = id;
    home.durable_entries[name] = id;
    if (is_folder) place(target, into, files, entries);
  }
}

SimDisk SimDisk::killed() const {
  SimDisk after = *this;
  for (auto& [id, node] : after.inodes_) node.open_count = 0;
  after.collect();
  return after;
}

SimDisk::UnsyncedCounts SimDisk::unsynced() const {
  UnsyncedCounts counts{.entries = changes_.size()};
  for (const auto& [id, node] : inodes_) {
    counts.sizes += node.sizes().empty() ? 0 : 1;
    counts.pages += node.pages().size();
  }
  return counts;
}

ImageHash SimDisk::image_hash() const {
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                 &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  auto add = [&](const void* bytes, std::size_t size) {
    XXH3_128bits_update(state.get(), bytes, size);
  };
  std::function<void(InodeId)> visit = [&](InodeId folder) {
    for (const auto& [name, target] : inode(folder).live_entries) {
      const SimInode& node = inode(target);
      std::uint64_t head[3] = {name.size(), node.folder, node.live().size};
      add(head, sizeof head);
      add(name.data(), name.size());
      for (std::uint64_t i = 0; i < pages_for(node.live().size); ++i) {
        add(page_hash(node.live().page(i)).data(), 2 * sizeof(std::uint64_t));
      }
      if (node.folder) visit(target);
    }
    add("/", 1);
  };
  visit(kRoot);
  XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return {hash.low64, hash.high64};
}

std::vector<std::string> SimDisk::files() const {
  std::vector<std::string> paths;
  std::function<void(InodeId, const std::string&)> visit = [&](InodeId folder,
                                                               const std::string& prefix) {
    for (const auto& [name, target] : inode(folder).live_entries) {
      std::string path = prefix + "/" + name;
      if (inode(target).folder) {
        visit(target, path);
      } else {
        paths.push_back(path);
      }
    }
  };
  visit(kRoot, "");
  std::ranges::sort(paths);
  return paths;
}

Bytes SimDisk::bytes(std::string_view path) const {
  Result<InodeId> id = find(path);
  STELE_CHECK(id.has_value());
  const SimImage& image = inode(*id).live();
  Bytes content(image.size);
  image.read(content, 0);
  return content;
}

void SimDisk::set_bytes(std::string_view path, ByteView bytes) {
  InodeId at = kRoot;
  std::vector<std::string> parts = split(path);
  STELE_CHECK(!parts.empty());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto found = inode(at).live_entries.find(parts[i]);
    bool is_new = found == inode(at).live_entries.end();
    bool is_last = i + 1 == parts.size();
    InodeId next = is_new ? next_id_++ : found->second;
    inodes_[next].folder = !is_last;
    inode(at).live_entries[parts[i]] = next;
    if (is_new || is_last) inode(at).durable_entries[parts[i]] = next;
    at = next;
  }
  SimInode fresh;
  fresh.write(bytes, 0, 1);
  fresh.sync({});
  inode(at).replace(fresh.live());
}

void SimDisk::flip_bit(std::string_view path, std::uint64_t at, unsigned bit) {
  Result<InodeId> id = find(path);
  STELE_CHECK(id.has_value() && at < inode(*id).live().size);
  inode(*id).flip_bit(at, bit);
}

}  // namespace stele
