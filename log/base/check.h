// STELE_CHECK: an invariant of ours, on in release too. Never for input: input is answered with a
// Result.
#pragma once

namespace stele {

/// Prints the condition with its place to stderr and aborts. A bug must stop before it reaches the
/// disk.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace stele

#define STELE_CHECK(condition)                         \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::stele::check_failed(#condition, __FILE__, __LINE__))
