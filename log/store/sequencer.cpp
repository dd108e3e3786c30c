#include "log/store/sequencer.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/store/gather_terms.h"

namespace stele::log {

std::uint64_t Operation::body_bytes() const {
  std::uint64_t total = 0;
  for (const BatchAppend& batch : request.batches) total += batch.batch.size();
  return total;
}

JournalPart make_swap_part(const TopicPartition& partition, const SegmentImage& image, Offset next,
                           Position position) {
  return {.kind = PartKind::kSwap,
          .partition = partition,
          .base_offset = image.base,
          .segment_base = next,
          .file_at = image.bytes,
          .position = position,
          .record_count = static_cast<std::uint32_t>(image.batch_count),
          .batch_crc = image.generation,
          .min_timestamp_ms = image.dirty_from.raw(),
          .max_timestamp_ms = image.max_timestamp_ms,
          .created_us = image.created_us};
}

SegmentImage swapped_segment(const JournalPart& part) {
  return {.base = part.base_offset,
          .bytes = part.file_at,
          .batch_count = part.record_count,
          .max_timestamp_ms = part.max_timestamp_ms,
          .created_us = part.created_us,
          .generation = part.batch_crc,
          .dirty_from = Offset(part.min_timestamp_ms)};
}

TopicEntry* Sequencer::find_topic(const Uuid& id) {
  const auto found = topics_.find(id);
  return found == topics_.end() ? nullptr : &found->second;
}

PartitionPtr Sequencer::find_partition(const TopicPartition& id) const {
  const auto found = topics_.find(id.topic);
  if (found == topics_.end() || id.partition < 0) return nullptr;
  const auto index = static_cast<std::size_t>(id.partition);
  return index < found->second.partitions.size() ? found->second.partitions[index] : nullptr;
}

Result<Sequencer::Checked> Sequencer::check(const BatchAppend& batch) const {
  const PartitionPtr partition = find_partition(batch.to);
  if (partition == nullptr)
    return fail(Code::kNotFound, "partition {} does not exist", batch.to.text());
  STELE_TRY(const BatchHeader header, parse_batch_header(batch.batch));
  if (static_cast<std::size_t>(header.batch_bytes) != batch.batch.size() ||
      header.record_count <= 0 || header.last_offset_delta != header.record_count - 1) {
    return fail(Code::kInvalid, "not one whole record batch with dense offsets");
  }
  STELE_TRY(const auto duplicate, partition->producers().check(header));
  if (header.has_producer() && !duplicate && producer_count_ >= options_.producer_count_max &&
      !partition->producers().knows(header.producer_id)) {
    return fail(Code::kOverloaded,
                "{} idempotent producers are remembered already (producer_count_max)",
                producer_count_);
  }
  return Checked{partition, header, duplicate, {}};
}

Result<std::vector<Sequencer::Checked>> Sequencer::check_all(const AppendRequest& request) const {
  std::vector<Checked> checked;
  checked.reserve(request.batches.size());
  for (const BatchAppend& batch : request.batches) {
    STELE_TRY(Checked one, check(batch));
    for (std::size_t before = 0; before < checked.size(); ++before) {
      if (checked[before].partition == one.partition) one.follows = before + 1;
    }
    if (one.follows != 0 && one.header.has_producer())
      return fail(Code::kInvalid, "two batches for partition {}: make them one", batch.to.text());
    checked.push_back(std::move(one));
  }
  const auto duplicates =
      std::ranges::count_if(checked, [](const Checked& c) { return c.duplicate.has_value(); });
  if (duplicates != 0 && static_cast<std::size_t>(duplicates) != checked.size()) {
    return fail(Code::kOutOfSequence, "an atomic append repeats some of its batches, but not all");
  }
  return checked;
}

// Everything that can want for disk space or file descriptors happens here, before anything is
// promised.
Result<void> Sequencer::prepare_space(std::vector<Checked>& batches, const AppendRequest& request,
                                      const CommitGroup& group) {
  STELE_DO(order_.reserve(static_cast<std::uint64_t>(group.batch_count) + batches.size()));
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Checked& batch = batches[i];
    if (batch.follows != 0) {
      const Checked& before = batches[batch.follows - 1];
      batch.place = before.place;
      batch.place.base_offset = before.place.base_offset.next(before.header.record_count);
      batch.place.file_at += static_cast<std::uint64_t>(before.header.batch_bytes);
      continue;
    }
    // All that goes to the partition stands in one segment, one after the other.
    std::uint32_t bytes = 0;
    for (const Checked& one : batches) {
      if (one.partition == batch.partition)
        bytes += static_cast<std::uint32_t>(one.header.batch_bytes);
    }
    const TopicConfig& config = topics_.at(request.batches[i].to.topic).info->config;
    STELE_TRY(batch.place,
              batch.partition->prepare(bytes, group.recorded_us,
                                       {config.segment_bytes, config.segment_ms_max()}));
  }
  return {};
}

void Sequencer::sequence_batch(const Checked& checked, const BatchAppend& batch, CommitGroup& group,
                               AppendOutcome& outcome) {
  const BatchHeader& header = checked.header;
  const auto bytes = static_cast<std::uint32_t>(header.batch_bytes);
  Partition& partition = *checked.partition;
  ProducerStates& producers = partition.producers();
  const std::size_t known = producers.count();
  partition.sequence(checked.place, bytes, header.record_count);
  producers.add(header, checked.place.base_offset, end_, group.recorded_us);
  producer_count_ += producers.count() - known;
  group.parts.push_back({.part = {.kind = PartKind::kBatch,
                                  .partition = partition.id(),
                                  .base_offset = checked.place.base_offset,
                                  .segment_base = checked.place.segment->base(),
                                  .file_at = checked.place.file_at,
                                  .position = end_,
                                  .record_count = static_cast<std::uint32_t>(header.record_count),
                                  .batch_bytes = bytes,
                                  .batch_crc = header.crc,
                                  .body_at = static_cast<std::uint32_t>(group.body_bytes),
                                  .min_timestamp_ms = batch.min_timestamp_ms,
                                  .max_timestamp_ms = batch.max_timestamp_ms},
                         .partition = checked.partition,
                         .segment = checked.place.segment,
                         .source = batch.batch});
  outcome.push_back({.base_offset = checked.place.base_offset,
                     .log_start = partition.log_start(),
                     .position = end_,
                     .recorded_us = group.recorded_us,
                     .duplicate = false});
  group.body_bytes += bytes;
  ++group.batch_count;
  if (index_ != nullptr && batch.terms != nullptr)
    index_->add(*batch.terms, end_, partition.id().partition);
  end_ = end_.next(header.record_count);
}

// Those that whoever submitted could not know: the topic was new then.
Result<void> Sequencer::gather_missing_terms(AppendRequest& request,
                                             const std::vector<Checked>& batches) {
  if (index_ == nullptr) return {};
  for (std::size_t i = 0; i < batches.size(); ++i) {
    BatchAppend& batch = request.batches[i];
    if (batch.terms != nullptr || !is_indexed(*topics_.at(batch.to.topic).info)) continue;
    STELE_TRY(batch.terms,
              gather_terms(index_->hasher(), batch.to.topic, batch.batch, decompressor_));
  }
  return {};
}

// The topics of what is sequenced but not yet in the order log are told by the group's parts.
OrderLookups Sequencer::order_lookups(const CommitGroup& group) const {
  return {.topic_of = [this, &group](Position position) -> Result<Uuid> {
            for (const PlannedPart& planned : group.parts) {
              const JournalPart& part = planned.part;
              if (part.kind == PartKind::kBatch && part.position <= position &&
                  position < part.position.next(part.record_count))
                return part.partition.topic;
            }
            return topic_at(order_, position);
          },
          .first_of_topics = [this, &group](const std::vector<Uuid>& topics, Position from,
                                            Position below) -> Result<std::optional<Position>> {
            STELE_TRY(const auto found, order_.first_of_topics(topics, from, below));
            if (found) return found;
            for (const PlannedPart& planned : group.parts) {
              const JournalPart& part = planned.part;
              const Position at = std::max(from, part.position);
              const bool is_of =
                  topics.empty() || std::ranges::find(topics, part.partition.topic) != topics.end();
              if (part.kind == PartKind::kBatch && is_of && at < below &&
                  at < part.position.next(part.record_count))
                return at;
            }
            return std::nullopt;
          }};
}

Result<void> Sequencer::check_versions_known(const Uuid& topic) const {
  const auto found = damaged_.find(topic);
  if (found == damaged_.end()) return {};
  return fail(Code::kCorrupt, "versions are not known: {}", found->second);
}

Result<void> Sequencer::give_versions(const AppendRequest& request,
                                      const std::vector<Checked>& batches) const {
  if (request.checks == nullptr) return {};
  VersionGiver giver(*index_);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    STELE_DO(giver.give(request.batches[i].terms.get(), batches[i].header.record_count,
                        request.checks->verdict.versions));
  }
  return {};
}

// True: a retry. Nothing of the append is sequenced yet.
Result<bool> Sequencer::check_expectations(const AppendRequest& request,
                                           const CommitGroup& group) const {
  if (request.checks == nullptr) return false;
  if (index_ == nullptr || streams_ == nullptr)
    return fail(Code::kUnsupported, "the store is open for reading only");
  for (const StreamCheck& check : request.checks->streams)
    STELE_DO(check_versions_known(check.stream.topic));
  return check_append(*request.checks, *index_, *streams_, order_lookups(group), end_);
}

// Topics without a tombstone cost one look each.
Result<void> Sequencer::check_tombstones(const AppendRequest& request) const {
  if (streams_ == nullptr) return {};
  for (const BatchAppend& batch : request.batches) {
    if (batch.terms == nullptr || !streams_->any_tombstone(batch.to.topic)) continue;
    for (const BatchTerms::Entry& entry : batch.terms->entries()) {
      if (entry.kind == TermKind::kStream && streams_->tombstoned(batch.terms->term(entry)))
        return fail(Code::kTombstoned, "a stream of the append was deleted for good");
    }
  }
  return {};
}

Result<void> Sequencer::sequence_trims(const Operation& operation, CommitGroup& group) {
  for (const TrimRequest& trim : operation.trims) {
    const PartitionPtr partition = find_partition(trim.partition);
    if (partition == nullptr)
      return fail(Code::kNotFound, "partition {} does not exist", trim.partition.text());
    if (trim.log_start > partition->end() || trim.log_start < Offset(0)) {
      return fail(Code::kOutOfRange, "offset {} is outside {} to {}", trim.log_start.raw(),
                  partition->log_start().raw(), partition->end().raw());
    }
  }
  for (const TrimRequest& trim : operation.trims) {
    const PartitionPtr partition = find_partition(trim.partition);
    if (trim.log_start <= partition->log_start()) continue;
    const Offset keep_base = partition->sequence_trim(trim.log_start);
    group.parts.push_back({.part = {.kind = PartKind::kTrim,
                                    .partition = partition->id(),
                                    .base_offset = trim.log_start,
                                    .segment_base = keep_base,
                                    .position = end_,
                                    .body_at = static_cast<std::uint32_t>(group.body_bytes)},
                           .partition = partition,
                           .segment = nullptr,
                           .source = {}});
  }
  return {};
}

// kNotFound, kWrongVersion: what it was made from is no longer what stands there.
Result<void> Sequencer::sequence_swap(const SwapRequest& swap, CommitGroup& group) {
  Partition& partition = *swap.partition;
  if (find_partition(partition.id()) != swap.partition)
    return fail(Code::kNotFound, "partition {} does not exist", partition.id().text());
  const auto next = partition.find_swap_end(swap.replaced);
  if (!next)
    return fail(Code::kWrongVersion, "segments of partition {} were let go of meanwhile",
                partition.id().text());
  const SegmentImage image = swap.replacement->image();
  STELE_CHECK(image.base == swap.replaced.front()->base() && image.generation > 0);
  partition.sequence_swap(image.base, *next);
  JournalPart part = make_swap_part(partition.id(), image, *next, end_);
  part.body_at = static_cast<std::uint32_t>(group.body_bytes);
  group.parts.push_back({.part = part,
                         .partition = swap.partition,
                         .segment = nullptr,
                         .source = {},
                         .replacement = image.batch_count > 0 ? swap.replacement : nullptr});
  return {};
}

Result<void> Sequencer::add(Operation& operation, CommitGroup& group) {
  if (operation.prepare) STELE_DO(operation.prepare(&operation));
  STELE_TRY(auto checked, check_all(operation.request));
  AppendOutcome outcome;
  STELE_TRY(const bool retry, check_expectations(operation.request, group));
  if (retry) {
    // The first attempt is durable, or in this group.
    group.operations.push_back({std::move(operation), {}});
    return {};
  }
  if (!checked.empty() && checked.front().duplicate) {
    for (const Checked& one : checked) {
      outcome.push_back({one.duplicate->base_offset, one.partition->log_start(),
                         one.duplicate->position, one.duplicate->recorded_us, true});
    }
  } else {
    if (index_ != nullptr && index_->overloaded())
      return fail(Code::kOverloaded, "the index lags behind (its runs cannot be written?)");
    STELE_DO(gather_missing_terms(operation.request, checked));
    STELE_DO(check_tombstones(operation.request));
    STELE_DO(give_versions(operation.request, checked));
    STELE_DO(prepare_space(checked, operation.request, group));
    STELE_DO(sequence_trims(operation, group));
    if (operation.swap) STELE_DO(sequence_swap(*operation.swap, group));
    for (std::size_t i = 0; i < checked.size(); ++i) {
      sequence_batch(checked[i], operation.request.batches[i], group, outcome);
    }
    if (index_ != nullptr) index_->advance(end_);
  }
  if (operation.on_sequenced) operation.on_sequenced();
  group.operations.push_back({std::move(operation), std::move(outcome)});
  return {};
}

std::size_t Sequencer::expire_producers(std::int64_t before_us) {
  for (auto& [id, topic] : topics_) {
    for (const PartitionPtr& partition : topic.partitions) {
      producer_count_ -= partition->producers().expire(before_us);
    }
  }
  return producer_count_;
}

}  // namespace stele::log
