// The file STELE: what this folder is, and which version of the format it holds. Written last when
// a store is made, so a folder without it holds no store. Bytes: docs/formats.md.
#pragma once

#include <string>

#include "log/base/uuid.h"
#include "log/env/env.h"

namespace stele::log {

inline constexpr std::uint32_t kFormatVersion = 1;

/// What a folder holds.
enum class FolderKind : std::uint8_t { kEmpty, kStore, kUnfinished, kForeign };

/// kForeign: other files are there; kUnfinished: a store whose making was cut off, to be made
/// again.
Result<FolderKind> look_at_folder(const Env& env, const std::string& folder);

/// kUnsupported: another format version or feature, both named; kCorrupt: damaged.
Result<Uuid> read_identity(Env& env, const std::string& folder);
/// Durable on return.
Result<void> write_identity(Env& env, const std::string& folder, const Uuid& store);

}  // namespace stele::log
