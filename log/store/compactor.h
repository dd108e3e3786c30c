// Decides when a partition of a compacted topic is due, runs one compaction at a time off the core,
// and swaps what it wrote into the log through the journal. A scavenge, when somebody asks for it,
// goes the same way, partition by partition, before any further compaction.
//
//   maintain() ─► due? ─► prepare ─► write a group ─► journal: swap ─► next group … ─► due?
//   scavenge() ─► list     (off the core, background lane)  (core)
//
// What goes is written to the version floors before the swap (RemovalLog).
//
// Due is, as in Kafka: more than min.cleanable.dirty.ratio of what could be compacted is dirty, or
// the oldest dirty segment was begun longer than max.compaction.lag.ms ago; of those that are due,
// the dirtiest. Dirty are the sealed segments that no compaction has written, up to the first one
// whose newest record is younger than min.compaction.lag.ms; the active segment never is. Where the
// dirty part begins is told by the segments themselves.
//
// A partition in which something is damaged is reported, left alone and not tried again until the
// store is opened anew. Everything else that goes wrong is tried again at the next look.
// Thread: the core; the pieces themselves run off it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "log/compaction/compaction_run.h"
#include "log/store/let_go.h"
#include "log/store/sequencer.h"

namespace stele::log {

struct StoreParts;

/// Counters that other threads read: of all scavenges.
struct ScavengeCounts {
  std::atomic<std::int64_t> ended = 0, running = 0, removed_events = 0, removed_bytes = 0;
};

class Compactor {
public:
  using Submit = std::function<void(Operation)>;

  /// `submit` queues an operation to be sequenced. `parts` outlive it.
  Compactor(StoreParts& parts, Submit submit) : parts_(parts), submit_(std::move(submit)) {}

  /// Starts what is most due, if nothing is running.
  void start_if_due();
  /// Looks over the partitions of the topic, or of all topics, one after the other. kOverloaded:
  /// that is under way already; kNotFound; kClosed.
  void scavenge(const std::optional<Uuid>& topic, ScavengeDone done);
  /// Ends it at its next step (kCancelled).
  void cancel_scavenge();
  [[nodiscard]] bool running() const { return running_; }
  /// Ends what is running at its next step; nothing is started any more.
  void stop();
  /// The topic was deleted: its folder goes once nothing is written there any more.
  void remove_topic_folder(const Uuid& topic);

  // --- any thread ---
  [[nodiscard]] const CompactionCounts& counts() const { return counts_; }
  [[nodiscard]] std::int64_t run_count() const { return run_count_; }
  [[nodiscard]] std::int64_t failure_count() const { return failure_count_; }
  [[nodiscard]] double dirty_ratio_max() const { return dirty_ratio_max_; }
  [[nodiscard]] std::string last_failure() const;
  [[nodiscard]] const ScavengeCounts& scavenges() const { return scavenges_; }

private:
  /// A scavenge under way.
  struct Scavenge {
    ScavengeDone done;
    std::deque<PartitionPtr> left;
    std::shared_ptr<LetGo> let_go;  ///< of the topic at hand
    Uuid topic;
    ScavengeReport report;
    bool this_one = false;  ///< what runs is of it
    bool cancelled = false;
    std::int64_t removed_before = 0;  ///< records, when the group at hand was begun
    int retries_left = 100;           ///< of partitions that were changed meanwhile
  };
  struct Candidate {
    PartitionPtr partition;
    Partition::SegmentList segments;
    Offset end;
    Offset dirty_from;
    double dirty_ratio = 0;
    bool due = false;
  };
  [[nodiscard]] std::optional<Candidate> look_at(const PartitionPtr& partition,
                                                 const TopicConfig& config,
                                                 std::int64_t now_ms) const;
  [[nodiscard]] std::optional<Candidate> find_dirtiest();
  void start(Candidate candidate);
  void start_scavenge();
  [[nodiscard]] std::shared_ptr<RewriteRun> make_scavenge(const PartitionPtr& partition);
  void end_scavenge(Result<ScavengeReport> result);
  void scavenged_one();
  [[nodiscard]] bool is_scavenging() const { return scavenge_ && scavenge_->this_one; }
  void scavenge_again();
  void count_scavenged(const CompactionGroup& group, const Segment& made);
  void report_scavenge(const TopicPartition& partition, const Error& error);
  void run(std::shared_ptr<RewriteRun> run);
  [[nodiscard]] RemovalLogMaker removals_of(const TopicPartition& partition) const;
  void write_next();
  void swap(const CompactionGroup& group, std::shared_ptr<Segment> made);
  void swapped(const CompactionGroup& group, const std::shared_ptr<Segment>& made,
               const Result<AppendOutcome>& result);
  void failed(const Error& error);
  void report(const Error& error);
  void finish(std::shared_ptr<Segment> discarded, bool look_again);

  StoreParts& parts_;
  Submit submit_;
  bool running_ = false;
  bool stopped_ = false;
  std::shared_ptr<RewriteRun> run_;  ///< also held by the piece under way
  Partition::SegmentList reading_;   ///< by the piece under way
  std::set<TopicPartition> damaged_;
  std::optional<Uuid> removed_topic_;  ///< the one being worked on, if it was deleted meanwhile

  std::optional<Scavenge> scavenge_;

  CompactionCounts counts_;
  CompactionCounts scavenge_counts_;
  ScavengeCounts scavenges_;
  std::atomic<std::int64_t> run_count_ = 0;
  std::atomic<std::int64_t> failure_count_ = 0;
  std::atomic<double> dirty_ratio_max_ = 0;
  mutable std::mutex failure_mutex_;
  std::string last_failure_;
};

/// Of the live producers of a partition. Thread: the core.
[[nodiscard]] LastBatches last_batches_of(Partition& partition);

/// Where the part that no compaction has been over begins; `end` if nothing is dirty.
[[nodiscard]] Offset find_first_dirty(const Partition::SegmentList& sealed, Offset end);

}  // namespace stele::log
