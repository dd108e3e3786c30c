#include "log/segment/file_cache.h"

namespace stele::log {

std::shared_ptr<File> FileCache::find(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  slots_.splice(slots_.begin(), slots_, found->second);
  return found->second->file;
}

void FileCache::evict(std::size_t keep) {
  for (auto slot = slots_.end(); slots_.size() > keep && slot != slots_.begin();) {
    --slot;
    if (slot->file.use_count() > 1) continue;
    by_path_.erase(slot->path);
    slot = slots_.erase(slot);
  }
}

Result<std::shared_ptr<File>> FileCache::open(const std::string& path, OpenMode mode) {
  if (read_only_) mode = OpenMode::kRead;
  const std::scoped_lock lock(mutex_);
  if (auto file = find(path)) return file;
  auto opened = env_.open(path, mode);
  if (!opened && opened.error().code == Code::kOverloaded) {
    evict(0);
    opened = env_.open(path, mode);
  }
  if (!opened) return std::unexpected(std::move(opened).error());
  evict(file_count_max_ - 1);
  slots_.push_front({path, std::move(*opened)});
  by_path_[path] = slots_.begin();
  return slots_.front().file;
}

void FileCache::forget(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return;
  slots_.erase(found->second);
  by_path_.erase(found);
}

}  // namespace stele::log
