#include "log/store/trimmer.h"

#include <algorithm>
#include <set>

#include "log/base/fail.h"
#include "log/base/planted.h"
#include "log/store/core.h"
#include "log/store/floor_log.h"

namespace stele::log {
namespace {

/// Writes down what one partition loses. Runs off the core.
class RemovalCount {
public:
  RemovalCount(StoreParts& parts, PartitionPtr partition, Offset before,
               std::shared_ptr<const std::atomic<bool>> stop)
      : parts_(parts), partition_(std::move(partition)), before_(before), stop_(std::move(stop)) {}

  /// kCancelled; kNoSpace, kOverloaded, kIo: the floors cannot be written.
  Result<void> run() {
    while (!partition_->removed()) {
      lost_count_ = 0;
      FloorLog log(*parts_.floors, parts_.index->hasher(), partition_->id());
      STELE_TRY(const bool whole, count(log));
      // What was replaced meanwhile was counted by who replaced it; what is left stands elsewhere.
      if (!whole) continue;
      return planted(Plant::kForgetRemoved) ? Result<void>{} : log.keep();
    }
    return {};
  }

  /// On the core: what could not be read.
  void report_lost() const {
    if (lost_count_ == 0) return;
    parts_.env.report(
        Severity::kWarn,
        fmt::format("removed_events_not_counted partition={} batches={} reason=\"{}\"",
                    partition_->id().text(), lost_count_, lost_->text()));
  }

private:
  // False: a segment was replaced under the reader.
  Result<bool> count(FloorLog& log) {
    for (const auto& segment : *partition_->segments()) {
      if (segment->base() >= before_) break;
      STELE_TRY(const bool whole, count_segment(*segment, log));
      if (!whole) return false;
    }
    return true;
  }

  Result<bool> count_segment(const Segment& segment, FloorLog& log) {
    const BatchIndex& index = segment.index();
    for (std::uint64_t first = 0; first < index.count(); first += index.entries_per_block()) {
      const auto entries = index.block(first / index.entries_per_block());
      if (!entries && !lose(segment, entries.error())) return false;
      if (!entries) continue;
      for (const BatchEntry& entry : *entries) {
        if (stop_->load(std::memory_order_relaxed))
          return fail(Code::kCancelled, "not wanted any more");
        if (!goes(entry)) continue;
        const auto read = read_batch(segment, entry);
        if (!read && !lose(segment, read.error())) return false;
        if (read) STELE_DO(log.remove_all(entry, batch_));
      }
    }
    return true;
  }

  // Batches that are gone altogether with the new log start, and were not before.
  [[nodiscard]] bool goes(const BatchEntry& entry) const {
    return entry.next_offset() > log_start_ && entry.next_offset() <= before_;
  }

  Result<void> read_batch(const Segment& segment, const BatchEntry& entry) {
    batch_.resize(entry.batch_bytes);
    STELE_TRY(const std::size_t got, segment.read(batch_, entry.file_at));
    STELE_DO(check_stored_batch(partition_->id(), segment, entry, ByteView(batch_).first(got)));
    return {};
  }

  // True: it is damage, and passed over.
  bool lose(const Segment& segment, const Error& error) {
    const auto list = partition_->segments();
    if (std::ranges::none_of(*list, [&](const auto& one) { return one.get() == &segment; }))
      return false;
    if (lost_count_++ == 0) lost_ = error;
    return true;
  }

  StoreParts& parts_;
  PartitionPtr partition_;
  Offset before_;
  std::shared_ptr<const std::atomic<bool>> stop_;
  Offset log_start_ = partition_->log_start();
  Bytes batch_;
  std::int64_t lost_count_ = 0;
  std::optional<Error> lost_;
};

}  // namespace

void Trimmer::accept(Operation operation) {
  operation.counted = true;
  queue_.push_back(std::move(operation));
  start_next();
}

bool Trimmer::trims(const TopicPartition& partition) const {
  return std::ranges::any_of(queue_, [&](const Operation& operation) {
    return std::ranges::find(operation.trims, partition, &TrimRequest::partition) !=
           operation.trims.end();
  });
}

// Of partitions whose topic is indexed, and where something goes.
std::vector<Trimmer::Removal> Trimmer::find_removals(const Operation& operation) const {
  std::vector<Removal> found;
  if (parts_.floors == nullptr) return found;
  for (const TrimRequest& trim : operation.trims) {
    const PartitionPtr partition = parts_.sequencer.find_partition(trim.partition);
    if (partition == nullptr || trim.log_start <= partition->log_start()) continue;
    const TopicEntry* topic = parts_.sequencer.find_topic(trim.partition.topic);
    if (topic != nullptr && is_indexed(*topic->info))
      found.push_back({partition, std::min(trim.log_start, partition->end())});
  }
  return found;
}

void Trimmer::start_next() {
  while (!running_ && !queue_.empty()) {
    std::vector<Removal> removals = find_removals(queue_.front());
    if (removals.empty() || stopped_) {
      Operation operation = std::move(queue_.front());
      queue_.pop_front();
      // Nothing is removed that was not counted.
      counted(std::move(operation),
              removals.empty() ? Result<void>{} : fail(Code::kCancelled, "not wanted any more"));
      continue;
    }
    running_ = true;
    auto counts = std::make_shared<std::vector<RemovalCount>>();
    for (Removal& removal : removals)
      counts->emplace_back(parts_, std::move(removal.partition), removal.before, stop_);
    parts_.env.offload_background(
        [counts]() -> Result<void> {
          for (RemovalCount& one : *counts) STELE_DO(one.run());
          return {};
        },
        [this, counts](const Result<void>& result) {
          for (const RemovalCount& one : *counts) one.report_lost();
          Operation operation = std::move(queue_.front());
          queue_.pop_front();
          running_ = false;
          counted(std::move(operation), result);
          start_next();
        });
  }
}

void Trimmer::counted(Operation operation, const Result<void>& result) {
  if (!result && result.error().code == Code::kCancelled) {
    if (operation.done) operation.done(fail(Code::kClosed, "the store is closed"));
    return;
  }
  if (!result)
    parts_.env.report(Severity::kWarn,
                      fmt::format("removed_events_not_counted partition={} reason=\"{}\"",
                                  operation.trims.front().partition.text(), result.error().text()));
  submit_(std::move(operation));
}

void Trimmer::upkeep() {
  if (running_ || stopped_ || parts_.floors == nullptr) return;
  VersionFloors::Numbers inputs = parts_.floors->due_merge();
  if (inputs.empty()) return;
  std::set<Uuid> topics;
  for (const auto& [id, topic] : parts_.sequencer.topics()) topics.insert(id);
  running_ = true;
  parts_.env.offload_background(
      [floors = parts_.floors.get(), inputs = std::move(inputs), topics = std::move(topics),
       stop = stop_] { return floors->merge(inputs, topics, *stop); },
      [this](const Result<void>& result) {
        running_ = false;
        if (!result && result.error().code != Code::kCancelled)
          parts_.env.report(Severity::kWarn, fmt::format("version_floors_not_merged reason=\"{}\"",
                                                         result.error().text()));
        start_next();
      });
}

void Trimmer::stop() {
  stopped_ = true;
  stop_->store(true);
}

}  // namespace stele::log
