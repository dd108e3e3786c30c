// States in a SQLite file, for more than memory holds; the hot ones are cached decoded, bounded in
// bytes. What was changed is written with the next commit, in one transaction with its mark, or
// when the cache is full, uncommitted until then.
//
//   states.sqlite     the file; -wal, -shm beside it belong to SQLite
//   damaged.sqlite    the last one that could not be used
//   states.damaged    says that damage was met while folding: the next restore() sets the file aside
//
// A damaged file, or one of other shapes, is set aside by restore(), told in stats().passed_over,
// and the states begin anew.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "projections/state/state_store.h"

namespace stele::projections {

/// Takes `folder`, a real one, made if it is not there, until destroyed. restore() comes first.
/// `env` and the definitions outlive the store. kAlreadyExists (in use; names the holder), kIo,
/// kNoSpace.
[[nodiscard]] Result<std::unique_ptr<StateStore>> open_sqlite_store(
    Env& env, std::string folder, std::vector<const Definition*> folds, SqliteStore options);

}  // namespace stele::projections
