// The states of a flow in a SQLite file: docs/formats.md, "states.sqlite".
//
//   fold_0, fold_1 …  (hash, key, state) by (hash, key), as everywhere; a state begins with its
//                     checksum: SQLite has none
//   folds, mark       what the states are of, and their one checkpoint
//
// WAL, synchronous = NORMAL: a transaction survives kill -9 when commit() returns, power loss after
// sync(); before it the file may go back to an older commit, states and mark together.
// Thread: one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "projections/state/snapshot_format.h"
#include "projections/state/sqlite_database.h"

namespace stele::projections {

inline constexpr std::string_view kSqliteName = "states.sqlite";

class SqliteStates {
public:
  /// For the one who writes: makes the tables if there are none. kCorrupt: damaged, or of other
  /// folds (name, version, shape); kUnsupported: a newer format; kIo, kNoSpace.
  static Result<std::unique_ptr<SqliteStates>> open(const std::string& path,
                                                    std::vector<SnapshotFold> folds);
  /// What is committed now, for as long as it is open. kNotFound; else as above.
  static Result<std::unique_ptr<SqliteStates>> open_past(const std::string& path);

  /// With their key counts, at the mark.
  [[nodiscard]] const std::vector<SnapshotFold>& folds() const { return folds_; }
  /// As committed last; nullopt: never.
  Result<std::optional<Mark>> mark();
  /// The encoded state; nullopt: none. The view ends with the next call.
  Result<std::optional<ByteView>> get(std::size_t fold, const Key& key);
  using Visit = std::function<Result<void>(const Key& key, ByteView state)>;
  /// By (hash, key). Nothing else is called meanwhile.
  Result<void> for_each(std::size_t fold, const Visit& visit);

  // What is put and dropped is seen by get() at once, and there for good with the next commit().

  Result<void> put(std::size_t fold, const Key& key, ByteView state);
  Result<void> drop(std::size_t fold, const Key& key);
  Result<void> clear();
  /// `key_counts`: by fold.
  Result<void> commit(const Mark& mark, const std::vector<std::uint64_t>& key_counts);
  void roll_back();
  /// False: nothing is uncommitted; after an error: what was has been rolled back.
  [[nodiscard]] bool in_transaction() const { return database_->in_transaction(); }
  /// All commits survive power loss when it returns. Nothing is uncommitted.
  Result<void> sync();
  Result<std::uint64_t> file_bytes();

private:
  struct Statements {
    SqliteStatement get;
    SqliteStatement put;
    SqliteStatement drop;
    SqliteStatement all;
  };

  explicit SqliteStates(std::unique_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  Result<bool> is_new();
  Result<void> make_tables(const std::vector<SnapshotFold>& folds);
  Result<void> read_folds();
  Result<void> prepare();
  Result<void> begin();
  /// The state behind its checksum. kCorrupt.
  Result<ByteView> checked(std::size_t fold, const Key& key, ByteView stored) const;

  std::unique_ptr<SqliteDatabase> database_;
  std::vector<SnapshotFold> folds_;
  std::vector<Statements> statements_;
  SqliteStatement put_mark_;
  SqliteStatement put_key_count_;
  Bytes stored_;
};

}  // namespace stele::projections
