#include "log/event_store/position_reader.h"

#include <algorithm>

#include "log/base/check.h"

namespace stele::log {
namespace {

constexpr std::size_t kWindowBytes = 1 << 20;
constexpr std::int64_t kWindowCountMax = 1 << 16;
constexpr std::size_t kCallBytes = 256;  // that a call which finds little counts for

}  // namespace

Result<void> PositionReader::move_to(Position position) {
  if (position >= first_ && position < end_) return {};
  if (options_.backward_count > 0) return load_before(position);
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

// --- backward ---

Result<void> PositionReader::load_before(Position position) {
  if (window_owner_ == nullptr || position < window_first_ || position >= window_.next)
    STELE_DO(read_window(position));
  const auto behind =
      std::ranges::upper_bound(window_.batches, position, {}, &OrderedBatch::position);
  Position gap = window_first_;
  if (behind != window_.batches.begin()) {
    const OrderedBatch& batch = *std::prev(behind);
    gap = batch.position.next(batch.record_count);
    if (position < gap) return show(batch, window_owner_);
  }
  show_gap(gap, position.next());
  return {};
}

// What stands before and at `last`: as many positions as the last window had room for.
Result<void> PositionReader::read_window(Position last) {
  Position from(std::max<std::int64_t>(0, last.raw() + 1 - window_count_));
  STELE_TRY(window_, read_from(from));
  const bool had_room = window_.next > last && window_.buffer.size() < kWindowBytes / 2;
  while (window_.next <= last) {
    from = window_.next;
    STELE_TRY(window_, read_from(from));
  }
  window_first_ = window_.batches.empty() ? from : std::min(from, window_.batches.front().position);
  window_count_ = had_room ? std::min(window_count_ * 2, kWindowCountMax)
                           : std::max<std::int64_t>(1, distance(window_first_, last) + 1);
  window_owner_ = std::make_shared<const Bytes>(std::move(window_.buffer));
  return {};
}

Result<OrderedRead> PositionReader::read_from(Position from) {
  STELE_TRY(OrderedRead read, options_.topic
                                  ? store_.read_topic(*options_.topic, from, kWindowBytes)
                                  : store_.read_all(from, kWindowBytes));
  STELE_CHECK(read.next > from);
  read_bytes_ += read.buffer.size() + (read.batches.size() + 1) * kCallBytes;
  return read;
}

// --- what is shown ---

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
