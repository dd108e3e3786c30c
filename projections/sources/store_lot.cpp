#include "projections/sources/store_lot.h"

#include <algorithm>
#include <cstring>

#include "log/base/fail.h"
#include "log/event_store/ordered_scan.h"
#include "log/events/utf8.h"

namespace stele::projections {
namespace {

bool is_type_header(std::string_view key) {
  constexpr std::string_view kType = "ce_type";
  return key.size() == kType.size() && std::memcmp(key.data(), kType.data(), kType.size()) == 0;
}

std::unexpected<Error> corrupt(const log::OrderedBatch& batch, const Error& error) {
  return fail(Code::kCorrupt, "partition {}, offset {}: {}", batch.from.text(),
              batch.base_offset.raw(), error.detail);
}

}  // namespace

Result<std::shared_ptr<StoreLot>> StoreLotMaker::make(StoreLot::Read read) {
  auto lot = std::make_shared<StoreLot>();
  lot->input = InputId::store();
  lot->read_ = std::move(read.batches);
  first_ = read.from;
  // Topics, log starts and rules may have changed since the lot before.
  from_.reset();
  limits_.emplace(store_, read.end);
  header_counts_.clear();
  known_types_ = {};
  lot->list_.reserve(event_count_);
  lot->headers_.reserve(header_count_);
  STELE_DO(add_all(*lot));
  // Only now do the headers stay where they are.
  const HeaderView* headers = lot->headers_.data();
  for (std::size_t i = 0; i < lot->list_.size(); ++i) {
    lot->list_[i].headers = {headers, header_counts_[i]};
    headers += header_counts_[i];
  }
  event_count_ = std::max(event_count_, lot->list_.size());
  header_count_ = std::max(header_count_, lot->headers_.size());
  lot->events = lot->list_;
  lot->next = std::max(lot->read_.next, read.from).raw();
  lot->input_end = std::max(lot->next, read.end.raw());
  lot->end = lot->next >= read.end.raw();
  return lot;
}

// What stands in front of damage is given; the next lot begins at it, and tells of it.
Result<void> StoreLotMaker::add_all(StoreLot& lot) {
  for (const log::OrderedBatch& batch : lot.read_.batches) {
    const std::size_t event_count = lot.list_.size();
    const std::size_t header_count = lot.headers_.size();
    auto added = add(lot, batch);
    if (added) continue;
    if (event_count == 0) return added;
    lot.list_.resize(event_count);
    lot.headers_.resize(header_count);
    header_counts_.resize(event_count);
    lot.read_.next = batch.position;
    return {};
  }
  return {};
}

Result<void> StoreLotMaker::add(StoreLot& lot, const log::OrderedBatch& batch) {
  if (batch.batch.empty()) return {};
  if (!from_ || from_->partition != batch.from) look_at(lot, batch.from);
  if (from_->topic == nullptr) return {};
  const auto header = parse_batch_header(batch.batch);
  if (!header) return corrupt(batch, header.error());
  const ByteView packed = batch.batch.subspan(kBatchHeaderBytes);
  if (header->codec_id() == static_cast<std::uint8_t>(Codec::kNone))
    return add_records(lot, batch, *header, packed);
  const auto section = decompressor_.decompress(static_cast<Codec>(header->codec_id()), packed,
                                                Decompressor::kLimitBytesMax);
  if (!section) return corrupt(batch, section.error());
  lot.unpacked_.emplace_back(section->begin(), section->end());
  return add_records(lot, batch, *header, lot.unpacked_.back());
}

Result<void> StoreLotMaker::add_records(StoreLot& lot, const log::OrderedBatch& batch,
                                        const BatchHeader& header, ByteView records) {
  // Base offset and deltas stay when compaction removes records; positions follow the offsets.
  const std::int64_t shift = distance(batch.base_offset, header.base_offset);
  const std::int64_t least =
      std::max(distance(batch.base_offset, from_->log_start), distance(batch.position, first_));
  RecordReader reader(header, records);
  while (reader.next()) {
    const RecordView& record = reader.record();
    const std::int64_t delta = shift + record.offset_delta;
    if (delta < 0 || delta >= batch.record_count) [[unlikely]]
      return corrupt(batch, {Code::kCorrupt, "a record's offset is outside what was appended"});
    if (delta < least) continue;
    if (from_->has_rules && record.key) [[unlikely]] {
      STELE_TRY(const bool let_go, is_let_go(record, batch.position.next(delta)));
      if (let_go) continue;
    }
    add_event(lot, batch, record, delta);
  }
  if (const auto whole = reader.finish(); !whole) return corrupt(batch, whole.error());
  return {};
}

void StoreLotMaker::add_event(StoreLot& lot, const log::OrderedBatch& batch,
                              const RecordView& record, std::int64_t delta) {
  const std::size_t before = lot.headers_.size();
  const std::string_view type = read_headers(lot, record.headers);
  header_counts_.push_back(static_cast<std::uint32_t>(lot.headers_.size() - before));
  lot.list_.push_back({.topic = from_->topic->name,
                       .partition = batch.from.partition,
                       .offset = batch.base_offset.next(delta),
                       .position = batch.position.next(delta),
                       .recorded_us = batch.recorded_us,
                       .time_ms = record.timestamp_ms,
                       .stream = record.key,
                       .data = record.value,
                       .type = type,
                       .headers = {},
                       .version = std::nullopt});
}

// Lists them, and answers the event's type: the first ce_type counts, if it is text. Headers behind
// a malformed one are not read.
std::string_view StoreLotMaker::read_headers(StoreLot& lot, const HeadersView& headers) {
  std::string_view type;
  bool type_seen = false;
  HeaderReader reader(headers);
  while (reader.next()) {
    const HeaderView& header = lot.headers_.emplace_back(reader.header());
    if (type_seen || !is_type_header(header.key)) continue;
    type_seen = true;
    type = header.value ? known_type(as_text(*header.value)) : std::string_view();
  }
  return type;
}

// The same bytes give the same view within a lot, so that who looks at types compares addresses.
std::string_view StoreLotMaker::known_type(std::string_view text) {
  if (text.empty()) return {};
  const auto last = static_cast<unsigned char>(text.back());
  std::string_view& known = known_types_[(text.size() + last) % known_types_.size()];
  if (known == text) return known;
  if (!log::is_utf8(text)) return {};
  return known = text;
}

Result<bool> StoreLotMaker::is_let_go(const RecordView& record, Position position) {
  STELE_TRY(const Position first, limits_->first_position(from_->partition.topic, *record.key));
  return position < first;
}

void StoreLotMaker::look_at(StoreLot& lot, const TopicPartition& from) {
  from_ = From{.partition = from, .topic = nullptr, .log_start = {}, .has_rules = false};
  if (std::ranges::find(topics_, from.topic) == topics_.end()) return;
  log::TopicPtr topic = store_.find_topic(from.topic);
  if (topic == nullptr || !log::is_public(*topic)) return;
  const auto ends = store_.ends(from);
  if (!ends) return;
  const bool is_kept = std::ranges::find(lot.topics_, topic) != lot.topics_.end();
  if (!is_kept) lot.topics_.push_back(topic);
  from_->log_start = ends->log_start;
  from_->has_rules = store_.any_stream_rules(from.topic);
  from_->topic = std::move(topic);
}

}  // namespace stele::projections
