// StoreImpl's readers: they take no lock of the core and see only what is durable.
#include <algorithm>

#include "log/base/fail.h"
#include "log/store/range_reader.h"
#include "log/store/store_impl.h"

namespace stele::log {
Result<PartitionPtr> StoreImpl::find_partition(const TopicPartition& partition) const {
  PartitionPtr found = parts().table.partition(partition);
  if (found == nullptr)
    return fail(Code::kNotFound, "partition {} does not exist", partition.text());
  return found;
}

Result<PartitionEnds> StoreImpl::ends(const TopicPartition& partition) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  return PartitionEnds{found->log_start(), found->end(), parts().timeline};
}

Result<ReadOutcome> StoreImpl::read(const TopicPartition& partition, Offset from,
                                    ByteSpan into) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  STELE_TRY(const PartitionRead read, found->read(from, into));
  return ReadOutcome{read.bytes, read.next, read.needed};
}

Result<std::optional<TimedOffset>> StoreImpl::find_time(const TopicPartition& partition,
                                                        std::int64_t timestamp_ms) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  STELE_TRY(const auto record, found->find_time(timestamp_ms));
  if (!record) return std::nullopt;
  return TimedOffset{record->offset, record->timestamp_ms, parts().timeline};
}

Result<std::optional<TimedOffset>> StoreImpl::find_latest_time(
    const TopicPartition& partition) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  STELE_TRY(const auto record, found->find_latest_time());
  if (!record) return std::nullopt;
  return TimedOffset{record->offset, record->timestamp_ms, parts().timeline};
}

Result<std::int64_t> StoreImpl::size_bytes(const TopicPartition& partition) const {
  STELE_TRY(const PartitionPtr found, find_partition(partition));
  return found->size_bytes();
}

Result<OrderedRead> StoreImpl::read_all(Position from, std::size_t bytes_max) const {
  return read_ordered({.from = from, .end = core_.end(), .bytes_max = bytes_max});
}

Result<OrderedRead> StoreImpl::read_topic(const Uuid& topic, Position from,
                                          std::size_t bytes_max) const {
  return read_ordered({.from = from, .end = core_.end(), .bytes_max = bytes_max, .topic = &topic});
}

Result<OrderedRead> StoreImpl::read_ordered(const OrderedRange& range) const {
  if (range.from < Position(0) || range.from > range.end) {
    return fail(Code::kOutOfRange, "position {} is outside 0 to {}", range.from.raw(),
                range.end.raw());
  }
  if (range.from == range.end) return OrderedRead{.batches = {}, .next = range.from, .buffer = {}};
  while (true) {
    STELE_TRY(auto read, RangeReader(parts().order, parts().table, range).read());
    if (read) return *std::move(read);
  }
}

Result<StoreImpl::FoundBatch> StoreImpl::find_batch(const OrderEntry& entry) const {
  FoundBatch found{.ordered = entry, .partition = parts().table.partition(entry.from), .place = {}};
  if (found.partition == nullptr ||
      entry.base_offset.next(entry.record_count) <= found.partition->log_start())
    return found;
  STELE_TRY(found.place, found.partition->find_batch(entry));
  return found;
}

bool StoreImpl::wait_for(const TopicPartition& partition, Offset offset,
                         std::chrono::nanoseconds longest) const {
  const PartitionPtr found = parts().table.partition(partition);
  if (found == nullptr) return false;
  std::unique_lock lock(wait_mutex_);
  return waiters_.wait_for(lock, longest, [&] { return found->end() > offset; });
}

bool StoreImpl::wait_for(Position position, std::chrono::nanoseconds longest) const {
  std::unique_lock lock(wait_mutex_);
  return waiters_.wait_for(lock, longest, [&] { return core_.end() > position; });
}

void StoreImpl::on_advance(std::function<void(std::span<const PartitionAdvance>)> listener) {
  listeners_.push_back(std::move(listener));
}

Result<OrderedRead> StoreImpl::read_batch_at(Position position) const {
  if (position < Position(0) || position >= core_.end()) {
    return fail(Code::kOutOfRange, "position {} is outside 0 to {}", position.raw(),
                core_.end().raw());
  }
  OrderedRead result;
  while (true) {
    const auto listed = parts().order.entry_at(position);
    // So old that the order log lists it no more: it was let go of, as all around it.
    if (!listed && listed.error().code == Code::kOutOfRange) {
      result.next = position.next();
      return result;
    }
    if (!listed) return std::unexpected(listed.error());
    const OrderEntry& entry = *listed;
    STELE_TRY(const FoundBatch found, find_batch(entry));
    result.buffer.resize(found.bytes());
    ByteView batch = result.buffer;
    const auto read =
        found.place ? found.partition->read_batch(*found.place, result.buffer) : Result<void>{};
    // Compaction has replaced the file meanwhile: where is it now?
    if (!read && read.error().code == Code::kNotFound) continue;
    if (!read && read.error().code != Code::kOutOfRange) return std::unexpected(read.error());
    if (!read) batch = {};
    result.batches.push_back({.position = entry.position,
                              .recorded_us = entry.recorded_us,
                              .from = entry.from,
                              .base_offset = entry.base_offset,
                              .record_count = static_cast<std::int32_t>(entry.record_count),
                              .batch = batch});
    result.next = entry.position.next(entry.record_count);
    return result;
  }
}

Result<std::optional<Position>> StoreImpl::first_match(const ConditionItem& item, Position from,
                                                       Position below) const {
  const OrderLog& order = parts().order;
  const OrderLookups lookups{
      .topic_of = [&order](Position position) { return topic_at(order, position); },
      .first_of_topics = [&order](const std::vector<Uuid>& topics, Position at,
                                  Position end) { return order.first_of_topics(topics, at, end); }};
  return find_first_match(*parts().index, lookups, item, from, std::min(below, core_.end()));
}

Result<Position> StoreImpl::find_recorded(std::int64_t recorded_us) const {
  const Position end = core_.end();
  STELE_TRY(const auto found, parts().order.find_recorded(recorded_us));
  return found ? std::min(*found, end) : end;
}

StoreStats StoreImpl::stats() const {
  const CoreStats& core = core_.stats();
  StoreStats stats;
  stats.state = state();
  stats.stopped_because = core_.stopped_because();
  stats.committed_records = core.committed_records;
  stats.committed_batches = core.committed_batches;
  stats.committed_groups = core.committed_groups;
  stats.committed_bytes = core.committed_bytes;
  stats.duplicate_batches = core.duplicate_batches;
  stats.refused_appends = core.refused_appends;
  stats.checkpoints = core.checkpoints;
  stats.segments_created = core.segments_created;
  stats.segments_deleted = core.segments_deleted;
  stats.producer_count = core.producer_count;
  stats.journal_bytes = core.journal_bytes;
  stats.journal_used_bytes = core.journal_used_bytes;
  stats.queued_bytes = core_.queued_bytes();
  stats.topic_count = static_cast<std::int64_t>(parts().table.topics().size());
  for (const PartitionPtr& partition : parts().table.partitions()) {
    ++stats.partition_count;
    stats.segment_count += static_cast<std::int64_t>(partition->segments()->size());
    stats.log_bytes += partition->size_bytes();
  }
  stats.recovered_entries = parts().recovered_entries;
  stats.quarantined_bytes = parts().quarantined_bytes;
  const Compactor& compactor = core_.compactor();
  stats.compactions = compactor.run_count();
  stats.compaction_failures = compactor.failure_count();
  stats.compaction_read_bytes = compactor.counts().read_bytes;
  stats.compaction_written_bytes = compactor.counts().written_bytes;
  stats.compaction_removed_records = compactor.counts().removed_records;
  stats.compaction_dirty_ratio_max = compactor.dirty_ratio_max();
  stats.compaction_last_failure = compactor.last_failure();
  const ScavengeCounts& scavenges = compactor.scavenges();
  stats.scavenges = scavenges.ended;
  stats.scavenge_running = scavenges.running;
  stats.scavenge_removed_events = scavenges.removed_events;
  stats.scavenge_removed_bytes = scavenges.removed_bytes;
  if (parts().floors != nullptr) {
    stats.floor_files = parts().floors->file_count();
    stats.floor_bytes = parts().floors->bytes();
  }
  stats.open_took = open_took_;
  return stats;
}

}  // namespace stele::log
