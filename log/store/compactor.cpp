#include "log/store/compactor.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/compaction/replacement_writer.h"
#include "log/store/core.h"
#include "log/store/floor_log.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::int64_t kSegmentBytesHardMax = INT32_MAX;

std::int64_t saturating_minus(std::int64_t from, std::int64_t what) {
  std::int64_t result = 0;
  return __builtin_sub_overflow(from, what, &result) ? INT64_MIN : result;
}

}  // namespace

Offset find_first_dirty(const Partition::SegmentList& sealed, Offset end) {
  for (const auto& segment : sealed) {
    if (!segment->compacted()) return segment->base();
    if (segment->dirty_from() != SegmentImage::kAllClean) return segment->dirty_from();
  }
  return end;
}

std::string Compactor::last_failure() const {
  const std::scoped_lock lock(failure_mutex_);
  return last_failure_;
}

std::optional<Compactor::Candidate> Compactor::look_at(const PartitionPtr& partition,
                                                       const TopicConfig& config,
                                                       std::int64_t now_ms) const {
  Candidate found{
      .partition = partition, .segments = *partition->segments(), .end = {}, .dirty_from = {}};
  if (found.segments.size() < 2 || damaged_.contains(partition->id())) return std::nullopt;
  const auto cut = [&](std::size_t count) {
    found.end = found.segments[count]->base();
    found.segments.resize(count);
  };
  cut(found.segments.size() - 1);
  found.dirty_from = find_first_dirty(found.segments, found.end);
  std::int64_t clean_bytes = 0;
  std::int64_t dirty_bytes = 0;
  std::int64_t oldest_us = INT64_MAX;
  for (std::size_t i = 0; i < found.segments.size(); ++i) {
    const Segment& segment = *found.segments[i];
    const auto bytes = static_cast<std::int64_t>(segment.published_bytes());
    const Offset next = i + 1 < found.segments.size() ? found.segments[i + 1]->base() : found.end;
    if (next <= found.dirty_from) {
      clean_bytes += bytes;
      continue;
    }
    const bool young =
        config.min_compaction_lag_ms > 0 &&
        segment.max_timestamp_ms() > saturating_minus(now_ms, config.min_compaction_lag_ms);
    if (young) {
      if (i == 0) return std::nullopt;
      cut(i);
      break;
    }
    dirty_bytes += bytes;
    oldest_us = std::min(oldest_us, segment.created_us());
  }
  if (dirty_bytes == 0) return std::nullopt;
  found.dirty_ratio =
      static_cast<double>(dirty_bytes) / static_cast<double>(clean_bytes + dirty_bytes);
  found.due = found.dirty_ratio > config.min_cleanable_dirty_ratio ||
              oldest_us / kUsPerMs < saturating_minus(now_ms, config.max_compaction_lag_ms);
  return found;
}

std::optional<Compactor::Candidate> Compactor::find_dirtiest() {
  const std::int64_t now_ms = parts_.env.wall_us() / kUsPerMs;
  std::optional<Candidate> dirtiest;
  double ratio_max = 0;
  for (const auto& [id, topic] : parts_.sequencer.topics()) {
    if (!topic.info->config.compacted()) continue;
    for (const PartitionPtr& partition : topic.partitions) {
      auto one = look_at(partition, topic.info->config, now_ms);
      if (!one) continue;
      ratio_max = std::max(ratio_max, one->dirty_ratio);
      if (!one->due) continue;
      // Of equals the lowest, whatever order the topics come in.
      const bool first = !dirtiest || one->dirty_ratio > dirtiest->dirty_ratio ||
                         (one->dirty_ratio == dirtiest->dirty_ratio &&
                          one->partition->id() < dirtiest->partition->id());
      if (first) dirtiest = std::move(one);
    }
  }
  dirty_ratio_max_ = ratio_max;
  return dirtiest;
}

void Compactor::start_if_due() {
  if (running_ || stopped_) return;
  if (scavenge_) return start_scavenge();
  if (auto candidate = find_dirtiest()) start(std::move(*candidate));
}

RemovalLogMaker Compactor::removals_of(const TopicPartition& partition) const {
  const TopicEntry* topic = parts_.sequencer.find_topic(partition.topic);
  if (parts_.floors == nullptr || topic == nullptr || !is_indexed(*topic->info)) return {};
  return [&parts = parts_, partition] {
    return std::make_unique<FloorLog>(*parts.floors, parts.index->hasher(), partition);
  };
}

LastBatches last_batches_of(Partition& partition) {
  LastBatches last;
  partition.producers().visit([&](std::int64_t id, std::int16_t, const ProducedBatch& batch) {
    last.emplace(id, batch.base_offset);
  });
  return last;
}

void Compactor::start(Candidate candidate) {
  const PartitionPtr& partition = candidate.partition;
  const TopicEntry* topic = parts_.sequencer.find_topic(partition->id().topic);
  STELE_CHECK(topic != nullptr);
  const TopicConfig& config = topic->info->config;
  run(std::make_shared<CompactionRun>(
      parts_.files,
      CompactionPlan{
          .input = {.partition = partition,
                    .segments = std::move(candidate.segments),
                    .end = candidate.end,
                    .bytes_per_second_max = parts_.options.compaction_bytes_per_second_max,
                    .removals = removals_of(partition->id())},
          .dirty_from = candidate.dirty_from,
          .last_batches = last_batches_of(*partition),
          .rules = {.now_ms = parts_.env.wall_us() / kUsPerMs,
                    .delete_retention_ms = config.delete_retention_ms},
          .segment_bytes_max =
              static_cast<std::uint64_t>(std::min(config.segment_bytes, kSegmentBytesHardMax)),
          .memory_bytes_max = parts_.options.compaction_memory_bytes_max},
      counts_));
}

void Compactor::run(std::shared_ptr<RewriteRun> run) {
  running_ = true;
  run_ = std::move(run);
  reading_ = run_->input().segments;
  parts_.env.offload_background([run = run_] { return run->prepare(); },
                                [this](const Result<void>& result) {
                                  if (!result) return failed(result.error());
                                  write_next();
                                });
}

void Compactor::write_next() {
  if (run_->cancelled()) return finish(nullptr, false);
  auto group = run_->next_group();
  if (!group) {
    if (!is_scavenging()) ++run_count_;
    return finish(nullptr, true);
  }
  reading_ = group->segments;
  if (scavenge_) scavenge_->removed_before = scavenge_counts_.removed_records;
  auto made = std::make_shared<std::shared_ptr<Segment>>();
  parts_.env.offload_background(
      [run = run_, group = *group, made]() -> Result<void> {
        STELE_TRY(*made, run->write(group));
        return {};
      },
      [this, group = *group, made](const Result<void>& result) {
        if (!result) return failed(result.error());
        swap(group, std::move(*made));
      });
}

void Compactor::swap(const CompactionGroup& group, std::shared_ptr<Segment> made) {
  if (run_->cancelled()) return finish(std::move(made), false);
  Operation operation;
  operation.swap = SwapRequest{run_->input().partition, group.segments, made};
  operation.done = [this, group, made](const Result<AppendOutcome>& result) {
    swapped(group, made, result);
  };
  submit_(std::move(operation));
}

void Compactor::swapped(const CompactionGroup& group, const std::shared_ptr<Segment>& made,
                        const Result<AppendOutcome>& result) {
  if (result) {
    if (is_scavenging()) count_scavenged(group, *made);
    return write_next();
  }
  switch (result.error().code) {
    case Code::kOutcomeUnknown:  // what may stand in the journal is not removed
    case Code::kClosed:
      return finish(nullptr, false);
    case Code::kNotFound:  // its segments were let go of meanwhile: no failure
    case Code::kWrongVersion:
      scavenge_again();
      return finish(made, false);
    default:
      report(result.error());
      return finish(made, false);
  }
}

// What could not be read because it was let go of meanwhile is no failure.
void Compactor::failed(const Error& error) {
  const auto list = run_->input().partition->segments();
  const bool there = std::ranges::all_of(
      reading_, [&](const auto& one) { return std::ranges::find(*list, one) != list->end(); });
  if (there && !run_->cancelled()) {
    report(error);
  } else {
    scavenge_again();
  }
  finish(nullptr, false);
}

void Compactor::report(const Error& error) {
  const TopicPartition& id = run_->input().partition->id();
  const TopicEntry* topic = parts_.sequencer.find_topic(id.topic);
  const bool damage = error.code == Code::kCorrupt;
  if (is_scavenging()) return report_scavenge(id, error);
  if (damage) damaged_.insert(id);
  ++failure_count_;
  {
    const std::scoped_lock lock(failure_mutex_);
    last_failure_ = error.text();
  }
  parts_.env.report(damage ? Severity::kError : Severity::kWarn,
                    fmt::format("compaction_failed topic={} partition={} tried_again={} "
                                "reason=\"{}\"",
                                topic == nullptr ? id.topic.text() : topic->info->name,
                                id.partition, !damage, error.text()));
}

// The map and what was written for nothing go off the core as well: both may be large.
void Compactor::finish(std::shared_ptr<Segment> discarded, bool look_again) {
  // After a stop nothing is written any more; the next start removes what is left over.
  if (stopped_) discarded.reset();
  reading_.clear();
  auto run = std::exchange(run_, nullptr);
  parts_.env.offload_background(
      [&files = parts_.files, run = std::move(run), discarded]() mutable -> Result<void> {
        run.reset();
        return discarded == nullptr ? Result<void>{} : remove_segment_files(files, *discarded);
      },
      [this, look_again](const Result<void>&) {
        running_ = false;
        if (removed_topic_) {
          parts_.checkpointer->remove_folder(parts_.topic_folder(*removed_topic_));
          parts_.checkpointer->created_in(parts_.folder + "/topics");
          removed_topic_.reset();
        }
        if (scavenge_) scavenged_one();
        if (look_again || scavenge_) start_if_due();
      });
}

void Compactor::stop() {
  stopped_ = true;
  if (run_ != nullptr) run_->cancel();
}

void Compactor::remove_topic_folder(const Uuid& topic) {
  if (running_ && run_ != nullptr && run_->input().partition->id().topic == topic) {
    run_->cancel();
    removed_topic_ = topic;
    return;
  }
  parts_.checkpointer->remove_folder(parts_.topic_folder(topic));
  parts_.checkpointer->created_in(parts_.folder + "/topics");
}

}  // namespace stele::log
