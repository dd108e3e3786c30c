// Writes one snapshot, under a name that nobody reads, and gives it its own once it is durable.
//
//   create() ─► begin_fold(), add() … for each fold ─► finish()
//
// Invariants: a file with a snapshot's name is whole, whenever the process or the power ends; after
// an error nothing of it is left but a file that the next one replaces.
// Thread: one. `env` outlives it.
#pragma once

#include <memory>
#include <string>

#include "log/env/env.h"
#include "projections/state/snapshot_format.h"

namespace stele::projections {

inline constexpr std::string_view kUnfinishedSnapshot = "snapshot.new";

class SnapshotWriter {
public:
  /// `folds` without keys and blocks; `folder` exists. kNoSpace, kIo.
  static Result<std::unique_ptr<SnapshotWriter>> create(Env& env, const std::string& folder,
                                                        std::vector<SnapshotFold> folds, Mark mark);

  /// The entries that follow are of this fold, from the first on.
  Result<void> begin_fold();
  /// Keys by (hash, key). kTooLarge: a state of a gigabyte; kNoSpace, kIo.
  Result<void> add(const Key& key, ByteView state);
  /// Durable, under its name, when it returns: its bytes. kNoSpace, kIo.
  Result<std::uint64_t> finish();
  /// Removes what was written, after an error.
  void give_up();

private:
  SnapshotWriter(Env& env, std::string folder, std::vector<SnapshotFold> folds, Mark mark);

  /// Ends the block, if one is begun.
  Result<void> cut();
  Result<void> write_out();
  [[nodiscard]] std::uint64_t place() const { return written_bytes_ + out_.size(); }

  Env& env_;
  std::string folder_;
  SnapshotDirectory directory_;
  SnapshotHeader header_;
  std::unique_ptr<File> file_;
  std::size_t fold_count_ = 0;  ///< begun
  std::uint64_t last_hash_ = 0;
  Bytes raw_;
  Bytes out_;  ///< not written yet
  std::uint64_t written_bytes_ = 0;
};

}  // namespace stele::projections
