// The file of a SQLite store as a file: opening it, and setting it aside when it is damaged.
// Thread: one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "projections/state/sqlite_states.h"

namespace stele::projections {

class SqliteFile {
public:
  /// `env` outlives it.
  SqliteFile(Env& env, std::string folder) : env_(env), folder_(std::move(folder)) {}

  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// The states with their mark. A file that cannot be used is set aside, and a new one made:
  /// `passed_over` says why then, empty otherwise. kUnsupported (a newer format), kIo, kNoSpace.
  struct Opened {
    std::unique_ptr<SqliteStates> states;
    std::optional<Mark> mark;
    std::string passed_over;
  };
  Result<Opened> open(const std::vector<SnapshotFold>& folds);
  /// Damage was met: the next open() sets the file aside.
  void note_damage();

private:
  [[nodiscard]] std::string path(std::string_view name) const;
  Result<Opened> try_open(const std::vector<SnapshotFold>& folds) const;
  Result<void> set_aside();

  Env& env_;
  std::string folder_;
};

}  // namespace stele::projections
