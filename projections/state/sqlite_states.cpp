#include "projections/state/sqlite_states.h"

#include "log/base/checksum.h"
#include "log/base/fail.h"
#include "projections/state/mark_codec.h"

namespace stele::projections {
namespace {

constexpr std::int64_t kApplicationId = 0x5354454c;  // "STEL"
constexpr std::int64_t kFormatVersion = 1;
constexpr std::uint64_t kMarkPart = 0x6b72616d;  // "mark"

// The order of unsigned hashes in SQLite's signed integers.
std::int64_t signed_hash(std::uint64_t hash) {
  return static_cast<std::int64_t>(hash ^ std::uint64_t{1} << 63);
}

std::uint64_t state_seed(std::size_t fold, const Key& key) {
  return mix_seed(fold, key.hash);
}

void put_checked(ByteView bytes, std::uint64_t seed, Bytes& to) {
  to.resize(sizeof(std::uint64_t) + bytes.size());
  store_le(to.data(), checksum(bytes, seed));
  std::ranges::copy(bytes, to.begin() + sizeof(std::uint64_t));
}

std::optional<ByteView> behind_checksum(ByteView stored, std::uint64_t seed) {
  if (stored.size() < sizeof(std::uint64_t)) return std::nullopt;
  const ByteView bytes = stored.subspan(sizeof(std::uint64_t));
  if (load_le<std::uint64_t>(stored.data()) != checksum(bytes, seed)) return std::nullopt;
  return bytes;
}

}  // namespace

Result<std::unique_ptr<SqliteStates>> SqliteStates::open(const std::string& path,
                                                         std::vector<SnapshotFold> folds) {
  STELE_TRY(std::unique_ptr<SqliteDatabase> database,
            SqliteDatabase::open(path, SqliteDatabase::Mode::kCreate));
  std::unique_ptr<SqliteStates> states(new SqliteStates(std::move(database)));
  STELE_DO(states->database_->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=8192;"
      "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-16384;"));
  STELE_TRY(const bool is_new, states->is_new());
  if (is_new) STELE_DO(states->make_tables(folds));
  STELE_DO(states->read_folds());
  for (std::size_t i = 0; i < folds.size(); ++i) {
    const bool same =
        folds.size() == states->folds_.size() && folds[i].name == states->folds_[i].name &&
        folds[i].version == states->folds_[i].version && folds[i].shape == states->folds_[i].shape;
    if (!same)
      return fail(Code::kCorrupt, "{}: not of {} version {} with the state {}", path, folds[i].name,
                  folds[i].version, folds[i].shape);
  }
  STELE_DO(states->prepare());
  return states;
}

Result<std::unique_ptr<SqliteStates>> SqliteStates::open_past(const std::string& path) {
  STELE_TRY(std::unique_ptr<SqliteDatabase> database,
            SqliteDatabase::open(path, SqliteDatabase::Mode::kReadOnly));
  std::unique_ptr<SqliteStates> states(new SqliteStates(std::move(database)));
  STELE_DO(states->begin());
  STELE_TRY(const bool is_new, states->is_new());
  if (is_new) return fail(Code::kNotFound, "{}: nothing was committed yet", path);
  STELE_DO(states->read_folds());
  STELE_DO(states->prepare());
  return states;
}

Result<bool> SqliteStates::is_new() {
  STELE_TRY(const std::int64_t tables, database_->number("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) return true;
  STELE_TRY(const std::int64_t application, database_->number("PRAGMA application_id"));
  STELE_TRY(const std::int64_t version, database_->number("PRAGMA user_version"));
  if (application != kApplicationId)
    return fail(Code::kCorrupt, "{}: a database, but not of states", database_->path());
  if (version != kFormatVersion) {
    return fail(Code::kUnsupported,
                "{}: states of format {}: this build reads format {}; use the newer build, or move "
                "the file away to fold from the beginning",
                database_->path(), version, kFormatVersion);
  }
  return false;
}

Result<void> SqliteStates::make_tables(const std::vector<SnapshotFold>& folds) {
  STELE_DO(database_->execute(fmt::format(
      "BEGIN IMMEDIATE; PRAGMA application_id={}; PRAGMA user_version={};"
      "CREATE TABLE folds(number INTEGER PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL,"
      " shape TEXT NOT NULL, key_count INTEGER NOT NULL);"
      "CREATE TABLE mark(id INTEGER PRIMARY KEY CHECK (id = 1), mark BLOB NOT NULL);",
      kApplicationId, kFormatVersion)));
  STELE_TRY(SqliteStatement insert,
            database_->prepare("INSERT INTO folds VALUES (?, CAST(? AS TEXT), ?, "
                               "CAST(? AS TEXT), 0)"));
  for (std::size_t i = 0; i < folds.size(); ++i) {
    STELE_DO(database_->execute(
        fmt::format("CREATE TABLE fold_{}(hash INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT "
                    "NULL, PRIMARY KEY (hash, key)) WITHOUT ROWID",
                    i)));
    insert.bind(1, static_cast<std::int64_t>(i));
    insert.bind(2, as_bytes(folds[i].name));
    insert.bind(3, std::int64_t{folds[i].version});
    insert.bind(4, as_bytes(folds[i].shape));
    STELE_DO(insert.run());
  }
  return database_->execute("COMMIT");
}

Result<void> SqliteStates::read_folds() {
  STELE_TRY(
      SqliteStatement select,
      database_->prepare("SELECT name, version, shape, key_count FROM folds ORDER BY number"));
  while (true) {
    STELE_TRY(const bool row, select.step());
    if (!row) return {};
    folds_.push_back({.name = std::string(as_text(select.bytes(0))),
                      .version = static_cast<std::uint32_t>(select.number(1)),
                      .shape = std::string(as_text(select.bytes(2))),
                      .key_count = static_cast<std::uint64_t>(select.number(3))});
  }
}

Result<void> SqliteStates::prepare() {
  for (std::size_t i = 0; i < folds_.size(); ++i) {
    const std::string table = fmt::format("fold_{}", i);
    Statements& of = statements_.emplace_back();
    STELE_TRY(of.get, database_->prepare(
                          fmt::format("SELECT state FROM {} WHERE hash = ? AND key = ?", table)));
    STELE_TRY(of.put,
              database_->prepare(fmt::format("INSERT INTO {} VALUES (?, ?, ?) ON CONFLICT (hash, "
                                             "key) DO UPDATE SET state = excluded.state",
                                             table)));
    STELE_TRY(of.drop,
              database_->prepare(fmt::format("DELETE FROM {} WHERE hash = ? AND key = ?", table)));
    STELE_TRY(of.all, database_->prepare(
                          fmt::format("SELECT key, state FROM {} ORDER BY hash, key", table)));
  }
  STELE_TRY(put_mark_, database_->prepare("INSERT OR REPLACE INTO mark VALUES (1, ?)"));
  STELE_TRY(put_key_count_, database_->prepare("UPDATE folds SET key_count = ? WHERE number = ?"));
  return {};
}

Result<void> SqliteStates::begin() {
  return database_->in_transaction() ? Result<void>{} : database_->execute("BEGIN");
}

Result<std::optional<Mark>> SqliteStates::mark() {
  STELE_TRY(SqliteStatement select, database_->prepare("SELECT mark FROM mark"));
  STELE_TRY(const bool row, select.step());
  if (!row) return std::optional<Mark>();
  auto bytes = behind_checksum(select.bytes(0), kMarkPart);
  if (!bytes.has_value())
    return fail(Code::kCorrupt, "{}: the checkpoint fails its checksum", database_->path());
  auto mark = decode_mark(*bytes);
  if (!mark) return at(database_->path(), std::move(mark).error());
  return *std::move(mark);
}

Result<ByteView> SqliteStates::checked(std::size_t fold, const Key& key, ByteView stored) const {
  const auto state = behind_checksum(stored, state_seed(fold, key));
  if (!state.has_value())
    return fail(Code::kCorrupt, "{}: a state of {} fails its checksum", database_->path(),
                folds_[fold].name);
  return *state;
}

Result<std::optional<ByteView>> SqliteStates::get(std::size_t fold, const Key& key) {
  STELE_DO(begin());
  SqliteStatement& get = statements_[fold].get;
  get.reset();
  get.bind(1, signed_hash(key.hash));
  get.bind(2, key.bytes);
  STELE_TRY(const bool row, get.step());
  if (!row) {
    get.reset();
    return std::optional<ByteView>();
  }
  STELE_TRY(const ByteView state, checked(fold, key, get.bytes(0)));
  return state;
}

Result<void> SqliteStates::for_each(std::size_t fold, const Visit& visit) {
  STELE_DO(begin());
  SqliteStatement& all = statements_[fold].all;
  all.reset();
  while (true) {
    STELE_TRY(const bool row, all.step());
    if (!row) break;
    const Key key(all.bytes(0));
    auto state = checked(fold, key, all.bytes(1));
    const Result<void> visited =
        state ? visit(key, *state) : std::unexpected(std::move(state).error());
    if (!visited) {
      all.reset();
      return visited;
    }
  }
  all.reset();
  return {};
}

Result<void> SqliteStates::put(std::size_t fold, const Key& key, ByteView state) {
  STELE_DO(begin());
  put_checked(state, state_seed(fold, key), stored_);
  SqliteStatement& put = statements_[fold].put;
  put.bind(1, signed_hash(key.hash));
  put.bind(2, key.bytes);
  put.bind(3, stored_);
  return put.run();
}

Result<void> SqliteStates::drop(std::size_t fold, const Key& key) {
  STELE_DO(begin());
  SqliteStatement& drop = statements_[fold].drop;
  drop.bind(1, signed_hash(key.hash));
  drop.bind(2, key.bytes);
  return drop.run();
}

Result<void> SqliteStates::clear() {
  STELE_DO(begin());
  for (std::size_t i = 0; i < folds_.size(); ++i)
    STELE_DO(database_->execute(fmt::format("DELETE FROM fold_{}", i)));
  return database_->execute("DELETE FROM mark");
}

Result<void> SqliteStates::commit(const Mark& mark, const std::vector<std::uint64_t>& key_counts) {
  STELE_DO(begin());
  for (std::size_t i = 0; i < key_counts.size(); ++i) {
    put_key_count_.bind(1, static_cast<std::int64_t>(key_counts[i]));
    put_key_count_.bind(2, static_cast<std::int64_t>(i));
    STELE_DO(put_key_count_.run());
  }
  Bytes encoded;
  encode_mark(mark, encoded);
  put_checked(encoded, kMarkPart, stored_);
  put_mark_.bind(1, stored_);
  STELE_DO(put_mark_.run());
  // A row that was looked at would keep the transaction open.
  for (Statements& of : statements_) of.get.reset();
  return database_->execute("COMMIT");
}

void SqliteStates::roll_back() {
  for (Statements& of : statements_) of.get.reset();
  // What fails to be rolled back has been already.
  if (database_->in_transaction()) static_cast<void>(database_->execute("ROLLBACK"));
}

Result<void> SqliteStates::sync() {
  roll_back();  // which has only read
  // The flush of one transaction makes those before it durable too: they stand in the same file.
  STELE_DO(database_->execute("PRAGMA synchronous=FULL"));
  const auto synced =
      database_->execute("BEGIN IMMEDIATE; UPDATE folds SET number = number; COMMIT;");
  if (!synced) roll_back();
  STELE_DO(database_->execute("PRAGMA synchronous=NORMAL"));
  return synced;
}

Result<std::uint64_t> SqliteStates::file_bytes() {
  STELE_TRY(const std::int64_t pages, database_->number("PRAGMA page_count"));
  STELE_TRY(const std::int64_t page_bytes, database_->number("PRAGMA page_size"));
  return static_cast<std::uint64_t>(pages * page_bytes);
}

}  // namespace stele::projections
