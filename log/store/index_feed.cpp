#include "log/store/index_feed.h"

#include "log/base/fail.h"
#include "log/store/gather_terms.h"

namespace stele::log {

bool IndexFeed::wants(const Uuid& topic) const {
  const TopicEntry* known = parts_.sequencer.find_topic(topic);
  return known != nullptr && is_indexed(*known->info);
}

Result<void> IndexFeed::run(Position from) {
  const OrderLog& order = parts_.order;
  STELE_DO(open_floors(from));
  if (order.first_block() < order.block_count()) {
    STELE_TRY(std::uint64_t block, order.find(from));
    for (; block < order.block_count(); ++block) {
      STELE_TRY(const auto entries, order.block(block));
      for (const OrderEntry& entry : entries) {
        if (entry.position.next(entry.record_count) > from) STELE_DO(feed(entry));
      }
    }
  }
  STELE_DO(feed_removed_below(parts_.sequencer.end()));
  return sink_.advance(parts_.sequencer.end());
}

// --- what is gone ---

Result<void> IndexFeed::open_floors(Position from) {
  if (parts_.floors == nullptr) return check_beginning(from);
  auto reader = parts_.floors->reader(from);
  if (!reader && reader.error().code == Code::kIo) return std::unexpected(reader.error());
  if (!reader) {
    floors_damaged(reader.error());
    return {};
  }
  floors_ = std::move(*reader);
  return next_removed();
}

// Without floors nobody knows what stood before the first batch that the order log lists.
Result<void> IndexFeed::check_beginning(Position from) {
  if (parts_.order.first_block() == 0 || parts_.order.block_count() == 0) return {};
  STELE_TRY(const auto entries, parts_.order.block(parts_.order.first_block()));
  if (!entries.empty() && entries.front().position > from)
    floors_damaged({Code::kCorrupt, "the version floors are damaged"});
  return {};
}

// Of topics that are still there.
Result<void> IndexFeed::next_removed() {
  while (floors_ != nullptr) {
    const auto more = floors_->next();
    if (!more && more.error().code == Code::kIo) return std::unexpected(more.error());
    if (!more) {
      floors_damaged(more.error());
    } else if (!*more) {
      floors_.reset();
    } else if (wants(floors_->event().from.topic)) {
      return {};
    }
  }
  return {};
}

// Which topics' events it held cannot be told.
void IndexFeed::floors_damaged(const Error& error) {
  floors_.reset();
  parts_.env.report(Severity::kError,
                    fmt::format("version_floors_damaged reason=\"{}\"", error.text()));
  for (const auto& [id, topic] : parts_.sequencer.topics()) {
    if (is_indexed(*topic.info)) sink_.lost(id, error.detail);
  }
}

Result<void> IndexFeed::feed_removed_below(Position position) {
  while (floors_ != nullptr && floors_->event().position < position) {
    const RemovedEvent& event = floors_->event();
    BatchTerms terms(hasher_, event.from.topic);
    for (const RemovedEvent::RemovedTerm& term : event.terms) terms.add(0, term.kind, term.bytes);
    STELE_DO(sink_.add(terms, event.position, event.from.partition));
    STELE_DO(sink_.advance(event.position.next()));
    STELE_DO(next_removed());
  }
  return {};
}

// --- what is there ---

Result<void> IndexFeed::feed(const OrderEntry& entry) {
  const Position next = entry.position.next(entry.record_count);
  STELE_DO(feed_removed_below(entry.position));
  const PartitionPtr partition = parts_.sequencer.find_partition(entry.from);
  if (partition != nullptr && wants(entry.from.topic)) {
    removed_.clear();
    while (floors_ != nullptr && floors_->event().position < next) {
      removed_.push_back(floors_->event());
      STELE_DO(next_removed());
    }
    STELE_DO(feed_batch(entry, *partition));
  }
  return sink_.advance(next);
}

Result<void> IndexFeed::feed_batch(const OrderEntry& entry, const Partition& partition) {
  std::optional<StoredBatch> place;
  if (entry.base_offset.next(entry.record_count) > partition.log_start()) {
    STELE_TRY(place, partition.find_batch(entry));
  }
  if (!place) {
    if (removed_.empty()) lost(entry, "were removed and not counted");
    return feed_merged(entry, nullptr);
  }
  batch_.resize(place->batch_bytes);
  const auto read = partition.read_batch(*place, batch_);
  const auto terms = read
                         ? gather_terms(hasher_, entry.from.topic, batch_, decompressor_)
                         : Result<std::shared_ptr<const BatchTerms>>(std::unexpected(read.error()));
  if (!terms && terms.error().code == Code::kIo) return std::unexpected(terms.error());
  if (!terms) {
    damaged(entry, terms.error());
    return feed_merged(entry, nullptr);
  }
  const auto header = parse_batch_header(batch_);
  const bool whole = header && std::cmp_equal(header->record_count, entry.record_count);
  if (!whole && removed_.empty()) lost(entry, "were removed and not counted");
  return feed_merged(entry, terms->get());
}

// What stands both in the log and in the floors counts once: the index sees to that.
Result<void> IndexFeed::feed_merged(const OrderEntry& entry, const BatchTerms* in_log) {
  const std::int32_t partition = entry.from.partition;
  if (removed_.empty())
    return in_log == nullptr ? Result<void>{} : sink_.add(*in_log, entry.position, partition);
  BatchTerms merged(hasher_, entry.from.topic);
  std::size_t next = 0;
  const auto add_log_to = [&](std::int32_t index) {
    for (; in_log != nullptr && next < in_log->entries().size() &&
           in_log->entries()[next].record_index <= index;
         ++next) {
      const BatchTerms::Entry& one = in_log->entries()[next];
      merged.add(one.record_index, one.kind, in_log->term(one).bytes);
    }
  };
  for (const RemovedEvent& event : removed_) {
    const auto index = static_cast<std::int32_t>(distance(entry.position, event.position));
    add_log_to(index);
    for (const RemovedEvent::RemovedTerm& term : event.terms)
      merged.add(index, term.kind, term.bytes);
  }
  add_log_to(INT32_MAX);
  return sink_.add(merged, entry.position, partition);
}

void IndexFeed::lost(const OrderEntry& entry, std::string_view what) {
  sink_.lost(entry.from.topic, fmt::format("events of partition {} at offset {} {}",
                                           entry.from.text(), entry.base_offset.raw(), what));
}

// Reads of it answer kCorrupt, and so do expectations on streams of its topic: what it held is not
// counted. The rest of the store is served.
void IndexFeed::damaged(const OrderEntry& entry, const Error& error) {
  sink_.lost(entry.from.topic, fmt::format("a batch of partition {} at offset {} is damaged",
                                           entry.from.text(), entry.base_offset.raw()));
  parts_.env.report(Severity::kError,
                    fmt::format("batch_not_indexed partition={} offset={} reason=\"{}\"",
                                entry.from.text(), entry.base_offset.raw(), error.text()));
}

}  // namespace stele::log
