// The files that say which versions of a projection there are and which of them is live.
//
//   <folder>/<name>/live               the live version, and from where on its effects count
//   <folder>/<name>/v<n>/definition    what version n was defined as when it was first added
//   <folder>/<name>/v<n>/all/          states of its one task (a store), or
//   <folder>/<name>/v<n>/p<k>/         of its task for partition number k
//
// Both files are sealed: written beside, synced, renamed, the folder synced; so at any crash the
// old or the new content is there, whole. Bytes: docs/formats.md. Thread: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/env/env.h"
#include "projections/fold/checkpoint.h"
#include "projections/fold/definition.h"

namespace stele::projections {

/// The content of the file `live`.
struct LiveRecord {
  std::uint32_t version = 0;
  std::uint32_t previous = 0;  ///< what rollback() goes back to; 0: nothing
  std::uint32_t highest = 0;   ///< that was ever live: what is above it is being built
  Checkpoint effects_from;     ///< effects of events below it are another version's, or nobody's
  friend bool operator==(const LiveRecord&, const LiveRecord&) = default;
};

/// The folder of one projection, all its versions.
class VersionFolders {
public:
  /// `folder`: the engine's. `env` outlives it.
  VersionFolders(std::string folder, std::string name, Env& env);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string version_path(std::uint32_t version) const;
  /// Of the task's states; `task` -1: the one for everything.
  [[nodiscard]] std::string task_path(std::uint32_t version, std::int32_t task) const;

  /// nullopt: no version was ever live. kCorrupt, kUnsupported (a newer format), kIo.
  [[nodiscard]] Result<std::optional<LiveRecord>> read_live() const;
  /// Durable when it returns: the switch from one version to the other is this one rename. kIo,
  /// kNoSpace: the old record is still there, or (kOutcomeUnknown) either of them: read it again.
  Result<void> write_live(const LiveRecord& record);

  /// Compares with what the version was first added as, or writes that down. kInvalid: another
  /// definition under the same version; the message shows the lines that differ and says what to
  /// do. kCorrupt, kIo, kNoSpace.
  Result<void> claim(const Definition& definition);

  /// The versions that have a folder, ascending.
  [[nodiscard]] Result<std::vector<std::uint32_t>> versions() const;
  /// Removes all of a version; its definition goes last, so that what is left by a crash is removed
  /// by calling again. Fine if there is nothing. kAlreadyExists: somebody folds in it; kIo.
  Result<void> remove(std::uint32_t version);

private:
  std::string path_;
  Env& env_;
};

/// How a version's folder is called: "v3"; and a task's: "all", "p0".
[[nodiscard]] std::string version_name(std::uint32_t version);
[[nodiscard]] std::string task_name(std::int32_t task);

/// The lines of two descriptions that differ: "- " what was, "+ " what is.
[[nodiscard]] std::string differing_lines(std::string_view was, std::string_view is);

/// The bytes of a sealed file, and back: magic u64 | format u32 | payload length u32 | payload |
/// checksum u64 (seeded with the magic).
[[nodiscard]] Bytes seal(std::uint64_t magic, ByteView payload);
/// kCorrupt, kUnsupported.
[[nodiscard]] Result<Bytes> unseal(std::uint64_t magic, ByteView file);

inline constexpr std::uint64_t kLiveMagic = 0x455649'4c4c5453;      // "STLLIVE", little-endian
inline constexpr std::uint64_t kDefinitionMagic = 0x464544'4c5453;  // "STLDEF"
inline constexpr std::uint32_t kSealedFormat = 1;

}  // namespace stele::projections
