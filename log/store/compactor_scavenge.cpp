// The compactor's other work: letting go of what streams let go of.
#include <algorithm>

#include "log/base/fail.h"
#include "log/store/core.h"

namespace stele::log {

void Compactor::scavenge(const std::optional<Uuid>& topic, ScavengeDone done) {
  if (stopped_) return done(fail(Code::kClosed, "the store is closed"));
  if (scavenge_) return done(fail(Code::kOverloaded, "a scavenge is running already"));
  Scavenge one{.done = std::move(done)};
  for (const auto& [id, entry] : parts_.sequencer.topics()) {
    if (!is_indexed(*entry.info) || (topic && id != *topic)) continue;
    one.left.insert(one.left.end(), entry.partitions.begin(), entry.partitions.end());
  }
  if (topic && parts_.sequencer.find_topic(*topic) == nullptr)
    return one.done(fail(Code::kNotFound, "topic {} does not exist", topic->text()));
  // Whatever order the topics come in.
  std::ranges::sort(one.left, {}, [](const PartitionPtr& partition) { return partition->id(); });
  scavenge_ = std::move(one);
  scavenges_.running = 1;
  start_if_due();
}

void Compactor::start_scavenge() {
  while (!scavenge_->left.empty()) {
    const PartitionPtr partition = std::move(scavenge_->left.front());
    scavenge_->left.pop_front();
    if (auto made = make_scavenge(partition)) {
      scavenge_->this_one = true;
      return run(std::move(made));
    }
  }
  end_scavenge(std::move(scavenge_->report));
}

// Null: there is nothing to do.
std::shared_ptr<RewriteRun> Compactor::make_scavenge(const PartitionPtr& partition) {
  const TopicPartition& id = partition->id();
  if (parts_.sequencer.find_partition(id) != partition) return nullptr;  // deleted meanwhile
  ++scavenge_->report.partitions;
  Partition::SegmentList segments = *partition->segments();
  if (segments.size() < 2 || !parts_.streams->any_rules(id.topic)) return nullptr;
  if (const auto known = parts_.sequencer.check_versions_known(id.topic); !known) {
    report_scavenge(id, known.error());
    return nullptr;
  }
  if (scavenge_->let_go == nullptr || scavenge_->topic != id.topic) {
    scavenge_->topic = id.topic;
    scavenge_->let_go = std::make_shared<LetGo>(parts_.env, *parts_.index, *parts_.streams,
                                                parts_.order, id.topic, parts_.sequencer.end());
  }
  const Offset end = segments.back()->base();
  segments.pop_back();
  return std::make_shared<ScavengeRun>(
      parts_.files,
      RewriteInput{.partition = partition,
                   .segments = std::move(segments),
                   .end = end,
                   .bytes_per_second_max = parts_.options.compaction_bytes_per_second_max,
                   .removals = removals_of(id)},
      scavenge_->let_go, last_batches_of(*partition), scavenge_counts_);
}

void Compactor::cancel_scavenge() {
  if (!scavenge_) return;
  scavenge_->cancelled = true;
  if (is_scavenging() && run_ != nullptr) run_->cancel();
  if (!is_scavenging()) scavenged_one();
}

// Nothing of it runs now.
void Compactor::scavenged_one() {
  scavenge_->this_one = false;
  if (stopped_) return end_scavenge(fail(Code::kClosed, "the store is closed"));
  if (scavenge_->cancelled)
    end_scavenge(fail(Code::kCancelled, "the scavenge was ended before it was over"));
}

// Retention or a deletion came in between: what is there now?
void Compactor::scavenge_again() {
  if (!is_scavenging() || scavenge_->cancelled || scavenge_->retries_left-- <= 0) return;
  scavenge_->left.push_front(run_->input().partition);
  --scavenge_->report.partitions;
}

void Compactor::count_scavenged(const CompactionGroup& group, const Segment& made) {
  ScavengeReport& report = scavenge_->report;
  std::int64_t bytes = -static_cast<std::int64_t>(made.published_bytes());
  for (const auto& segment : group.segments)
    bytes += static_cast<std::int64_t>(segment->published_bytes());
  const std::int64_t events = scavenge_counts_.removed_records - scavenge_->removed_before;
  ++report.segments;
  report.bytes_removed += bytes;
  report.events_removed += events;
  scavenges_.removed_bytes += bytes;
  scavenges_.removed_events += events;
}

void Compactor::report_scavenge(const TopicPartition& partition, const Error& error) {
  ++scavenge_->report.partitions_failed;
  if (scavenge_->report.first_failure.empty()) scavenge_->report.first_failure = error.text();
  parts_.env.report(
      error.code == Code::kCorrupt ? Severity::kError : Severity::kWarn,
      fmt::format("scavenge_failed partition={} reason=\"{}\"", partition.text(), error.text()));
}

void Compactor::end_scavenge(Result<ScavengeReport> result) {
  Scavenge ended = std::move(*scavenge_);
  scavenge_.reset();
  scavenges_.running = 0;
  if (result) {
    ++scavenges_.ended;
    parts_.env.report(
        Severity::kInfo,
        fmt::format("scavenged partitions={} segments={} events_removed={} bytes_removed={} "
                    "partitions_failed={}",
                    result->partitions, result->segments, result->events_removed,
                    result->bytes_removed, result->partitions_failed));
  }
  ended.done(std::move(result));
}

}  // namespace stele::log
