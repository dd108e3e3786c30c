// The sequencer: decides the order. Takes queued operations one by one, checks each against
// everything sequenced before it (the same commit group included), and gives offsets, positions and
// places in segments. What it has sequenced becomes visible only when the commit group is durable;
// if it never becomes so, the store stops. Thread: the core only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "log/format/decompressor.h"
#include "log/journal/journal_entry.h"
#include "log/store/append_checker.h"
#include "log/store/catalogue.h"
#include "log/store/topic_table.h"

namespace stele::log {

struct TrimRequest {
  TopicPartition partition;
  Offset log_start;
};

/// A segment that compaction wrote, whole and durable, is to take the place of some others.
struct SwapRequest {
  PartitionPtr partition;
  Partition::SegmentList replaced;  ///< one after the other; the first one's base is the new one's
  std::shared_ptr<Segment> replacement;  ///< may have no batch: then nothing takes their place
};

/// The part of a journal entry that says so; `next` is the base of the segment behind them. Its
/// fields: base_offset, segment_base = next, file_at = bytes, record_count = batches, batch_crc =
/// generation, min_timestamp_ms = dirty_from, max_timestamp_ms, created_us.
[[nodiscard]] JournalPart make_swap_part(const TopicPartition& partition, const SegmentImage& image,
                                         Offset next, Position position);
/// The new segment that such a part tells of.
[[nodiscard]] SegmentImage swapped_segment(const JournalPart& part);

/// A control operation's batch is made when its turn comes; it is at most so large, if it is about
/// a topic: name and settings are limited (check_topic_name, TopicConfig::parse).
inline constexpr std::uint64_t kControlBytesMax = 8 << 10;

/// One thing to be sequenced, all or nothing.
struct Operation {
  AppendRequest request;
  std::vector<TrimRequest> trims;
  bool counted = false;  ///< what the trims remove stands in the version floors (Trimmer)
  std::optional<SwapRequest> swap;
  /// Runs when its turn comes, to check and to fill in the rest; an error refuses the operation.
  std::move_only_function<Result<void>(Operation*)> prepare;
  std::uint64_t control_bytes_max = kControlBytesMax;  ///< of what `prepare` fills in
  /// Runs when it is sequenced: what the operations after it must see.
  std::move_only_function<void()> on_sequenced;
  /// Runs when it is durable, before `done`.
  std::move_only_function<void()> on_commit;
  AppendDone done;

  [[nodiscard]] std::uint64_t body_bytes() const;
  /// Parts and body in a journal entry.
  [[nodiscard]] std::uint64_t journal_bytes() const {
    const std::uint64_t parts =
        request.batches.size() + trims.size() + (swap ? 1 : 0) + (prepare ? 1 : 0);
    return body_bytes() + parts * kEntryPartBytes + (prepare ? control_bytes_max : 0);
  }
};

/// One part of the commit group, and where it goes.
struct PlannedPart {
  JournalPart part;
  PartitionPtr partition;
  std::shared_ptr<Segment> segment;  ///< of a batch
  ByteView source;
  std::shared_ptr<Segment> replacement = nullptr;  ///< of a swap; null: nothing is left
};

struct PlannedOperation {
  Operation operation;
  AppendOutcome outcome;
  std::optional<Error> refused = std::nullopt;  ///< by what stands in this group, perhaps
};

/// A commit group in the making.
struct CommitGroup {
  std::vector<PlannedOperation> operations;
  std::vector<PlannedPart> parts;
  std::uint64_t body_bytes = 0;
  std::int64_t recorded_us = 0;
  Position first_position;
  std::int64_t batch_count = 0;

  [[nodiscard]] bool empty() const { return operations.empty(); }
};

class Sequencer {
public:
  Sequencer(OrderLog& order, const StoreOptions& options) : order_(order), options_(options) {}
  /// Before the first add(). Both outlive the sequencer's last use.
  void set_index(TermIndex& index) { index_ = &index; }
  void set_streams(StreamTable& streams) { streams_ = &streams; }
  /// Topics of which a batch could not be indexed, and which. Before the first add().
  void set_damaged(std::map<Uuid, std::string> damaged) { damaged_ = std::move(damaged); }
  [[nodiscard]] Result<void> check_versions_known(const Uuid& topic) const;

  // --- state, set up by recovery ---
  void set_end(Position end) { end_ = end; }
  [[nodiscard]] Position end() const { return end_; }
  [[nodiscard]] Catalogue& catalogue() { return catalogue_; }
  [[nodiscard]] const Catalogue& catalogue() const { return catalogue_; }
  void add_topic(TopicEntry topic) { topics_[topic.info->id] = std::move(topic); }
  void remove_topic(const Uuid& id) { topics_.erase(id); }
  [[nodiscard]] TopicEntry* find_topic(const Uuid& id);
  [[nodiscard]] PartitionPtr find_partition(const TopicPartition& id) const;
  [[nodiscard]] const std::unordered_map<Uuid, TopicEntry>& topics() const { return topics_; }

  /// Sequences the operation into the group. An error refuses it and changes nothing.
  Result<void> add(Operation& operation, CommitGroup& group);

  /// Forgets producers idle since; returns how many are left.
  std::size_t expire_producers(std::int64_t before_us);
  [[nodiscard]] std::size_t producer_count() const { return producer_count_; }
  void set_producer_count(std::size_t count) { producer_count_ = count; }

private:
  struct Checked {
    PartitionPtr partition;
    BatchHeader header;
    std::optional<ProducedBatch> duplicate;
    BatchPlace place;
    std::size_t follows = 0;  ///< 1 + the batch before it in the same partition; 0: none
  };
  Result<Checked> check(const BatchAppend& batch) const;
  Result<std::vector<Checked>> check_all(const AppendRequest& request) const;
  Result<void> check_tombstones(const AppendRequest& request) const;
  Result<bool> check_expectations(const AppendRequest& request, const CommitGroup& group) const;
  Result<void> give_versions(const AppendRequest& request,
                             const std::vector<Checked>& batches) const;
  OrderLookups order_lookups(const CommitGroup& group) const;
  Result<void> gather_missing_terms(AppendRequest& request, const std::vector<Checked>& batches);
  Result<void> prepare_space(std::vector<Checked>& batches, const AppendRequest& request,
                             const CommitGroup& group);
  void sequence_batch(const Checked& checked, const BatchAppend& batch, CommitGroup& group,
                      AppendOutcome& outcome);
  Result<void> sequence_trims(const Operation& operation, CommitGroup& group);
  Result<void> sequence_swap(const SwapRequest& swap, CommitGroup& group);

  OrderLog& order_;
  const StoreOptions& options_;
  TermIndex* index_ = nullptr;
  StreamTable* streams_ = nullptr;
  Decompressor decompressor_;
  std::map<Uuid, std::string> damaged_;
  Catalogue catalogue_;
  std::unordered_map<Uuid, TopicEntry> topics_;
  Position end_;
  std::size_t producer_count_ = 0;
};

}  // namespace stele::log
