// StoreImpl's readers: they take no lock of the core and see only what is durable.
#include <algorithm>

#include "log/base/fail.h"
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
  const Position end = core_.end();
  if (from < Position(0) || from > end) {
    return fail(Code::kOutOfRange, "position {} is outside 0 to {}", from.raw(), end.raw());
  }
  OrderedRead result;
  result.next = from;
  if (from == end) return result;
  // First the entries, so that the buffer is made once and views into it stay true.
  STELE_TRY(std::uint64_t block, parts().order.find(from));
  std::vector<OrderEntry> chosen;
  std::size_t bytes = 0;
  for (bool full = false; !full && block < parts().order.block_count(); ++block) {
    STELE_TRY(const auto entries, parts().order.block(block));
    for (const OrderEntry& entry : entries) {
      if (entry.position.next(entry.record_count) <= from) continue;
      full = entry.position >= end || (!chosen.empty() && bytes + entry.batch_bytes > bytes_max);
      if (full) break;
      bytes += entry.batch_bytes;
      chosen.push_back(entry);
    }
  }
  result.buffer.resize(bytes);
  std::size_t at = 0;
  for (const OrderEntry& entry : chosen) {
    OrderedBatch batch{.position = entry.position,
                       .recorded_us = entry.recorded_us,
                       .from = entry.from,
                       .base_offset = entry.base_offset,
                       .record_count = static_cast<std::int32_t>(entry.record_count),
                       .batch = {}};
    const PartitionPtr partition = parts().table.partition(entry.from);
    if (partition != nullptr &&
        entry.base_offset.next(entry.record_count) > partition->log_start()) {
      const ByteSpan into = ByteSpan(result.buffer).subspan(at, entry.batch_bytes);
      const auto read =
          partition->read_batch(entry.base_offset, entry.file_at, entry.batch_crc, into);
      const bool gone =
          !read && (read.error().code == Code::kOutOfRange || read.error().code == Code::kNotFound);
      if (!read && !gone) return std::unexpected(read.error());
      if (!gone) batch.batch = into;
      at += entry.batch_bytes;
    }
    result.batches.push_back(batch);
    result.next = entry.position.next(entry.record_count);
  }
  return result;
}

bool StoreImpl::wait_for(const TopicPartition& partition, Offset offset,
                         std::chrono::nanoseconds longest) const {
  const PartitionPtr found = parts().table.partition(partition);
  if (found == nullptr) return false;
  std::unique_lock lock(wait_mutex_);
  return waiters_.wait_for(lock, longest, [&] { return found->end() > offset; });
}

void StoreImpl::on_advance(std::function<void(std::span<const PartitionAdvance>)> listener) {
  listener_ = std::move(listener);
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
  stats.open_took = open_took_;
  return stats;
}

}  // namespace stele::log
