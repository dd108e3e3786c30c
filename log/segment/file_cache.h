// Open files by path, the least recently used closed when there are too many. A file somebody still
// holds stays open until it is dropped. Thread: any.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "log/env/env.h"

namespace stele::log {

class FileCache {
public:
  /// `read_only`: files are opened for reading and never created (a tool looking at a stopped
  /// store).
  FileCache(Env& env, std::size_t file_count_max, bool read_only = false)
      : env_(env), file_count_max_(file_count_max), read_only_(read_only) {}

  /// The file, opened if it is not open. Errors as Env::open(); when file descriptors run out,
  /// everything that nobody holds is closed and the open is tried once more.
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode = OpenMode::kReadWrite);
  /// Closes it here; holders keep theirs.
  void forget(const std::string& path);

  [[nodiscard]] Env& env() const { return env_; }

private:
  struct Slot {
    std::string path;
    std::shared_ptr<File> file;
  };
  using Slots = std::list<Slot>;  // the most recently used first

  std::shared_ptr<File> find(const std::string& path);
  void evict(std::size_t keep);

  Env& env_;
  std::size_t file_count_max_;
  bool read_only_;
  std::mutex mutex_;
  Slots slots_;
  std::unordered_map<std::string, Slots::iterator> by_path_;
};

}  // namespace stele::log
