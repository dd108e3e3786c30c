// Result<T> = a value or an Error. Every function that can fail returns one; STELE_TRY passes the
// error up.
//
//   Result<Offset> next = log.append(batch);
//   if (!next) return std::unexpected(next.error());       // or:  STELE_TRY(Offset next,
//   log.append(batch));
// Errors are made with fail() of log/base/fail.h, which formats; this header needs the standard
// library alone.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace stele {

/// A code exists only if a caller can react to it differently. What to do is said beside each.
enum class Code : std::uint8_t {
  kNotFound,         ///< no such topic, partition, file: create it or give up
  kAlreadyExists,    ///< somebody was first: use theirs
  kWrongVersion,     ///< expected version does not hold: reload and decide again
  kConditionFailed,  ///< append condition does not hold: reload and decide again
  kOutOfRange,       ///< offset or position outside what is kept: reset to an end
  kTooLarge,         ///< over a limit that the detail names: split it
  kInvalid,          ///< the input is malformed: fix the caller
  kUnsupported,      ///< well-formed, but this build or version does not do it
  kCorrupt,          ///< stored bytes fail their check: restore from a backup
  kIo,               ///< the operating system refused; nothing was written
  kNoSpace,          ///< the disk is full; nothing was promised: free space, then retry
  kOutcomeUnknown,   ///< it may have been written: read back before retrying
  kOverloaded,       ///< a named limit is reached: slow down, then retry
  kOutOfSequence,    ///< producer sequence leaves a gap: the producer lost a batch
  kFenced,           ///< a newer owner or producer epoch exists: stop
  kClosed,           ///< the store is closed or has stopped after an I/O error: reopen
  kCancelled,        ///< the caller gave up
  kTombstoned,       ///< the stream was deleted for good: use another one
};

/// The code's name, as logs and messages print it: "not_found".
[[nodiscard]] std::string_view name(Code code);

/// A code for programs and a detail for people: what was being done, to what, and the fix where
/// there is one.
struct Error {
  Code code;
  std::string detail;

  /// "not_found: topic orders does not exist"
  [[nodiscard]] std::string text() const;
};

template <class T>
using Result = std::expected<T, Error>;

}  // namespace stele

#define STELE_CONCAT_INNER(a, b) a##b
#define STELE_CONCAT(a, b) STELE_CONCAT_INNER(a, b)
#define STELE_TRY_INNER(result, declaration, expression)          \
  auto result = (expression);                                     \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)

/// STELE_TRY(auto x, f()): x is f()'s value, or the enclosing function returns f()'s error.
#define STELE_TRY(declaration, expression) \
  STELE_TRY_INNER(STELE_CONCAT(stele_try_, __LINE__), declaration, expression)

/// STELE_DO(f()): the same for Result<void>.
#define STELE_DO(expression)                                 \
  if (auto stele_do_result = (expression); !stele_do_result) \
  return std::unexpected(std::move(stele_do_result).error())
