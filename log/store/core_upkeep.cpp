// What the core does besides committing: checkpoints, idle marks, retention, journal growth.
#include <algorithm>
#include <array>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/store/core.h"

namespace stele::log {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuietBeforeMark = 10ms;
constexpr auto kRetentionEvery = 10s;
constexpr std::int64_t kUsPerMs = 1000;

}  // namespace

StoreImage Core::image() const {
  STELE_CHECK(!flushing_);
  StoreImage image;
  image.journal_bytes = parts_->journal->capacity_bytes();
  image.end = parts_->sequencer.end();
  image.recorded_us = parts_->recorded_us;
  image.timeline = parts_->timeline;
  image.order_count = parts_->order.count();
  image.order_first_block = parts_->order.first_block();
  if (image.order_count % parts_->order.entries_per_block() != 0) {
    const ByteView tail = parts_->order.tail();
    image.order_tail.assign(tail.begin(), tail.end());
  }
  for (const auto& [id, topic] : parts_->sequencer.topics()) {
    for (const PartitionPtr& partition : topic.partitions)
      image.partitions.push_back(partition->image());
  }
  return image;
}

bool Core::begin_checkpoint() {
  Checkpointer& checkpointer = *parts_->checkpointer;
  if (flushing_ || checkpointer.running() || state() == StoreState::kStopped) return false;
  if (checkpointer.clean() && parts_->journal->used_since(checkpointer.replay_from()) == 0 &&
      parts_->journal->used_bytes() == 0) {
    return false;
  }
  for (const std::string& path : parts_->order.take_dirty()) {
    checkpointer.wrote_file(path);
    checkpointer.created_in(parts_->folder + "/order");
  }
  for (const auto& [id, topic] : parts_->sequencer.topics()) {
    for (const PartitionPtr& partition : topic.partitions) {
      if (!partition->take_folder_dirty()) continue;
      const std::string topics = parts_->folder + "/topics";
      checkpointer.created_in(parts_->folder);
      checkpointer.created_in(topics);
      checkpointer.created_in(topics + "/" + id.text());
      checkpointer.created_in(partition->folder());
    }
  }
  checkpointer.begin(image(), [this](const Result<void>& result) {
    ++stats_.checkpoints;
    update_gauges();
    if (result) return;
    parts_->env.report(Severity::kWarn,
                       fmt::format("checkpoint_failed reason=\"{}\"", result.error().text()));
    if (result.error().code == Code::kIo) stop(result.error());
  });
  return true;
}

void Core::checkpoint_if_due() {
  Checkpointer& checkpointer = *parts_->checkpointer;
  Journal& journal = *parts_->journal;
  if (checkpointer.running()) {
    // Appends outrun the checkpoint: more journal means fewer of them.
    const std::uint64_t larger = journal.capacity_bytes() * 2;
    if (journal.used_bytes() > journal.capacity_bytes() / 2 &&
        larger <= parts_->options.journal_bytes_max && journal.can_grow()) {
      journal.grow(larger, [this](const Result<void>& result) {
        if (result) return;
        parts_->env.report(Severity::kWarn,
                           fmt::format("journal_not_grown reason=\"{}\"", result.error().text()));
        if (result.error().code == Code::kIo) stop(result.error());
      });
    }
    return;
  }
  if (checkpointer.has_removals() || checkpointer.journal_bytes() >= journal.capacity_bytes() / 4)
    begin_checkpoint();
}

void Core::update_gauges() {
  stats_.journal_bytes = parts_->journal->capacity_bytes();
  stats_.journal_used_bytes = parts_->journal->used_bytes();
  stats_.producer_count = static_cast<std::int64_t>(parts_->sequencer.producer_count());
}

void Core::maintain() {
  if (state() != StoreState::kOpen) return;
  const auto now = parts_->env.now();
  if (mark_wanted_ && !flushing_ && queue_.empty() && now - last_commit_ >= kQuietBeforeMark &&
      parts_->journal->fits(kBlockBytes)) {
    group_ = {};
    group_.recorded_us = parts_->recorded_us;
    group_.first_position = parts_->sequencer.end();
    build_entry();
    write_entry();
  }
  parts_->index->upkeep(end(), event_ids_from_);
  if (now >= next_compaction_) {
    next_compaction_ = now + parts_->options.compaction_interval;
    compactor_.start_if_due();
  }
  if (now < next_retention_) return;
  next_retention_ = now + kRetentionEvery;
  const std::int64_t now_us = parts_->env.wall_us();
  const auto idle_us =
      std::chrono::duration_cast<std::chrono::microseconds>(parts_->options.producer_idle_max);
  parts_->sequencer.expire_producers(now_us - idle_us.count());
  apply_retention(now_us / kUsPerMs);
  trimmer_.upkeep();
  const auto window_us =
      std::chrono::duration_cast<std::chrono::microseconds>(parts_->options.event_id_window);
  if (const auto found = parts_->order.find_recorded(now_us - window_us.count()); found && *found)
    event_ids_from_ = **found;
  if (!flushing_) trim_order_log();
  // What could not be done for want of space or descriptors is tried again.
  const Checkpointer& checkpointer = *parts_->checkpointer;
  if (checkpointer.has_removals() || checkpointer.failure()) begin_checkpoint();
}

void Core::apply_retention(std::int64_t now_ms) {
  for (const auto& [id, topic] : parts_->sequencer.topics()) {
    const TopicConfig& config = topic.info->config;
    if (!config.deletes() || (config.retention_ms < 0 && config.retention_bytes < 0)) continue;
    for (const PartitionPtr& partition : topic.partitions) {
      const Offset before =
          partition->retention_end(now_ms, config.retention_ms, config.retention_bytes);
      if (before == partition->log_start() || trimmer_.trims(partition->id())) continue;
      Operation operation;
      operation.trims.push_back({partition->id(), before});
      queue(std::move(operation));
    }
  }
}

void Core::apply_trim(const PlannedPart& planned) {
  remove_segments(*planned.partition, planned.partition->apply_trim(planned.part.base_offset,
                                                                    planned.part.segment_base));
}

void Core::apply_swap(const PlannedPart& planned) {
  remove_segments(*planned.partition,
                  planned.partition->apply_swap(planned.part.base_offset, planned.part.segment_base,
                                                planned.replacement));
  if (planned.replacement != nullptr) ++stats_.segments_created;
}

void Core::remove_segments(const Partition& partition, const Partition::SegmentList& gone) {
  for (const auto& segment : gone) {
    parts_->checkpointer->remove_file(segment->path());
    parts_->checkpointer->remove_file(segment->index_path());
    ++stats_.segments_deleted;
  }
  if (!gone.empty()) parts_->checkpointer->created_in(partition.folder());
}

// The oldest order file goes when nothing that it lists is kept any longer: a few blocks at a look,
// from the last one that still had something on.
void Core::trim_order_log() {
  constexpr std::uint64_t kBlocksMax = 64;
  OrderLog& order = parts_->order;
  const std::uint64_t first = order.first_block();
  const std::uint64_t end = first + kOrderBlocksPerFile;
  if (order.count() / order.entries_per_block() < end) return;
  unwanted_order_blocks_ = std::max(unwanted_order_blocks_, first);
  for (std::uint64_t i = 0; i < kBlocksMax && unwanted_order_blocks_ < end; ++i) {
    const auto entries = order.block(unwanted_order_blocks_);
    if (!entries || std::ranges::any_of(*entries, [&](const auto& one) { return is_kept(one); }))
      return;
    ++unwanted_order_blocks_;
  }
  if (unwanted_order_blocks_ < end) return;
  if (const auto path = order.drop_oldest_file()) parts_->checkpointer->remove_late(*path);
}

bool Core::is_kept(const OrderEntry& entry) const {
  const PartitionPtr partition = parts_->sequencer.find_partition(entry.from);
  if (partition == nullptr || entry.base_offset.next(entry.record_count) <= partition->log_start())
    return false;
  const auto found = partition->find_batch(entry);
  return !found || found->has_value();
}

}  // namespace stele::log
