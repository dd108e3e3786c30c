// Makes checkpoints: remembers what was written since the last one, makes it durable off the core,
// then writes the superblock, then lets the journal reuse its space. Order matters: nothing the
// superblock refers to may be volatile.
//
//   image of the state (core) → remove let-go files → sync segments, order files, folders →
//   superblock → release journal
//
// Thread: the core; the work itself runs off it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/journal/journal.h"
#include "log/store/superblock.h"
#include "log/store/topic_table.h"

namespace stele::log {

class Checkpointer {
public:
  Checkpointer(Env& env, FileCache& files, Journal& journal, std::string folder, const Uuid& store)
      : env_(env), files_(files), journal_(journal), folder_(std::move(folder)), store_(store) {}

  /// What the last superblock says, as found at open.
  void start(std::uint64_t generation, const JournalPlace& newest, const JournalPlace& older);

  // --- what happened since the last checkpoint ---
  void wrote(const PartitionPtr& partition) { dirty_.insert(partition); }
  void created_in(const std::string& folder) { dirty_folders_.insert(folder); }
  void wrote_file(std::string path) { dirty_files_.insert(std::move(path)); }
  /// The files go with the next checkpoint: until then a replay may still want them.
  void remove_file(std::string path) { removals_.push_back(std::move(path)); }
  void remove_folder(std::string path) { removals_.push_back(std::move(path) + "/"); }
  /// An order file goes with the next checkpoint but one: the older superblock may still name it.
  void remove_late(std::string path) { late_removals_.push_back(std::move(path)); }

  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] bool has_removals() const { return !removals_.empty(); }
  /// Why the last attempt failed, if it did.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  /// Journal bytes written since the last checkpoint.
  [[nodiscard]] std::uint64_t journal_bytes() const { return journal_.used_since(newest_); }
  /// True if nothing happened since.
  [[nodiscard]] bool clean() const {
    return journal_.head() == newest_ && dirty_.empty() && removals_.empty() &&
           dirty_files_.empty();
  }
  [[nodiscard]] const JournalPlace& replay_from() const { return newest_; }
  [[nodiscard]] std::int64_t count() const { return count_; }

  /// Starts one. `image` is the state as of the journal's head; no commit group is in flight.
  /// `done` gets kIo if a flush failed (the store must stop), kNoSpace or kOverloaded if it is to
  /// be tried again later.
  void begin(StoreImage image, Done done);

private:
  struct Job;
  static Result<void> run(Env& env, FileCache& files, const std::string& folder, const Job& job);
  void finish(const std::shared_ptr<Job>& job, const Result<void>& result);

  Env& env_;
  FileCache& files_;
  Journal& journal_;
  std::string folder_;
  Uuid store_;
  std::uint64_t generation_ = 0;
  JournalPlace newest_;
  bool running_ = false;
  std::optional<Error> failure_;
  std::int64_t count_ = 0;
  std::set<PartitionPtr> dirty_;
  std::set<std::string> dirty_folders_;
  std::set<std::string> dirty_files_;
  std::vector<std::string> removals_;
  std::vector<std::string> late_removals_;
  std::vector<std::shared_ptr<File>> carried_files_;  ///< of an attempt that failed
};

/// Removes a folder with what is in it (files, and folders of files), as deleted topics are.
Result<void> remove_tree(Env& env, const std::string& folder);

}  // namespace stele::log
