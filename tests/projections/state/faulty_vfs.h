// SQLite's way to the disk, that can be made to fail at its n-th change, and that knows what power
// loss would leave: of every file what it held when it was last synced.
//
// Changes are writes, truncations, syncs and removals, from 0; change_count() is the next. The
// folder's own entries are taken to be durable. Thread: one. One at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <string>

namespace stele::projections {

class FaultyVfs {
public:
  /// SQLite's default until destroyed.
  FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;
  ~FaultyVfs();

  [[nodiscard]] std::uint64_t change_count() const { return change_count_; }
  /// Change `nth` fails; `for_ever`: all later ones too, as if the process had ended.
  void fail_at(std::uint64_t nth, bool for_ever) {
    fail_at_ = nth;
    for_ever_ = for_ever;
  }
  /// Files as power loss leaves them, into another folder, under their names.
  void write_synced(const std::string& folder) const;

  // For the functions that SQLite calls.

  /// False: the change fails.
  [[nodiscard]] bool admit();
  void synced(const std::string& path);
  void removed(const std::string& path) { synced_.erase(path); }
  [[nodiscard]] sqlite3_vfs& real() { return *real_; }

private:
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::uint64_t change_count_ = 0;
  std::uint64_t fail_at_ = ~std::uint64_t{0};
  bool for_ever_ = false;
  std::map<std::string, std::string> synced_;
};

}  // namespace stele::projections
