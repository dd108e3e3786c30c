#include "log/event_store/position_reader.h"

#include "log/base/check.h"
#include "log/store/catalogue.h"

namespace stele::log {
namespace {

constexpr std::size_t kAheadBytes = 1 << 20;
constexpr std::size_t kCallBytes = 256;  // that a call which finds little counts for

}  // namespace

bool is_public(const TopicInfo& topic) {
  return !topic.internal && topic.name != kCatalogueName;
}

Result<void> PositionReader::move_to(Position position) {
  if (position >= first_ && position < end_) return {};
  if (options_.in_order) return load_next(position);
  DecodedBatchPtr cached = cache_.find(position);
  if (cached == nullptr) return load_one(position);
  show_gap(cached->first(), cached->end());
  if (find_topic(cached->from())) batch_ = std::move(cached);
  return {};
}

Result<void> PositionReader::load_one(Position position) {
  STELE_TRY(OrderedRead read, store_.read_batch_at(position));
  read_bytes_ += read.buffer.size() + kCallBytes;
  if (read.batches.empty() || read.batches.front().position > position) {
    show_gap(position, position.next());
    return {};
  }
  auto owner = std::make_shared<const Bytes>(std::move(read.buffer));
  STELE_DO(show(read.batches.front(), owner));
  if (batch_ != nullptr && !topic_->config.compacted()) cache_.put(batch_);
  return {};
}

Result<void> PositionReader::load_next(Position position) {
  if (position >= ahead_.next) STELE_DO(fetch_ahead(position));
  while (next_ahead_ < ahead_.batches.size()) {
    const OrderedBatch& next = ahead_.batches[next_ahead_];
    if (next.position > position) {
      show_gap(position, next.position);
      return {};
    }
    if (position < next.position.next(next.record_count)) return show(next, ahead_owner_);
    ++next_ahead_;
  }
  show_gap(position, ahead_.next);
  return {};
}

Result<void> PositionReader::fetch_ahead(Position position) {
  STELE_TRY(ahead_, options_.topic ? store_.read_topic(*options_.topic, position, kAheadBytes)
                                   : store_.read_all(position, kAheadBytes));
  STELE_CHECK(ahead_.next > position);
  ahead_owner_ = std::make_shared<const Bytes>(std::move(ahead_.buffer));
  next_ahead_ = 0;
  read_bytes_ += ahead_owner_->size() + (ahead_.batches.size() + 1) * kCallBytes;
  return {};
}

Result<void> PositionReader::show(const OrderedBatch& ordered,
                                  const std::shared_ptr<const Bytes>& owner) {
  show_gap(ordered.position, ordered.position.next(ordered.record_count));
  if (ordered.batch.empty() || !find_topic(ordered.from)) return {};
  STELE_TRY(batch_, DecodedBatch::make(ordered, owner, decompressor_));
  return {};
}

// False: its events are not to be read.
bool PositionReader::find_topic(const TopicPartition& from) {
  if (topic_ == nullptr || topic_->id != from.topic) topic_ = store_.find_topic(from.topic);
  if (topic_ == nullptr) return false;
  if (options_.topic ? topic_->id != *options_.topic : !is_public(*topic_)) return false;
  const auto ends = store_.ends(from);
  if (!ends) return false;
  log_start_ = ends->log_start;
  return true;
}

void PositionReader::show_gap(Position first, Position end) {
  first_ = first;
  end_ = end;
  batch_ = nullptr;
}

std::optional<RecordView> PositionReader::record(Position position) const {
  if (batch_->offset_of(position) < log_start_) return std::nullopt;
  return batch_->record(position);
}

RecordPlace PositionReader::place(Position position) const {
  return {.topic = topic_->name,
          .partition = batch_->from(),
          .offset = batch_->offset_of(position),
          .position = position,
          .recorded_us = batch_->recorded_us()};
}

}  // namespace stele::log
