#include "projections/state/sqlite_database.h"

#include <sqlite3.h>

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele::projections {
namespace {

// Another process looks, or is just closing: never for long.
constexpr int kBusyMs = 5000;

Code code_of(int result) {
  // Who only reads met the journal of a file whose making was broken off, before it went over to WAL:
  // nothing was committed. Who writes next takes it back.
  if (result == SQLITE_READONLY_ROLLBACK) return Code::kNotFound;
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Code::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:  // a table or column that is not there: not the file that was written
      return Code::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kOverloaded;
    case SQLITE_TOOBIG:
      return Code::kTooLarge;
    case SQLITE_CANTOPEN:
      return Code::kNotFound;
    default:
      return Code::kIo;
  }
}

std::unexpected<Error> error_of(sqlite3* database, int result, std::string_view path) {
  return fail(code_of(result), "{}: SQLite: {} ({})", path, sqlite3_errmsg(database), result);
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void SqliteStatement::bind(int parameter, ByteView bytes) {
  // An empty view may have no address, which would bind NULL.
  const void* const from = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  STELE_CHECK(sqlite3_bind_blob64(raw_.get(), parameter, from, bytes.size(), SQLITE_STATIC) ==
              SQLITE_OK);
}

void SqliteStatement::bind(int parameter, std::int64_t number) {
  STELE_CHECK(sqlite3_bind_int64(raw_.get(), parameter, number) == SQLITE_OK);
}

Result<bool> SqliteStatement::step() {
  const int result = sqlite3_step(raw_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  sqlite3* const database = sqlite3_db_handle(raw_.get());
  auto error =
      error_of(database, sqlite3_extended_errcode(database), sqlite3_db_filename(database, "main"));
  reset();
  return error;
}

void SqliteStatement::reset() {
  // It says again what step() has said.
  static_cast<void>(sqlite3_reset(raw_.get()));
}

Result<void> SqliteStatement::run() {
  while (true) {
    STELE_TRY(const bool row, step());
    if (!row) break;
  }
  reset();
  return {};
}

std::int64_t SqliteStatement::number(int column) const {
  return sqlite3_column_int64(raw_.get(), column);
}

ByteView SqliteStatement::bytes(int column) const {
  const void* const from = sqlite3_column_blob(raw_.get(), column);
  const int count = sqlite3_column_bytes(raw_.get(), column);
  return {static_cast<const std::byte*>(from), static_cast<std::size_t>(count)};
}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path, Mode mode) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path));
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int result = sqlite3_open_v2(path.c_str(), &database->raw_, flags, nullptr);
  if (result != SQLITE_OK) return error_of(database->raw_, result, path);
  sqlite3_extended_result_codes(database->raw_, 1);
  sqlite3_busy_timeout(database->raw_, kBusyMs);
  // Debian's build overwrites what is deleted with zeros, which costs writes; and no state is secret
  // from who may read the file.
  STELE_DO(database->execute(
      "PRAGMA secure_delete=OFF; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  // Statements that are left are finalized by their owners; the file closes with the last of them.
  sqlite3_close_v2(raw_);
}

Result<void> SqliteDatabase::execute(const std::string& sql) {
  const int result = sqlite3_exec(raw_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return error_of(raw_, sqlite3_extended_errcode(raw_), path_);
  return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  const int result = sqlite3_prepare_v3(raw_, sql.c_str(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (result != SQLITE_OK) return error_of(raw_, sqlite3_extended_errcode(raw_), path_);
  SqliteStatement statement;
  statement.raw_.reset(raw);
  return statement;
}

Result<std::int64_t> SqliteDatabase::number(const std::string& sql) {
  STELE_TRY(SqliteStatement statement, prepare(sql));
  STELE_TRY(const bool row, statement.step());
  if (!row) return fail(Code::kCorrupt, "{}: no row for {}", path_, sql);
  return statement.number(0);
}

bool SqliteDatabase::in_transaction() const {
  return sqlite3_get_autocommit(raw_) == 0;
}

}  // namespace stele::projections
