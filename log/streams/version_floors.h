// Version floors: what retention, delete_records, compaction and scavenge have removed stays
// counted, so that an index rebuilt from what is left of the log gives every event the version it
// had, and judges conditions as before.
//
//   about to go ──scan──► FloorAddition ──keep()──► floors/<n>.removed, durable ──► the trim or
//                                                                          swap is journaled
//
// Only then: a crash in between leaves events both in the log and here. So this is a set of terms
// and positions: what stands twice, here or in the log as well, counts once. A batch of which
// something is gone has an entry at one of its positions at least: a batch that has none was lost
// in another way, and versions behind it are not known.
//
// Many small files are merged into one. Each term of a removed event costs two to five bytes, and
// its own bytes once in a block of 64 KiB. Event ids are not kept: they are known for a day only.
//
// Invariants: a merged file names those it takes the place of, so that a crash leaves one or the
// other. Threads: begin(), reader() and the questions: any; merge() one at a time. What it gives
// out belongs to its owner.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <span>

#include "log/index/term.h"
#include "log/streams/floor_file.h"

namespace stele::log {

class VersionFloors;

/// Removed events being written down.
class FloorAddition {
public:
  FloorAddition(VersionFloors& floors, std::unique_ptr<FloorFileWriter> writer,
                std::uint64_t number)
      : floors_(floors), writer_(std::move(writer)), number_(number) {}

  /// Records of a batch are about to go: those of `removed` (indexes, ascending), or all of them.
  /// `terms`: of the whole batch, whose first record stands at `first`. In the order of positions.
  /// kNoSpace, kOverloaded, kIo.
  Result<void> add(const TopicPartition& from, Position first, const BatchTerms& terms,
                   std::span<const std::int32_t> removed);
  Result<void> add_all(const TopicPartition& from, Position first, const BatchTerms& terms);
  /// Durable, and counted from now on. Without keep() nothing is left of it. The same errors.
  Result<void> keep();
  [[nodiscard]] std::uint64_t entry_count() const { return writer_->entry_count(); }

private:
  Result<void> add_entry(const TopicPartition& from, Position first, const BatchTerms& terms,
                         const BatchTerms::Entry& entry);

  VersionFloors& floors_;
  std::unique_ptr<FloorFileWriter> writer_;
  std::uint64_t number_;
};

/// What is known of an event that is gone.
struct RemovedEvent {
  struct RemovedTerm {
    TermKind kind = TermKind::kStream;
    Bytes bytes;
    friend auto operator<=>(const RemovedTerm&, const RemovedTerm&) = default;
  };
  Position position;
  TopicPartition from;
  std::vector<RemovedTerm> terms;  ///< each once, sorted; none: it had none, or its batch
                                   ///< was only looked at
};

/// All removed events in the order of positions, each once.
class FloorReader {
public:
  /// False at the end. kCorrupt (file and place named), kIo.
  [[nodiscard]] Result<bool> next();
  /// Valid until the next call of next().
  [[nodiscard]] const RemovedEvent& event() const { return event_; }

private:
  friend class VersionFloors;
  Result<void> take_first();

  std::vector<std::unique_ptr<FloorFileReader>> files_;  ///< a heap, the least position in front
  std::vector<std::unique_ptr<FloorFileReader>> fresh_;  ///< not begun
  RemovedEvent event_;
};

class VersionFloors {
public:
  /// What is in `folder`; it is made when it is needed. Files that a crash has left over are
  /// removed, unless `read_only`. kCorrupt: a file is damaged (named); kIo. `env` outlives it.
  static Result<std::unique_ptr<VersionFloors>> open(Env& env, std::string folder,
                                                     const Uuid& store, bool read_only = false);

  [[nodiscard]] std::unique_ptr<FloorAddition> begin();
  /// From `from` on. kCorrupt, kIo.
  [[nodiscard]] Result<std::unique_ptr<FloorReader>> reader(Position from) const;

  using Numbers = std::vector<std::uint64_t>;
  /// The files to merge: the smaller ones, once there are so many that it is worth it; else none.
  [[nodiscard]] Numbers due_merge() const;
  /// Makes one file of these, with what is gone of `topics`: all that there were, or more, when the
  /// files were picked. kCorrupt, kNoSpace, kIo, kCancelled (by `cancel`).
  Result<void> merge(const Numbers& inputs, const std::set<Uuid>& topics,
                     const std::atomic<bool>& cancel);

  [[nodiscard]] std::int64_t file_count() const;
  [[nodiscard]] std::int64_t bytes() const;

private:
  friend class FloorAddition;
  struct KnownFile {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
  };
  VersionFloors(Env& env, std::string folder, const Uuid& store)
      : env_(env), folder_(std::move(folder)), store_(store) {}
  [[nodiscard]] std::string path_of(std::uint64_t number) const;
  Result<void> load(bool read_only);
  Result<void> remove_leftovers(const std::vector<FolderEntry>& entries) const;
  [[nodiscard]] std::uint64_t take_number();
  void list(KnownFile file, const Numbers& replaced);
  [[nodiscard]] Numbers all_files() const;
  [[nodiscard]] Result<std::unique_ptr<FloorReader>> read_files(const Numbers& numbers,
                                                                Position from) const;

  Env& env_;
  std::string folder_;
  Uuid store_;
  mutable std::mutex mutex_;
  std::vector<KnownFile> files_;  ///< by number
  std::uint64_t next_number_ = 1;
};

}  // namespace stele::log
