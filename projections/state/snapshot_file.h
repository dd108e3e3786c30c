// An opened snapshot: its directory in memory, its blocks read and checked when they are asked for.
// A file that has been removed meanwhile goes on being readable. Thread: any; immutable.
#pragma once

#include <memory>
#include <string>

#include "log/env/env.h"
#include "projections/state/snapshot_format.h"

namespace stele::projections {

class SnapshotFile final : public PastStates {
public:
  /// Checks header, footer and directory. kCorrupt, kUnsupported (a newer format), kNotFound, kIo;
  /// the path is named.
  static Result<std::unique_ptr<SnapshotFile>> open(Env& env, const std::string& path);

  [[nodiscard]] const Mark& mark() const override { return directory_.mark; }
  [[nodiscard]] const std::vector<SnapshotFold>& folds() const { return directory_.folds; }
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] Result<std::optional<Bytes>> find(std::size_t fold, const Key& key) const override;
  Result<void> for_each(
      std::size_t fold,
      const std::function<Result<void>(ByteView key, ByteView state)>& visit) const override;
  using VisitEntry = std::function<Result<void>(const Key& key, ByteView state)>;
  /// The same, the key's hash with it. Reads a megabyte at a time. kCorrupt also if an entry is out
  /// of order, or more or fewer are there than the directory says.
  Result<void> for_each_entry(std::size_t fold, const VisitEntry& visit) const;

private:
  SnapshotFile(std::string path, std::unique_ptr<File> file)
      : path_(std::move(path)), file_(std::move(file)) {}

  Result<void> read_head();
  Result<void> read_exactly(ByteSpan into, std::uint64_t at) const;
  /// Where the block ends: the next one's place, or the directory's.
  [[nodiscard]] std::uint64_t end_of(std::size_t fold, std::size_t block) const;
  Result<void> visit_block(std::size_t fold, std::size_t block, ByteView raw,
                           const VisitEntry& visit) const;
  [[nodiscard]] std::unexpected<Error> placed(Error error) const;

  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t directory_place_ = 0;
  SnapshotHeader header_;
  SnapshotDirectory directory_;
};

}  // namespace stele::projections
