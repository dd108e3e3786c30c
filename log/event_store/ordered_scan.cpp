#include "log/event_store/ordered_scan.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/store/catalogue.h"

namespace stele::log {
namespace {

constexpr std::size_t kFetchBytesMin = 64 << 10;
constexpr std::size_t kFetchBytesMax = 1 << 20;
constexpr std::size_t kFetchGrowth = 4;
constexpr std::size_t kBatchOverheadBytes = 256;  // that a batch counts for beyond its bytes

}  // namespace

bool is_public(const TopicInfo& topic) {
  return !topic.internal && topic.name != kCatalogueName;
}

OrderedScan::OrderedScan(const Store& store, std::optional<Uuid> topic, std::size_t bytes_expected)
    : store_(store),
      only_(topic),
      fetch_bytes_(std::clamp(bytes_expected, kFetchBytesMin, kFetchBytesMax)),
      fetch_bytes_max_(std::min(2 * fetch_bytes_, kFetchBytesMax)) {}

void OrderedScan::begin_page() {
  known_.reset();
  if (!reader_) return;
  if (!find_topic(batch_.from)) reader_.reset();
  found_ = found_ && reader_ && place().offset >= log_start_;
}

Result<bool> OrderedScan::seek(Position place) {
  const bool is_behind = place >= next_ || (found_ && place >= position_);
  if (!is_behind) drop();
  bool fetched = false;
  while (!found_ || position_ < place) {
    auto more = move_on(place, fetched);
    if (!more) drop();
    if (!more) return std::unexpected(std::move(more).error());
    if (!*more) return false;
  }
  return true;
}

// One step nearer to `place`. False: the next one is another read of the store.
Result<bool> OrderedScan::move_on(Position place, bool& fetched) {
  if (reader_) {
    STELE_DO(read_on());
  } else if (opened_ < ahead_.batches.size()) {
    const OrderedBatch& batch = ahead_.batches[opened_++];
    next_ = batch.position.next(batch.record_count);
    if (next_ > place) STELE_DO(open(batch));
  } else if (ahead_.next > next_) {
    next_ = ahead_.next;
  } else if (fetched) {
    return false;
  } else {
    fetched = true;
    STELE_DO(fetch(std::max(place, next_)));
  }
  return true;
}

Result<void> OrderedScan::fetch(Position place) {
  ahead_ = {};  // its memory can be that of the next one
  opened_ = 0;
  known_.reset();
  next_ = place;
  if (place >= store_.end()) return {};
  STELE_TRY(ahead_, only_ ? store_.read_topic(*only_, place, fetch_bytes_)
                          : store_.read_all(place, fetch_bytes_));
  STELE_CHECK(ahead_.next > place);
  read_bytes_ += ahead_.buffer.size() + (ahead_.batches.size() + 1) * kBatchOverheadBytes;
  fetch_bytes_ = std::min(fetch_bytes_ * kFetchGrowth, fetch_bytes_max_);
  return {};
}

Result<void> OrderedScan::open(const OrderedBatch& batch) {
  if (batch.batch.empty() || !find_topic(batch.from)) return {};
  batch_ = batch;
  const auto corrupt = [&](const Error& error) {
    return fail(Code::kCorrupt, "partition {}, offset {}: {}", batch.from.text(),
                batch.base_offset.raw(), error.detail);
  };
  const auto header = parse_batch_header(batch.batch);
  if (!header) return corrupt(header.error());
  ByteView records = batch.batch.subspan(kBatchHeaderBytes);
  if (header->codec_id() != static_cast<std::uint8_t>(Codec::kNone)) {
    const auto section = decompressor_.decompress(static_cast<Codec>(header->codec_id()), records,
                                                  Decompressor::kLimitBytesMax);
    if (!section) return corrupt(section.error());
    records = *section;
  }
  // Base offset and deltas stay when compaction removes records; positions follow the offsets.
  shift_ = distance(batch.base_offset, header->base_offset);
  reader_.emplace(*header, records);
  return read_on();
}

// The next record of the batch that was not let go of; or its end.
Result<void> OrderedScan::read_on() {
  found_ = false;
  while (reader_->next()) {
    const std::int64_t delta = shift_ + reader_->record().offset_delta;
    if (delta < 0 || delta >= batch_.record_count)
      return fail(Code::kCorrupt,
                  "partition {}, offset {}: a record's offset is outside what was appended",
                  batch_.from.text(), batch_.base_offset.raw());
    if (batch_.base_offset.next(delta) < log_start_) continue;
    position_ = batch_.position.next(delta);
    found_ = true;
    return {};
  }
  return close();
}

Result<void> OrderedScan::close() {
  const auto whole = reader_->finish();
  reader_.reset();
  if (!whole)
    return fail(Code::kCorrupt, "partition {}, offset {}: {}", batch_.from.text(),
                batch_.base_offset.raw(), whole.error().detail);
  if (opened_ < ahead_.batches.size()) return {};
  ahead_.batches = {};
  ahead_.buffer = {};
  opened_ = 0;
  return {};
}

// False: its events are not to be read.
bool OrderedScan::find_topic(const TopicPartition& from) {
  if (known_ == from) return topic_ != nullptr;
  known_ = from;
  topic_ = store_.find_topic(from.topic);
  if (topic_ == nullptr) return false;
  const auto ends = store_.ends(from);
  const bool wanted = only_ ? topic_->id == *only_ : is_public(*topic_);
  if (!wanted || !ends) topic_ = nullptr;
  if (ends) log_start_ = ends->log_start;
  return topic_ != nullptr;
}

RecordPlace OrderedScan::place() const {
  return {.topic = topic_->name,
          .partition = batch_.from,
          .offset = batch_.base_offset.next(distance(batch_.position, position_)),
          .position = position_,
          .recorded_us = batch_.recorded_us};
}

void OrderedScan::drop() {
  ahead_ = {};
  opened_ = 0;
  next_ = Position(0);
  reader_.reset();
  found_ = false;
}

}  // namespace stele::log
