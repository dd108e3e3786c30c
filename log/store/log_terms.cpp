#include "log/store/log_terms.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/store/catalogue.h"
#include "log/store/gather_terms.h"
#include "log/store/superblock.h"

namespace stele::log {
namespace {

Position behind(const OrderEntry& entry) {
  return entry.position.next(entry.record_count);
}

}  // namespace

Result<void> LogTerms::load() {
  STELE_TRY(SuperblockPair pair, read_superblocks(parts_.env, parts_.folder, parts_.id));
  image_ = std::move(pair.newest);
  parts_.order.restore(image_.order_count, image_.order_first_block, image_.order_tail);
  for (PartitionImage& image : image_.partitions) {
    const TopicPartition id = image.id;
    partitions_[id] = std::make_shared<Partition>(
        parts_.files, parts_.order, parts_.partition_folder(id), parts_.seed(), std::move(image));
  }
  STELE_DO(fold_catalogue());
  journal_end_ = image_.end;
  return scan_journal([this](const ScannedEntry& scanned) -> Result<void> {
    for (const JournalPart& part : scanned.entry.parts) {
      if (part.kind != PartKind::kBatch) continue;
      journal_end_ = part.position.next(part.record_count);
      if (part.partition.topic == catalogue_id())
        STELE_DO(catalogue_.apply_batch(scanned.body.subspan(part.body_at, part.batch_bytes)));
    }
    return {};
  });
}

Result<void> LogTerms::fold_catalogue() {
  const auto found = partitions_.find({catalogue_id(), 0});
  if (found == partitions_.end()) return {};
  return for_each_batch(*found->second,
                        [this](ByteView batch) { return catalogue_.apply_batch(batch); });
}

Result<void> LogTerms::scan_journal(const std::function<Result<void>(const ScannedEntry&)>& visit) {
  STELE_TRY(const auto journal,
            Journal::open(parts_.env, parts_.folder + "/journal", parts_.id, true));
  STELE_TRY(const JournalEnd end, journal->scan(image_.replay_from, visit));
  static_cast<void>(end);
  return {};
}

const TopicInfo* LogTerms::find_topic(const Uuid& id) const {
  if (id == catalogue_id()) return catalogue_topic().get();
  return catalogue_.find(id).get();
}

std::string LogTerms::topic_name(const Uuid& id) const {
  const TopicInfo* topic = find_topic(id);
  return topic == nullptr ? id.text() : topic->name;
}

Result<Position> LogTerms::find_recorded(std::int64_t recorded_us) const {
  STELE_TRY(const auto found, parts_.order.find_recorded(recorded_us));
  return found.value_or(image_.end);
}

Result<void> LogTerms::add_to(TermIndex& index, Position end, std::uint64_t tail_bytes_max,
                              const std::function<void(Position)>& progress) {
  index_ = &index;
  tail_bytes_max_ = tail_bytes_max;
  const OrderLog& order = parts_.order;
  for (std::uint64_t block = order.first_block(); block < order.block_count(); ++block) {
    STELE_TRY(const auto entries, order.block(block));
    if (block == order.first_block()) gone_.add(Position(0), entries.front().position);
    for (const OrderEntry& entry : entries) {
      if (entry.position < end) STELE_DO(add(entry));
    }
    if (entries.back().position >= end) break;
    progress(behind(entries.back()));
  }
  if (end > image_.end) STELE_DO(add_journal(end));
  index_->advance(std::max(index_->indexed_to(), end));
  return index_->flush(end);
}

Result<void> LogTerms::add(const OrderEntry& entry) {
  const TopicInfo* topic = find_topic(entry.from.topic);
  if (topic == nullptr) {
    deleted_.add(entry.position, behind(entry));
  } else if (is_indexed(*topic)) {
    STELE_DO(add_stored(entry));
  }
  index_->advance(behind(entry));
  if (index_->stats().tail_bytes < tail_bytes_max_) return {};
  return index_->flush(behind(entry));
}

Result<void> LogTerms::add_stored(const OrderEntry& entry) {
  const auto found = partitions_.find(entry.from);
  const Partition* partition = found == partitions_.end() ? nullptr : found->second.get();
  if (partition == nullptr ||
      entry.base_offset.next(entry.record_count) <= partition->log_start()) {
    gone_.add(entry.position, behind(entry));
    return {};
  }
  STELE_TRY(const auto place, partition->find_batch(entry));
  // Of a batch that was compacted some records may be gone.
  if (!place || !place->crc) gone_.add(entry.position, behind(entry));
  if (!place) return {};
  batch_.resize(place->batch_bytes);
  const auto read = partition->read_batch(*place, batch_);
  if (read) return add_batch(entry, batch_);
  if (read.error().code != Code::kCorrupt) return std::unexpected(read.error());
  cannot_read(entry, read.error());
  return {};
}

Result<void> LogTerms::add_batch(const OrderEntry& entry, ByteView batch) {
  const auto terms = gather_terms(index_->hasher(), entry.from.topic, batch, decompressor_);
  if (terms) {
    index_->add(**terms, entry.position, entry.from.partition);
  } else {
    cannot_read(entry, terms.error());
  }
  return {};
}

void LogTerms::cannot_read(const OrderEntry& entry, const Error& error) {
  gone_.add(entry.position, behind(entry));
  unread_.push_back(
      {.place = fmt::format("partition {} offset {}", entry.from.text(), entry.base_offset.raw()),
       .what = error.detail});
}

// What came after the checkpoint.
Result<void> LogTerms::add_journal(Position end) {
  return scan_journal([&](const ScannedEntry& scanned) -> Result<void> {
    for (std::size_t i = 0; i < scanned.entry.parts.size(); ++i) {
      const JournalPart& part = scanned.entry.parts[i];
      if (part.kind != PartKind::kBatch || part.position >= end) continue;
      OrderEntry entry{.position = part.position, .from = part.partition};
      entry.record_count = part.record_count;
      entry.base_offset = part.base_offset;
      const TopicInfo* topic = find_topic(part.partition.topic);
      const bool damaged =
          std::ranges::find(scanned.damaged_parts, i) != scanned.damaged_parts.end();
      if (topic == nullptr) {
        deleted_.add(entry.position, behind(entry));
      } else if (damaged) {
        cannot_read(entry, {.code = Code::kCorrupt, .detail = "is damaged in the journal"});
      } else if (is_indexed(*topic)) {
        STELE_DO(add_batch(entry, scanned.body.subspan(part.body_at, part.batch_bytes)));
      }
      index_->advance(behind(entry));
    }
    return {};
  });
}

}  // namespace stele::log
