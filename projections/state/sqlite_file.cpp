#include "projections/state/sqlite_file.h"

#include <algorithm>

#include "log/base/fail.h"
#include "projections/state/state_folder.h"

namespace stele::projections {
namespace {

constexpr std::string_view kAside = "damaged.sqlite";
constexpr std::string_view kDamageNote = "states.damaged";

std::string with(std::string_view name, std::string_view suffix) {
  return fmt::format("{}{}", name, suffix);
}

}  // namespace

std::string SqliteFile::path(std::string_view name) const {
  return path_in(folder_, name);
}

Result<SqliteFile::Opened> SqliteFile::open(const std::vector<SnapshotFold>& folds) {
  STELE_TRY(const std::vector<FolderEntry> entries, env_.list(folder_));
  const auto there = [&](std::string_view name) {
    return std::ranges::find(entries, name, &FolderEntry::name) != entries.end();
  };
  std::string passed_over;
  if (there(kDamageNote)) {
    passed_over = fmt::format("{}: damage was met while it was folded into", path(kSqliteName));
  } else {
    // A log without its file is of one that was set aside.
    if (!there(kSqliteName)) {
      STELE_DO(env_.remove(path(with(kSqliteName, "-wal"))));
      STELE_DO(env_.remove(path(with(kSqliteName, "-shm"))));
    }
    auto opened = try_open(folds);
    if (opened || opened.error().code != Code::kCorrupt) return opened;
    passed_over = std::move(opened).error().detail;
  }
  STELE_DO(set_aside());
  auto opened = try_open(folds);
  if (opened) opened->passed_over = std::move(passed_over);
  return opened;
}

Result<SqliteFile::Opened> SqliteFile::try_open(const std::vector<SnapshotFold>& folds) const {
  Opened opened;
  STELE_TRY(opened.states, SqliteStates::open(path(kSqliteName), folds));
  STELE_TRY(opened.mark, opened.states->mark());
  return opened;
}

Result<void> SqliteFile::set_aside() {
  // The file before its log: a file without its log may lack half a commit.
  for (const std::string_view suffix : {"", "-wal"}) {
    STELE_DO(env_.remove(path(with(kAside, suffix))));
    const auto moved = env_.rename(path(with(kSqliteName, suffix)), path(with(kAside, suffix)));
    if (!moved && moved.error().code != Code::kNotFound) return moved;
  }
  STELE_DO(env_.remove(path(with(kSqliteName, "-shm"))));
  STELE_DO(env_.sync_folder(folder_));
  return env_.remove(path(kDamageNote));
}

void SqliteFile::note_damage() {
  // Without the note the damage is met again.
  static_cast<void>(env_.open(path(kDamageNote), OpenMode::kCreate));
}

}  // namespace stele::projections
