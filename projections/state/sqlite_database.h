// The one door to SQLite: a connection to a file, statements, and its errors as ours. SQLite does its
// own I/O, past Env.
//
// Thread: one at a time, for a connection with its statements (no mutex of SQLite's own).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "log/base/bytes.h"
#include "log/base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace stele::projections {

class SqliteDatabase;

/// A prepared statement. Parameters count from 1, columns from 0. Lifetime: within its database.
class SqliteStatement {
public:
  SqliteStatement() = default;

  /// Bytes stay untouched until the next reset().
  void bind(int parameter, ByteView bytes);
  void bind(int parameter, std::int64_t number);
  /// True: there is a row. What step() answers an error for is reset. kIo, kNoSpace, kCorrupt …
  Result<bool> step();
  /// To be run again; parameters stay. Views of columns end here.
  void reset();
  /// Runs it to its end, and resets it.
  Result<void> run();

  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] ByteView bytes(int column) const;

private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
};

class SqliteDatabase {
public:
  enum class Mode : std::uint8_t { kReadOnly, kCreate };
  /// kNotFound (kReadOnly), kCorrupt (no database, or damaged at its head), kIo, kNoSpace.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path, Mode mode);
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  ~SqliteDatabase();

  Result<void> execute(const std::string& sql);
  Result<SqliteStatement> prepare(const std::string& sql);
  /// The first column of the first row; kCorrupt if there is no row.
  Result<std::int64_t> number(const std::string& sql);
  /// A transaction is open: an error may have ended it.
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}

  std::string path_;
  sqlite3* raw_ = nullptr;
};

}  // namespace stele::projections
