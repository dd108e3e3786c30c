// The core: runs commit groups. One thread at a time; it never blocks but for writes into the page
// cache.
//
//   submit ─► queue ─► sequencer ─► entry ─► journal (one write, one flush) ─► segments, order log
//   ─► watermark ─► answer
//
// Order of a commit: disk space was taken when the group was sequenced → the journal entry is
// durable → segments and order log are written → the watermark moves → answers go out. After a
// failed flush nothing is retried: the group's callers learn that the outcome is unknown, everybody
// else that the store has stopped. Thread: whoever runs the core.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "log/store/checkpointer.h"
#include "log/store/compactor.h"
#include "log/store/sequencer.h"
#include "log/store/trimmer.h"
#include "log/streams/version_floors.h"

namespace stele::log {

/// The parts of an open store, in the order in which they are made and (reversed) unmade.
struct StoreParts {
  StoreParts(Env& e, std::string data_folder, StoreOptions store_options, const Uuid& store,
             bool read_only = false);

  Env& env;
  std::string folder;
  StoreOptions options;
  Uuid id;
  FileCache files;
  OrderLog order;
  std::unique_ptr<Journal> journal;
  std::unique_ptr<TermIndex> index;       ///< null: opened for reading only
  std::unique_ptr<StreamTable> streams;   ///< null as well
  std::unique_ptr<VersionFloors> floors;  ///< null as well, or damaged: see recover_floors()
  Sequencer sequencer;
  std::unique_ptr<Checkpointer> checkpointer;
  TopicTable table;
  std::int64_t recorded_us = 0;
  std::int32_t timeline = 0;
  std::int64_t recovered_entries = 0;
  std::int64_t quarantined_bytes = 0;

  [[nodiscard]] std::uint64_t seed() const;
  [[nodiscard]] std::string partition_folder(const TopicPartition& partition) const;
  [[nodiscard]] std::string topic_folder(const Uuid& topic) const;
  [[nodiscard]] TopicEntry make_topic(TopicPtr info);
  /// Those that the topic has by its info, but not yet as objects: new and empty.
  void add_partitions(TopicEntry& topic);
};

/// Counters that other threads read.
struct CoreStats {
  std::atomic<std::int64_t> committed_records = 0, committed_batches = 0, committed_groups = 0,
                            committed_bytes = 0, duplicate_batches = 0, refused_appends = 0,
                            checkpoints = 0, segments_created = 0, segments_deleted = 0,
                            producer_count = 0;
  std::atomic<std::uint64_t> journal_bytes = 0, journal_used_bytes = 0;
};

class Core {
public:
  explicit Core(std::unique_ptr<StoreParts> parts);

  /// Takes over what has queued up.
  void accept(std::deque<Operation>&& operations);
  /// Answers what is durable and starts the next flush; never blocks. Returns how many answers were
  /// given.
  std::size_t run();
  /// Runs, blocking up to `longest` for a flush in flight.
  std::size_t wait(std::chrono::nanoseconds longest);
  /// True if run() has nothing to do and nothing is under way.
  [[nodiscard]] bool idle() const {
    return queue_.empty() && !flushing_ && !parts_->checkpointer->running() &&
           !compactor_.running() && !trimmer_.running() && !parts_->index->running();
  }
  [[nodiscard]] bool has_work() const { return !queue_.empty() || flushing_ || trimmer_.running(); }

  /// Idle mark, retention, compaction, producer expiry, checkpoints that are due. Queues operations
  /// of its own.
  void maintain();
  /// Starts a checkpoint if anything happened since the last one. False if there is nothing to do.
  bool begin_checkpoint();
  /// Nothing is written from now on; everything queued is refused.
  void stop(const Error& because);

  [[nodiscard]] StoreState state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string stopped_because() const;
  void set_closed() { state_ = StoreState::kClosed; }
  /// Ends what runs in the background at its next step.
  void stop_background();
  [[nodiscard]] StoreParts& parts() { return *parts_; }
  [[nodiscard]] const StoreParts& parts() const { return *parts_; }
  [[nodiscard]] const CoreStats& stats() const { return stats_; }
  [[nodiscard]] Compactor& compactor() { return compactor_; }
  [[nodiscard]] const Compactor& compactor() const { return compactor_; }
  [[nodiscard]] Trimmer& trimmer() { return trimmer_; }
  /// One past the last committed position; any thread.
  [[nodiscard]] Position end() const { return Position(end_.load(std::memory_order_acquire)); }
  /// Bytes queued and not yet sequenced, for the limit; any thread.
  [[nodiscard]] std::uint64_t queued_bytes() const {
    return queued_bytes_.load(std::memory_order_relaxed);
  }
  void count_queued(std::uint64_t bytes) { queued_bytes_ += bytes; }
  void on_advance(std::function<void(std::span<const PartitionAdvance>)> listener) {
    listener_ = std::move(listener);
  }

private:
  void queue(Operation operation);
  void start_group();
  [[nodiscard]] bool gather(CommitGroup& group);
  void refuse(Operation operation, Error error);
  void build_entry();
  void write_entry();
  void flushed(const Result<void>& result);
  void commit();
  Result<void> write_segments();
  Result<void> publish_parts();
  void answer();
  void handle_stall(std::uint64_t wanted_bytes);
  void checkpoint_if_due();
  void apply_trim(const PlannedPart& planned);
  void apply_swap(const PlannedPart& planned);
  void remove_segments(const Partition& partition, const Partition::SegmentList& gone);
  void apply_retention(std::int64_t now_ms);
  void trim_order_log();
  [[nodiscard]] bool is_kept(const OrderEntry& entry) const;
  [[nodiscard]] StoreImage image() const;
  void update_gauges();

  std::unique_ptr<StoreParts> parts_;
  std::deque<Operation> queue_;
  std::atomic<std::uint64_t> queued_bytes_ = 0;

  // The commit group in flight; one at a time.
  bool flushing_ = false;
  CommitGroup group_;
  AlignedBuffer entry_;
  std::uint64_t entry_bytes_ = 0;
  JournalPlace entry_place_;
  std::uint64_t entry_checksum_ = 0;

  bool mark_wanted_ =
      false;  ///< the last entry has parts: an idle mark would narrow the window of a torn tail
  std::chrono::nanoseconds last_commit_{0};
  std::chrono::nanoseconds next_retention_{0};
  std::chrono::nanoseconds next_compaction_{0};
  Position event_ids_from_;                  ///< event ids of older events are not kept
  std::uint64_t unwanted_order_blocks_ = 0;  ///< nothing that blocks below list is kept
  std::size_t answered_ = 0;
  std::atomic<std::int64_t> end_;
  std::atomic<StoreState> state_ = StoreState::kOpen;
  mutable std::mutex stopped_mutex_;
  std::string stopped_because_;
  CoreStats stats_;
  std::function<void(std::span<const PartitionAdvance>)> listener_;
  Compactor compactor_;
  Trimmer trimmer_;
};

}  // namespace stele::log
