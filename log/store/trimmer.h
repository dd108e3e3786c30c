// Moves log starts: what retention and delete_records remove is written to the version floors
// first.
//
//   trim ─► batches that go, read (off the core) ─► floors, durable ─► sequenced, journaled
//
// Batches that cannot be read, and floors that cannot be written, are reported and hold up no trim:
// a full disk must become free. Versions are then not known if the index is ever lost
// (Store::check_versions_known).
// It also merges the files of the floors when there are many.
// Invariants: one piece of work at a time. Trims of one partition keep their order.
// Thread: the core; the work itself runs off it.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

#include "log/store/sequencer.h"

namespace stele::log {

struct StoreParts;

class Trimmer {
public:
  using Submit = std::function<void(Operation)>;

  /// `submit` queues an operation to be sequenced. `parts` outlive it.
  Trimmer(StoreParts& parts, Submit submit)
      : parts_(parts),
        submit_(std::move(submit)),
        stop_(std::make_shared<std::atomic<bool>>(false)) {}

  /// Submits the operation once all that its trims remove is written down.
  void accept(Operation operation);
  /// Whether a trim of the partition is under way.
  [[nodiscard]] bool trims(const TopicPartition& partition) const;
  /// Merges floors, if it is time.
  void upkeep();
  [[nodiscard]] bool running() const { return running_ || !queue_.empty(); }
  /// Ends what is running; what is queued is refused (kClosed).
  void stop();

private:
  struct Removal {
    PartitionPtr partition;
    Offset before;
  };
  [[nodiscard]] std::vector<Removal> find_removals(const Operation& operation) const;
  void start_next();
  void counted(Operation operation, const Result<void>& result);

  StoreParts& parts_;
  Submit submit_;
  std::deque<Operation> queue_;  ///< the first one is being worked on, if any is
  bool running_ = false;
  bool stopped_ = false;
  std::shared_ptr<std::atomic<bool>> stop_;  ///< seen by the work under way
};

}  // namespace stele::log
